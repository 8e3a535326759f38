//go:build lithe_middleware

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_middleware"
	bindings "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	chain "lithe/internal/wit/lithe_plugin_next"
	outcomes "lithe/internal/wit/lithe_plugin_outcome"
)

// Next runs the rest of the chain, at most once for an event. Its error is an [*Error].
type Next func() (Outcome, error)

// Middleware runs around handlers.
type Middleware func(event *Event, next Next) (Outcome, error)

func init() {
	Middleware(func(*Event, Next) (Outcome, error) { return nil, errNothingServed }).Serve()
}

// Serve makes this a component of the kind `middleware`.
func (middleware Middleware) Serve() {
	export.Handle = func(handle *bindings.Event) wit.Result[outcomes.Outcome, http.HttpError] {
		return handled(handle, func(event *Event) (Outcome, error) {
			return middleware(event, func() (Outcome, error) { return next(event) })
		})
	}
}

func next(event *Event) (Outcome, error) {
	call := func() wit.Result[outcomes.Outcome, http.HttpError] { return chain.Run(event.handle) }
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
