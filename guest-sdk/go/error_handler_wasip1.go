//go:build lithe_error

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_error_handler"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
)

func init() {
	export.Handle = func(
		handle *event.Event, failed http.HttpError,
	) wit.Result[http.Response, http.HttpError] {
		copied := copiedError(failed)
		wit.ReleaseArguments()
		response, failure := recovered(request{handle}, copied)
		if failure != nil {
			return wit.Err[http.Response](loweredError(failure))
		}
		return wit.Ok[http.Response, http.HttpError](loweredResponse(response))
	}
}
