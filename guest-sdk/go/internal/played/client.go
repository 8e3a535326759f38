//go:build !wasip1

package played

import (
	"fmt"
	"maps"
	"slices"
)

// What the clients do, and the host's own part in it.

// Answer makes the request. What it has accepted is the outcome's socket, which is not yet open.
func Answer(request *Request) (outcome Outcome) {
	return answered(request, func() Outcome { return Guest.Answer(request) })
}

// Recover has the component answer for a failure of the request.
func Recover(request *Request, failure Outcome) Outcome {
	return answered(request, func() Outcome { return Guest.Recover(request, failure) })
}

func answered(request *Request, call func() Outcome) (outcome Outcome) {
	host.Lock()
	host.lastID++
	request.ID = fmt.Sprintf("test-%d", host.lastID)
	host.Unlock()
	Call(func() {
		outcome = call()
		// Only the event that accepted a socket may return it, and it may return no other.
		if request.accepted != outcome.Socket {
			with(request.accepted, func(socket *socket) { socket.end(lost()) })
			if outcome.Socket != 0 {
				outcome = internalError()
			}
		}
	})
	least := 200
	if outcome.IsFailure {
		least = 400
	}
	isUpgrade := outcome.Socket != 0 && outcome.Status == 101
	if !isUpgrade && (outcome.Status < least || outcome.Status > 599) {
		return internalError()
	}
	return outcome
}

func internalError() Outcome {
	return Outcome{Status: 500, Body: []byte("Internal Server Error"), IsFailure: true}
}

// OpenSocket says that the handshake is complete, or that the head of a stream is sent.
func OpenSocket(id uint32) {
	with(id, func(socket *socket) {
		if socket.state == Connecting {
			socket.state = Open
		}
		if Guest.HasLoops() {
			socket.loop = newLoop(id)
		}
	})
	hear(id, func(*socket) { Guest.Open(id) })
}

// Deliver brings messages that arrive together.
func Deliver(id uint32, messages []Message) {
	hear(id, func(socket *socket) {
		if socket.loop != nil {
			socket.loop.inbound = append(socket.loop.inbound, messages...)
		} else {
			Guest.Receive(id, messages)
		}
	})
}

// ReadAll has the client read all that waited. The guest hears of it if a send has found no room.
func ReadAll(id uint32) {
	hear(id, func(socket *socket) {
		foundFull := socket.foundFull
		socket.waiting, socket.foundFull = 0, false
		if foundFull && socket.loop == nil {
			Guest.Drain(id)
		}
	})
}

// Has the guest hear of an open socket, or its loop go on.
func hear(id uint32, call func(socket *socket)) {
	Call(func() {
		host.Lock()
		socket := known(id)
		host.Unlock()
		if socket == nil || socket.ended != nil {
			return
		}
		if socket.loop == nil || socket.loop.hasBegun {
			call(socket)
		}
		if socket.loop != nil {
			socket.loop.goOn()
		}
	})
}

// EndByClient closes the connection from the client's side. Without a code, it is lost.
func EndByClient(id uint32, code int, reason string) {
	Call(func() {
		with(id, func(socket *socket) {
			if code == 0 {
				socket.end(lost())
			} else {
				socket.end(closedBy(code, reason))
			}
		})
	})
}

// Limit has so many bytes wait to be sent, and no more.
func Limit(id uint32, bytes int) {
	with(id, func(socket *socket) { socket.limit, socket.waiting = bytes, 0 })
}

// Seen is what the client has of a socket.
type Seen struct {
	IsPinned, IsEnded bool
	// Code and reason of the close frame, if there was one.
	Code     int
	Reason   string
	Failure  string
	Protocol string
}

// See looks at a socket as its client does.
func See(id uint32) (seen Seen) {
	host.Lock()
	defer host.Unlock()
	socket := host.sockets[id]
	seen = Seen{
		IsPinned: socket.isPinned, IsEnded: socket.ended != nil,
		Failure: socket.failure, Protocol: socket.protocol,
	}
	if socket.ended != nil && socket.ended.hasFrame {
		seen.Code, seen.Reason = socket.ended.info.Code, socket.ended.info.Reason
	}
	return seen
}

// TakeSent is what was sent to the client since this was last asked.
func TakeSent(id uint32) (sent []Message) {
	host.Lock()
	defer host.Unlock()
	socket := host.sockets[id]
	sent, socket.outbound = socket.outbound, nil
	if socket.limit == 0 {
		socket.waiting = 0
	}
	return sent
}

// ResumeAll tells the guest of each socket that it takes over from itself: those that are open and
// not pinned.
func ResumeAll() {
	host.Lock()
	ids := slices.Sorted(maps.Keys(host.sockets))
	host.Unlock()
	for _, id := range ids {
		hear(id, func(socket *socket) {
			if !socket.isPinned && socket.loop == nil {
				Guest.Resume(id)
			}
		})
	}
}
