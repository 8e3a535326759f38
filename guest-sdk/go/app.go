//go:build lithe_route || lithe_hooks || lithe_session || !wasip1

package lithe

import (
	"cmp"
	"fmt"
	"slices"

	"lithe/internal/pattern"
)

// App is one component with several routes:
//
//	func init() {
//		app := lithe.NewApp()
//		app.Use(middleware.Timing())
//		app.Get("/item/:id", item)
//		app.WS("/live", lithe.Hooks{Message: message})
//		app.Group("/admin", func(admin *lithe.Group) {
//			admin.Use(middleware.BearerAuth("secret"))
//			admin.Get("/users", users)
//		})
//		app.Serve()
//	}
//
// Patterns are those of a site: `/rooms/:id`, `:id(\\d+)` with a regular expression, `:id?`
// optional, `:path+` one segment or more, `:path*` any number, `*` one segment without a name, and
// `**` any number without one. The host matches paths with them.
type App struct {
	// An app is a group without a prefix.
	root
	// By pattern.
	slots map[string]*slot
	// What hears of the sockets that this instance has seen.
	sockets map[Peer]listener
}

// A field of the name `Group` would hide the method.
type root = Group

// Group is routes of an app below a prefix, with middleware and error handlers of their own.
//
// The middleware of the app runs around a handler first, then that of its groups, from the broadest
// to the most specific. Each runs in the order in which it was added, wherever it stands among the
// routes. An error, also one of a middleware, goes to the error handlers of the nearest group or
// app around it. An error of theirs goes on outward, and at last to the site's error handlers.
//
// A method that adds a route panics if the pattern is malformed, or if the app has the route
// already. Such a component does not load, and the log says why.
type Group struct {
	app        *App
	outer      *Group
	prefix     string
	middleware []Middleware
	handlers   []ErrorHandler
}

// What answers for one pattern.
type slot struct {
	byMethod map[string]*route
	any      *route
	// For requests that ask for an upgrade, and what hears of the sockets or runs their session.
	sockets  *route
	listener listener
	session  func(peer Peer) error
}

type route struct {
	group   *Group
	handler Handler
}

// NewApp is an app without routes.
func NewApp() *App {
	app := &App{slots: map[string]*slot{}, sockets: map[Peer]listener{}}
	app.root.app = app
	return app
}

// Get answers GET, and HEAD if nothing else does.
func (group *Group) Get(pattern string, handler Handler) { group.On("GET", pattern, handler) }

// Post answers POST.
func (group *Group) Post(pattern string, handler Handler) { group.On("POST", pattern, handler) }

// Put answers PUT.
func (group *Group) Put(pattern string, handler Handler) { group.On("PUT", pattern, handler) }

// Patch answers PATCH.
func (group *Group) Patch(pattern string, handler Handler) { group.On("PATCH", pattern, handler) }

// Delete answers DELETE.
func (group *Group) Delete(pattern string, handler Handler) { group.On("DELETE", pattern, handler) }

// Head answers HEAD.
func (group *Group) Head(pattern string, handler Handler) { group.On("HEAD", pattern, handler) }

// Options answers OPTIONS, in place of the host.
func (group *Group) Options(pattern string, handler Handler) { group.On("OPTIONS", pattern, handler) }

// On answers that method, in upper case.
func (group *Group) On(method, pattern string, handler Handler) {
	slot, pattern := group.slot(pattern)
	if slot.byMethod[method] != nil {
		panic(fmt.Sprintf("the app has two routes for %s of `%s`: remove one", method, pattern))
	}
	slot.byMethod[method] = &route{group, handler}
}

// Any answers every method for which the pattern has no other handler.
func (group *Group) Any(pattern string, handler Handler) {
	slot, pattern := group.slot(pattern)
	if slot.any != nil {
		panic(fmt.Sprintf("the app has two routes for any method of `%s`: remove one", pattern))
	}
	slot.any = &route{group, handler}
}

// Group adds routes below a prefix, which may have parameters and may be empty.
func (group *Group) Group(prefix string, build func(group *Group)) {
	build(&Group{app: group.app, outer: group, prefix: group.prefix + "/" + prefix})
}

// Use runs middleware around every route of this app or group.
func (group *Group) Use(middleware ...Middleware) {
	group.middleware = append(group.middleware, middleware...)
}

