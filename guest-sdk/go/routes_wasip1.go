//go:build lithe_route || lithe_hooks || lithe_session

package lithe

import (
	export "lithe/internal/wit/export_lithe_plugin_routes"
	"lithe/internal/wit/lithe_plugin_routes"
)

func init() {
	export.All = func() []lithe_plugin_routes.Route {
		var all []lithe_plugin_routes.Route
		for _, route := range served.names() {
			method := someIf(route.method, route.method != "")
			all = append(all, lithe_plugin_routes.Route{Method: method, Pattern: route.pattern})
		}
		return all
	}
}
