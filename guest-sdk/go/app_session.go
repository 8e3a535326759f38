//go:build lithe_session || !wasip1

package lithe

import "fmt"

// Session accepts WebSockets, and runs a session for each, in an instance of its own. Requests that
// ask for no upgrade go to the handlers of the same pattern. Without such handlers, they go to the
// session's Request.
//
// An app with sessions is of the kind `session`, and has no [Group.WS].
func (group *Group) Session(pattern string, session Session) {
	group.acceptAt(pattern, session.Request).session = func(peer Peer) error {
		return session.Run(Socket{peer})
	}
}

// Runs the session of a socket.
func (app *App) runSession(socket Socket) error {
	session, err := app.sessionOf(socket.Peer)
	if err != nil {
		return err
	}
	return session(socket.Peer)
}

// The session of a socket: the pattern of its request tells.
func (app *App) sessionOf(peer Peer) (func(peer Peer) error, error) {
	defer dropRequests()
	pattern := ""
	if event := peer.Event(); event != nil {
		pattern = event.Route()
	}
	slot := app.slots[pattern]
	if slot == nil || slot.session == nil {
		return nil, fmt.Errorf("no session of the app is for `%s`: `App.Session` adds one", pattern)
	}
	return slot.session, nil
}