// OnError answers for errors in this app or group. An error that the handler lets go on goes to the
// one that was added next, then outward.
func (group *Group) OnError(handler ErrorHandler) { group.handlers = append(group.handlers, handler) }

// The slot of a pattern below the group, and the pattern's canonical spelling.
func (group *Group) slot(text string) (*slot, string) {
	canonical, err := pattern.Canonical(group.prefix + "/" + text)
	if err != nil {
		panic(fmt.Sprintf("pattern `%s` is malformed: %v", text, err))
	}
	found := group.app.slots[canonical]
	if found == nil {
		found = &slot{byMethod: map[string]*route{}}
		group.app.slots[canonical] = found
	}
	return found, canonical
}

// Has that handler answer a pattern's upgrades. Without one, all are accepted.
func (group *Group) acceptAt(text string, handler Handler) *slot {
	slot, pattern := group.slot(text)
	if slot.sockets != nil {
		panic("the app has two routes for sockets of `" + pattern + "`: remove one")
	}
	if handler == nil {
		handler = accept
	}
	slot.sockets = &route{group, handler}
	return slot
}

// The app that the component serves.
var served = NewApp()

// Has the host ask the app for its routes.
func (app *App) serveRoutes() {
	exports(exportsRoutes)
	serveRequests(app.answer)
	served = app
}

// A route as the host is told of it. Without a method it is for any.
type routeName struct{ method, pattern string }

// The routes, in the order of their patterns and methods.
func (app *App) names() (names []routeName) {
	for pattern, slot := range app.slots {
		for method := range slot.byMethod {
			names = append(names, routeName{method, pattern})
		}
		if slot.any != nil || slot.sockets != nil {
			names = append(names, routeName{"", pattern})
		}
	}
	slices.SortFunc(names, func(a, b routeName) int {
		return cmp.Or(cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.method, b.method))
	})
	return names
}

// Answers a request by the route that the host has found.
func (app *App) answer(event *Event) (Outcome, error) {
	method, pattern := event.Method(), event.Route()
	slot := app.slots[pattern]
	var route *route
	if slot != nil {
		route = slot.choose(method, event)
	}
	if route == nil {
		return nil, fmt.Errorf("the app has no route for %s of `%s`", method, pattern)
	}
	outcome, err := route.group.around(event, func() (Outcome, error) {
		return guardedAnswer(func() (Outcome, error) { return route.handler.answer(event) })
	})
	if err == nil && slot.listener != nil {
		switch outcome := outcome.(type) {
		case *Upgrade:
			app.sockets[outcome.socket] = slot.listener
		case *Stream:
			app.sockets[outcome.socket] = slot.listener
		}
	}
	return outcome, err
}

func (slot *slot) choose(method string, event *Event) *route {
	if slot.sockets != nil && event.IsUpgradeRequest() {
		return slot.sockets
	}
	if route := slot.byMethod[method]; route != nil {
		return route
	}
	if slot.any != nil {
		return slot.any
	}
	if route := slot.byMethod["GET"]; method == "HEAD" && route != nil {
		return route
	}
	return slot.sockets
}

// Runs what is inside of a group within its layers, the broadest first.
func (group *Group) around(event *Event, inside Next) (Outcome, error) {
	layer := func() (Outcome, error) { return group.layer(event, inside) }
	if group.outer == nil {
		return layer()
	}
	return group.outer.around(event, layer)
}

// Runs the group's own middleware, and its error handlers for what fails in it.
func (group *Group) layer(event *Event, inside Next) (Outcome, error) {
	outcome, err := guardedAnswer(func() (Outcome, error) {
		return through(group.middleware, event, inside)
	})
	for _, handler := range group.handlers {
		if err == nil {
			break
		}
		failure := ErrorOf(err)
		outcome, err = guardedAnswer(func() (Outcome, error) { return handler.answer(event, failure) })
	}
	return outcome, err
}

func through(middleware []Middleware, event *Event, inside Next) (Outcome, error) {
	if len(middleware) == 0 {
		return inside()
	}
	handler := Handler(func(event *Event) (Outcome, error) {
		return middleware[0](event, func() (Outcome, error) {
			return through(middleware[1:], event, inside)
		})
	})
	return handler.answer(event)
}

// Returns an outcome or an error.
func guardedAnswer(call func() (Outcome, error)) (outcome Outcome, err error) {
	err = guarded(func() (err error) {
		outcome, err = call()
		return err
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}
