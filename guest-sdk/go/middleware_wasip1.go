//go:build lithe_middleware

package lithe

import (
	"bytes"

	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_middleware"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	chain "lithe/internal/wit/lithe_plugin_next"
	outcomes "lithe/internal/wit/lithe_plugin_outcome"
)

func init() {
	export.Handle = func(handle *event.Event) wit.Result[outcomes.Outcome, http.HttpError] {
		return loweredOutcome(wrapped(request{handle}))
	}
}

func (request request) next() (Outcome, error) {
	call := func() wit.Result[outcomes.Outcome, http.HttpError] { return chain.Run(request.Event) }
	return readResult(call, func(outcome outcomes.Outcome) Outcome {
		switch outcome.Tag() {
		case outcomes.OutcomeUpgrade:
			return copiedUpgrade(outcome.Upgrade())
		case outcomes.OutcomeStreamed:
			return copiedStream(outcome.Streamed())
		default:
			return copiedResponse(outcome.Response())
		}
	})
}

func copiedResponse(response http.Response) *Response {
	var body []byte
	switch response.Body.Tag() {
	case http.BodyText:
		body = []byte(response.Body.Text())
	case http.BodyBytes:
		body = bytes.Clone(response.Body.Bytes())
	}
	return &Response{int(response.Status), copiedFields(response.Headers), body}
}
