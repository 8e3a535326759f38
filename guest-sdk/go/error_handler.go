//go:build lithe_error

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_error_handler"
	bindings "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
)

// ErrorHandler answers for the failures of its scope. If it returns neither a response nor an
// error, the failure goes on outward.
type ErrorHandler func(event *Event, failure *Error) (*Response, error)

func init() {
	ErrorHandler(func(*Event, *Error) (*Response, error) { return nil, errNothingServed }).Serve()
}

// Serve makes this a component of the kind `error`.
func (handler ErrorHandler) Serve() {
	export.Handle = func(
		handle *bindings.Event, failure http.HttpError,
	) wit.Result[http.Response, http.HttpError] {
		defer handle.Drop()
		copied := copiedError(failure)
		wit.ReleaseArguments()
		var lowered http.Response
		err := guarded(func() error {
			response, err := handler(&Event{handle}, copied)
			if err == nil && response == nil {
				return copied
			}
			if err == nil {
				lowered = response.lowered()
			}
			return err
		})
		if err != nil {
			return wit.Err[http.Response](loweredError(err))
		}
		return wit.Ok[http.Response, http.HttpError](lowered)
	}
}
