//go:build lithe_hooks

package lithe

// Serve makes this a component of the kind `hooks`.
func (app *App) Serve() {
	app.serveRoutes()
	heardBy = app
}
