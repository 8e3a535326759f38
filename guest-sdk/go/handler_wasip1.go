//go:build lithe_route || lithe_hooks || lithe_session

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_handler"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	outcome "lithe/internal/wit/lithe_plugin_outcome"
)

func init() {
	export.Handle = func(handle *event.Event) wit.Result[outcome.Outcome, http.HttpError] {
		return loweredOutcome(handled(request{handle}, answering))
	}
}
