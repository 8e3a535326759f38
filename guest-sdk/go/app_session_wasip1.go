//go:build lithe_session

package lithe

// Serve makes this a component of the kind `session`.
func (app *App) Serve() {
	app.serveRoutes()
	runSession = app.runSession
}
