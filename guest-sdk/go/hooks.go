//go:build lithe_hooks || !wasip1

package lithe

// Hooks are sessions as events, in one instance for all sockets. Each of them may be nil. A hook
// that returns an error or panics fails its session: the socket closes with 1011.
type Hooks struct {
	// Answers a request. Without it, each request that asks for an upgrade gets one.
	Request Handler
	Open    func(peer Peer) error
	Message func(peer Peer, message Message) error
	// The outbound queue has emptied after [ErrQueueFull].
	Drain func(peer Peer) error
	// Another version of the component has had the socket until now: see [OnResume].
	Resume Resume
	// The socket has ended. This is its last call: it comes exactly once, even if the handshake was
	// never completed.
	Close func(peer Peer, info CloseInfo) error
}

// Resume is a hook that [OnResume] makes.
type Resume struct{ hook func(peer Peer) error }

// OnResume makes a hook that hears of each socket that another version of the component has had
// until now. The host calls it after [State] is restored and before anything else of the socket.
// The socket's number, attachment, topics and protocol are as they were. Timers have ended with the
// other version: start them again here.
//
//	lithe.Hooks{Message: message, Resume: lithe.OnResume(resume)}.Serve()
//
// A component in which nothing calls this function does not hear of a new version, and costs the
// host nothing then.
func OnResume(hook func(peer Peer) error) Resume {
	exports(exportsResume)
	return Resume{hook}
}

// Serve makes this a component of the kind `hooks`.
func (hooks Hooks) Serve() {
	serveRequests(hooks.Request)
	heardBy = &hooks
}

// What hears of the sockets.
var heardBy listener = &Hooks{}

func (hooks *Hooks) opened(peer Peer) {
	open := takeStreamToOpen(peer)
	if open == nil {
		open = hooks.Open
	}
	attend(peer, open)
}

func (hooks *Hooks) received(peer Peer, messages []Message) {
	if hooks.Message == nil {
		return
	}
	attend(peer, func(peer Peer) error {
		for _, message := range messages {
			if err := hooks.Message(peer, message); err != nil {
				return err
			}
		}
		return nil
	})
}

func (hooks *Hooks) drained(peer Peer) { attend(peer, hooks.Drain) }
func (hooks *Hooks) resumed(peer Peer) { attend(peer, hooks.Resume.hook) }

func (hooks *Hooks) closed(peer Peer, info CloseInfo) {
	takeStreamToOpen(peer)
	if hooks.Close == nil {
		return
	}
	if err := run(func() error { return hooks.Close(peer, info) }); err != nil {
		logError(err)
	}
}

// Runs a hook, and fails the session if the hook fails.
func attend(peer Peer, hook func(peer Peer) error) {
	if hook == nil {
		return
	}
	if err := run(func() error { return hook(peer) }); err != nil {
		peer.Fail(err.Error())
	}
}
