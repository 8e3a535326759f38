package lithe

import (
	"fmt"
	"slices"
)

// Handler answers requests. To return neither an outcome nor an error is a mistake, which is answered
// with 500, and the log says so.
type Handler func(event *Event) (Outcome, error)

// Next runs the rest of the chain, at most once for an event. Its error is an [*Error], or what a
// handler of the same component has failed with.
type Next func() (Outcome, error)

// Middleware runs around handlers: those of an app, by [Group.Use], or all that a component of the
// kind `middleware` stands around.
type Middleware func(event *Event, next Next) (Outcome, error)

// ErrorHandler answers for failures: those of an app, by [Group.OnError], or those of the scope of
// a component of the kind `error`. If it returns neither a response nor an error, the failure goes
// on outward.
type ErrorHandler func(event *Event, failure *Error) (*Response, error)

// Answers by the handler.
func (handler Handler) answer(event *Event) (Outcome, error) {
	outcome, err := handler(event)
	if err != nil {
		return nil, err
	}
	isThere := false
	switch outcome := outcome.(type) {
	case *Response:
		if outcome != nil {
			// A handler may answer with the same response again, and middleware adds its headers.
			copied := *outcome
			copied.Headers = slices.Clip(copied.Headers)
			return &copied, nil
		}
	case *Upgrade:
		isThere = outcome != nil
	case *Stream:
		isThere = outcome != nil
	}
	if !isThere {
		return nil, fmt.Errorf("a handler or a middleware of `%s %s` has returned nothing: return a response, "+
			"such as one with the status 204", event.Method(), event.Route())
	}
	return outcome, nil
}

// Answers for a failure. The error is the failure itself if the handler lets it go on.
func (handler ErrorHandler) answer(event *Event, failure *Error) (*Response, error) {
	response, err := handler(event, failure)
	if err != nil {
		return nil, err
	}
	if response == nil {
		return nil, failure
	}
	return response, nil
}

// Accepts the upgrade of a request that asks for one.
func accept(event *Event) (Outcome, error) { return event.Upgrade(UpgradeOptions{}) }

// Runs a handler for a request, as the host asks. The event is over when it returns.
func handled(request request, handler Handler) (outcome Outcome, failure *Error) {
	defer request.Drop()
	err := run(func() (err error) {
		outcome, err = handler.answer(&Event{request})
		return err
	})
	if err != nil {
		return nil, ErrorOf(err)
	}
	return outcome, nil
}
