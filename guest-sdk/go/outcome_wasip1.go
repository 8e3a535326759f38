//go:build !lithe_error

package lithe

import (
	wit "lithe/internal/abi"
	http "lithe/internal/wit/lithe_plugin_http"
	outcomes "lithe/internal/wit/lithe_plugin_outcome"
	streams "lithe/internal/wit/lithe_plugin_streams"
	ws "lithe/internal/wit/lithe_plugin_ws"
)

// What has come of a request, as the host is told.
func loweredOutcome(outcome Outcome, failure *Error) wit.Result[outcomes.Outcome, http.HttpError] {
	if failure != nil {
		return wit.Err[outcomes.Outcome](loweredError(failure))
	}
	var lowered outcomes.Outcome
	switch outcome := outcome.(type) {
	case *Response:
		lowered = outcomes.MakeOutcomeResponse(loweredResponse(outcome))
	case *Upgrade:
		lowered = outcomes.MakeOutcomeUpgrade(ws.Accepted{
			Socket: uint32(outcome.socket), Headers: loweredFields(outcome.headers),
		})
	case *Stream:
		lowered = outcomes.MakeOutcomeStreamed(streams.Started{
			Socket:  uint32(outcome.socket),
			Status:  loweredStatus(outcome.status),
			Headers: loweredFields(outcome.headers),
		})
	}
	return wit.Ok[outcomes.Outcome, http.HttpError](lowered)
}
