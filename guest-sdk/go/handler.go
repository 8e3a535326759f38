//go:build lithe_route || lithe_hooks || lithe_session || !wasip1

package lithe

// What answers requests.
var answering Handler = nothingServed

func serveRequests(handler Handler) {
	exports(serves)
	if handler == nil {
		handler = accept
	}
	answering = handler
}
