package middleware

import (
	"fmt"
	"time"

	"lithe"
)

// RequestID takes over the `x-request-id` of a proxy in front, if it is well-formed, and otherwise
// the host's own id. What runs after it finds the id in the local `request-id`. The client finds it
// in the answer's `x-request-id`.
func RequestID() lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		id := event.Header("x-request-id")
		if !isWellFormed(id) {
			id = event.ID()
		}
		event.SetLocal("request-id", id)
		outcome, err := next()
		return withHeaders(outcome, err, func(head head) { head.SetHeader("x-request-id", id) })
	}
}

// Timing writes into `server-timing` how long everything after it took. A browser's developer tools
// show that.
func Timing() lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		start := time.Now()
		outcome, err := next()
		milliseconds := time.Since(start).Seconds() * 1000
		return withHeaders(outcome, err, func(head head) {
			head.AddHeader("server-timing", fmt.Sprintf("total;dur=%.3f", milliseconds))
		})
	}
}

// Fit for a header and a log line.
func isWellFormed(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return 1 <= len(id) && len(id) <= 128
}
