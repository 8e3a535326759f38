//go:build lithe_error || !wasip1

package lithe

// What answers for failures.
var failures ErrorHandler = func(*Event, *Error) (*Response, error) { return nil, errNothingServed }

// Serve makes this a component of the kind `error`.
func (handler ErrorHandler) Serve() {
	exports(serves)
	failures = handler
}

// Answers for the failure of a request, as the host asks. The event is over when it returns.
func recovered(request request, failure *Error) (response *Response, _ *Error) {
	defer request.Drop()
	err := run(func() (err error) {
		response, err = failures.answer(&Event{request}, failure)
		return err
	})
	if err != nil {
		return nil, ErrorOf(err)
	}
	return response, nil
}
