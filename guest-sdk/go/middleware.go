//go:build lithe_middleware || !wasip1

package lithe

// What runs around handlers, once something is served.
var around Middleware

// Serve makes this a component of the kind `middleware`.
func (middleware Middleware) Serve() {
	exports(serves)
	around = middleware
}

// Runs the middleware for a request, around what the host runs next.
func wrapped(request request) (Outcome, *Error) {
	return handled(request, func(event *Event) (Outcome, error) {
		if around == nil {
			return nil, errNothingServed
		}
		return around(event, event.request.next)
	})
}
