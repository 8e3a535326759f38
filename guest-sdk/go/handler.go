//go:build lithe_route || lithe_hooks || lithe_session

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_handler"
	event "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	outcome "lithe/internal/wit/lithe_plugin_outcome"
)

// Handler answers requests. If it returns neither an outcome nor an error, the answer is a 204.
type Handler func(event *Event) (Outcome, error)

func init() {
	serveRequests(func(*Event) (Outcome, error) { return nil, errNothingServed })
}

// Accepts the upgrade of a request that asks for one.
func accept(event *Event) (Outcome, error) {
	upgrade, err := event.Upgrade(UpgradeOptions{})
	if err != nil {
		return nil, err
	}
	return upgrade, nil
}

func serveRequests(handler Handler) {
	if handler == nil {
		handler = accept
	}
	export.Handle = func(handle *event.Event) wit.Result[outcome.Outcome, http.HttpError] {
		return handled(handle, handler)
	}
}
