//go:build !lithe_error

package lithe

import (
	"fmt"

	wit "lithe/internal/abi"
	bindings "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	outcomes "lithe/internal/wit/lithe_plugin_outcome"
)

// Runs a handler for an event. The event is over when it returns.
func handled(
	handle *bindings.Event, handler func(event *Event) (Outcome, error),
) wit.Result[outcomes.Outcome, http.HttpError] {
	defer handle.Drop()
	var made outcomes.Outcome
	err := guarded(func() error {
		outcome, err := handler(&Event{handle})
		if err == nil {
			made, err = loweredOutcome(outcome)
		}
		return err
	})
	if err != nil {
		return wit.Err[outcomes.Outcome](loweredError(err))
	}
	return wit.Ok[outcomes.Outcome, http.HttpError](made)
}

func loweredOutcome(outcome Outcome) (made outcomes.Outcome, err error) {
	switch outcome := outcome.(type) {
	case nil:
		return outcomes.MakeOutcomeResponse(http.Response{Status: 204, Body: http.MakeBodyEmpty()}), nil
	case *Response:
		return outcomes.MakeOutcomeResponse(outcome.lowered()), nil
	case *Upgrade:
		return outcomes.MakeOutcomeUpgrade(outcome.accepted), nil
	case *Stream:
		return outcomes.MakeOutcomeStreamed(outcome.started), nil
	}
	return made, fmt.Errorf("%T is not an outcome: return a *Response, an *Upgrade or a *Stream", outcome)
}
