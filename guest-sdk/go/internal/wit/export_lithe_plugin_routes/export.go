//go:build wasip1

package export_lithe_plugin_routes

import routes "lithe/internal/wit/lithe_plugin_routes"

var All func() []routes.Route
