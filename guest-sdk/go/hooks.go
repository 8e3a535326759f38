//go:build lithe_hooks

package lithe

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_hooks"
	socket "lithe/internal/wit/lithe_plugin_socket"
	bindings "lithe/internal/wit/lithe_plugin_timers"
)

// Hooks are sessions as events, in one instance for all sockets. Each of them may be nil. A hook
// that returns an error or panics fails its session: the socket closes with 1011.
type Hooks struct {
	// Answers a request. Without it, each request that asks for an upgrade gets one.
	Request Handler
	Open    func(peer Peer) error
	Message func(peer Peer, message Message) error
	// The outbound queue has emptied after [ErrQueueFull].
	Drain func(peer Peer) error
	// The socket has ended. This is its last call: it comes exactly once, even if the handshake was
	// never completed.
	Close func(peer Peer, info CloseInfo) error
}

// Serve makes this a component of the kind `hooks`.
func (hooks Hooks) Serve() {
	serveRequests(hooks.Request)
	call := func(id uint32, hook func(peer Peer) error) {
		if hook == nil {
			return
		}
		if err := guarded(func() error { return hook(Peer(id)) }); err != nil {
			Peer(id).Fail(err.Error())
		}
	}
	export.Open = func(id uint32) { call(id, hooks.Open) }
	export.Receive = func(id uint32, messages []socket.Message) {
		copied := make([]Message, len(messages))
		for i, message := range messages {
			copied[i] = copiedMessage(message)
		}
		wit.ReleaseArguments()
		if hooks.Message == nil {
			return
		}
		for _, message := range copied {
			call(id, func(peer Peer) error { return hooks.Message(peer, message) })
		}
	}
	export.Drain = func(id uint32) { call(id, hooks.Drain) }
	export.Close = func(id uint32, info socket.CloseInfo) {
		copied := copiedCloseInfo(info)
		wit.ReleaseArguments()
		if hooks.Close != nil {
			call(id, func(peer Peer) error { return hooks.Close(peer, copied) })
		}
	}
}

// The functions that are due, by the host's number of the timer.
var timers = struct {
	sync.Mutex
	due map[Timer]due
}{due: map[Timer]due{}}

type due struct {
	call   func()
	repeat bool
}

func init() {
	export.Timer = func(id uint32) {
		timers.Lock()
		due, isThere := timers.due[Timer(id)]
		if !due.repeat {
			delete(timers.due, Timer(id))
		}
		timers.Unlock()
		if !isThere {
			return
		}
		if err := guarded(func() error { due.call(); return nil }); err != nil {
			fmt.Fprintln(os.Stderr, "a timer failed:", err)
		}
	}
}

// Timer calls a function later. It ends with the instance.
type Timer uint32

// After calls a function once, after a delay in whole milliseconds. It fails if the instance has as
// many timers as the site allows.
func After(delay time.Duration, call func()) (Timer, error) { return set(delay, false, call) }

// Every calls a function again and again, until the timer is stopped.
func Every(delay time.Duration, call func()) (Timer, error) { return set(delay, true, call) }

// Stop ends the timer.
func (timer Timer) Stop() {
	timers.Lock()
	defer timers.Unlock()
	bindings.Cancel(uint32(timer))
	delete(timers.due, timer)
}

func set(delay time.Duration, repeat bool, call func()) (Timer, error) {
	milliseconds := delay.Milliseconds()
	if milliseconds < 0 || milliseconds > 1<<32-1 {
		return 0, fmt.Errorf("%v is not a delay: it is up to 49 days", delay)
	}
	timers.Lock()
	defer timers.Unlock()
	result := bindings.Set(uint32(milliseconds), repeat)
	if result.Tag() == wit.ResultErr {
		return 0, errors.New("the instance has as many timers as it may")
	}
	timer := Timer(result.Ok())
	timers.due[timer] = due{call, repeat}
	return timer, nil
}
