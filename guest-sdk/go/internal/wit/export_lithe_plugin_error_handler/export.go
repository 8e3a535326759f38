//go:build wasip1

package export_lithe_plugin_error_handler

import (
	wit "lithe/internal/abi"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
)

var Handle func(event *event.Event, failure http.HttpError) wit.Result[http.Response, http.HttpError]
