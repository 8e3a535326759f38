// Package middleware has ready-made middleware, for [lithe.Group.Use], for a component of the kind
// `middleware`, or to be called in a middleware of your own:
//
//	app.Use(middleware.Timing())
//
// What adds headers adds them to every answer: also to an upgrade's 101, to a stream's head and to
// the answer of an error.
package middleware

import "lithe"

// What has headers that a middleware may change: an outcome, or a failure.
type head interface {
	AddHeader(name, value string)
	SetHeader(name, value string)
}

// Changes the headers of what has come of an event.
func withHeaders(outcome lithe.Outcome, err error, change func(head head)) (lithe.Outcome, error) {
	if err != nil {
		failure := lithe.ErrorOf(err)
		change(failure)
		return nil, failure
	}
	change(outcome)
	return outcome, nil
}
