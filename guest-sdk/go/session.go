//go:build lithe_session || !wasip1

package lithe

import (
	"iter"
	"time"
)

// Session is a blocking session, in an instance of its own for each connection.
type Session struct {
	// Answers a request. Without it, each request that asks for an upgrade gets one.
	Request Handler
	// Runs the session. Returning closes the socket with 1000, an error or a panic with 1011.
	Run func(socket Socket) error
}

// Serve makes this a component of the kind `session`.
func (session Session) Serve() {
	serveRequests(session.Request)
	runSession = session.Run
}

// What runs a session, once one is served.
var runSession func(socket Socket) error

// Runs the session of a socket, or sends the body of a stream.
func attendSession(socket Socket) {
	session := func() error {
		if runSession == nil {
			return errNothingServed
		}
		return runSession(socket)
	}
	if open := takeStreamToOpen(socket.Peer); open != nil {
		session = func() error { return open(socket.Peer) }
	}
	if err := run(session); err != nil {
		socket.Fail(err.Error())
	}
}

// Socket is a peer whose messages a session waits for.
type Socket struct{ Peer }

// Receive waits for a message. It is false when the session has ended.
func (socket Socket) Receive() (message Message, isOpen bool) {
	received := receive(socket.Peer, nil)
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
	milliseconds := uint32(min(max(limit.Milliseconds(), 0), 1<<32-1))
	return receive(socket.Peer, &milliseconds)
}
