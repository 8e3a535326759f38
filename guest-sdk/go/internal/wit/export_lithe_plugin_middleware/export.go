//go:build wasip1

package export_lithe_plugin_middleware

import (
	wit "lithe/internal/abi"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	outcome "lithe/internal/wit/lithe_plugin_outcome"
)

var Handle func(event *event.Event) wit.Result[outcome.Outcome, http.HttpError]
