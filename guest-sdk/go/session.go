//go:build lithe_session

package lithe

import (
	"iter"
	"time"

	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_session"
	bindings "lithe/internal/wit/lithe_plugin_receiver"
)

// Session is a session as a loop, in an instance of its own for each connection.
type Session struct {
	// Answers a request. Without it, each request that asks for an upgrade gets one.
	Request Handler
	// Runs the session. Returning closes the socket with 1000, an error or a panic with 1011.
	Run func(socket Socket) error
}

// Serve makes this a component of the kind `session`.
func (session Session) Serve() {
	serveRequests(session.Request)
	export.Run = func(id uint32) {
		socket := Socket{Peer(id)}
		if err := guarded(func() error { return session.Run(socket) }); err != nil {
			socket.Fail(err.Error())
		}
	}
}

// Socket is a peer whose messages a session waits for.
type Socket struct{ Peer }

// Receive waits for a message. It is false when the session has ended.
func (socket Socket) Receive() (message Message, isOpen bool) {
	received := socket.receive(wit.None[uint32]())
	if received.Message == nil {
		return Message{}, false
	}
	return *received.Message, true
}

// Messages are the messages that arrive, until the session ends.
func (socket Socket) Messages() iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for {
			message, isOpen := socket.Receive()
			if !isOpen || !yield(message) {
				return
			}
		}
	}
}

// Received is a message, the session's end, or neither if the time is up.
type Received struct {
	Message *Message
	Closed  *CloseInfo
}

// ReceiveWithin waits for a message, but no longer than so many milliseconds.
func (socket Socket) ReceiveWithin(limit time.Duration) Received {
	return socket.receive(wit.Some(uint32(min(max(limit.Milliseconds(), 0), 1<<32-1))))
}

func (socket Socket) receive(milliseconds wit.Option[uint32]) Received {
	call := func() bindings.Received { return bindings.Receive(uint32(socket.Peer), milliseconds) }
	return wit.Read(call, func(received bindings.Received) Received {
		switch received.Tag() {
		case bindings.ReceivedMessage:
			message := copiedMessage(received.Message())
			return Received{Message: &message}
		case bindings.ReceivedClosed:
			info := copiedCloseInfo(received.Closed())
			return Received{Closed: &info}
		}
		return Received{}
	})
}
