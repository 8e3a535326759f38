//go:build lithe_route && wasip1

package lithe

// Serve makes this a component of the kind `route`.
func (app *App) Serve() { app.serveRoutes() }
