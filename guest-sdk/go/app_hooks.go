//go:build lithe_hooks || !wasip1

package lithe

// WS accepts WebSockets, and has the hooks hear of them. Requests that ask for no upgrade go to the
// handlers of the same pattern. Without such handlers, they go to the hooks' Request.
func (group *Group) WS(pattern string, hooks Hooks) {
	group.acceptAt(pattern, hooks.Request).listener = &hooks
}

func (app *App) opened(peer Peer) { app.listener(peer).opened(peer) }

func (app *App) received(peer Peer, messages []Message) {
	app.listener(peer).received(peer, messages)
}

func (app *App) drained(peer Peer) { app.listener(peer).drained(peer) }

func (app *App) resumed(peer Peer) { app.listener(peer).resumed(peer) }

func (app *App) closed(peer Peer, info CloseInfo) {
	listener := app.listener(peer)
	delete(app.sockets, peer)
	listener.closed(peer, info)
}

// What hears of a socket. For one that another instance has accepted, the pattern of its request
// tells.
func (app *App) listener(peer Peer) listener {
	if listener := app.sockets[peer]; listener != nil {
		return listener
	}
	defer dropRequests()
	var found listener = unheard{}
	if event := peer.Event(); event != nil {
		if slot := app.slots[event.Route()]; slot != nil && slot.listener != nil {
			found = slot.listener
		}
	}
	app.sockets[peer] = found
	return found
}

// What stands for hooks where a route has none: streams need none, but a socket would stay silent.
type unheard struct{}

func (unheard) opened(peer Peer) { attend(peer, takeStreamToOpen(peer)) }
func (unheard) received(peer Peer, _ []Message) {
	peer.Fail("no hooks of this version hear this socket")
}
func (unheard) drained(Peer)                  {}
func (unheard) resumed(peer Peer)             { peer.Fail("no hooks of this version hear this socket") }
func (unheard) closed(peer Peer, _ CloseInfo) { takeStreamToOpen(peer) }
