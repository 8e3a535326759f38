//go:build !wasip1

package played

import (
	"bytes"
	"maps"
	"slices"
)

// The limits of a site that sets none.
const (
	MessageLimit    = 1 << 20
	AttachmentLimit = 16 << 10
	StateLimit      = 1 << 20
)

// Where a socket is in its life, in the order of the contract.
const (
	Connecting = iota
	Open
	Closing
	Closed
)

// What comes of sending.
const (
	Sent = iota
	NotOpen
	TooLarge
	QueueFull
)

// One socket, from its upgrade to the end of the process.
type socket struct {
	request    *Request
	state      int
	protocol   string
	attachment []byte
	isPinned   bool
	// Whether it only sends.
	isStream bool
	outbound []Message
	// How many bytes may wait to be sent, and how many do. Zero is any number.
	limit, waiting int
	foundFull      bool
	ended          *end
	failure        string
	// Whether the guest has had its last call.
	isGone bool
	loop   *loop
}

// The end of a connection, and the close frame that goes to the client, if there is one.
type end struct {
	info     CloseInfo
	hasFrame bool
}

func closedBy(code int, reason string) *end { return &end{CloseInfo{code, reason, true}, true} }

func lost() *end { return &end{CloseInfo{1006, "", false}, false} }

func (socket *socket) end(ended *end) {
	if socket.ended == nil {
		socket.ended, socket.state = ended, Closing
	}
}

// The socket of that number, if the guest may still ask about it. The host is locked.
func known(id uint32) *socket {
	if socket := host.sockets[id]; socket != nil && !socket.isGone {
		return socket
	}
	return nil
}

// With runs a function on a socket while the guest may still ask about it.
func with(id uint32, call func(socket *socket)) {
	host.Lock()
	defer host.Unlock()
	if socket := known(id); socket != nil {
		call(socket)
	}
}

func Send(id uint32, message Message) (result int) {
	result = NotOpen
	with(id, func(socket *socket) { result = socket.send(message) })
	return result
}

func (socket *socket) send(message Message) int {
	size := len(message.Content)
	if socket.state > Open {
		return NotOpen
	}
	if size > MessageLimit {
		return TooLarge
	}
	if socket.limit > 0 && socket.waiting+size > socket.limit {
		socket.foundFull = true
		return QueueFull
	}
	socket.waiting += size
	socket.outbound = append(socket.outbound, message)
	return Sent
}

func Close(id uint32, code int, reason string) {
	with(id, func(socket *socket) { socket.end(closedBy(code, reason)) })
}

func Fail(id uint32, reason string) {
	with(id, func(socket *socket) {
		if socket.ended == nil {
			socket.failure = reason
		}
		socket.end(closedBy(1011, ""))
	})
}

func Terminate(id uint32) {
	with(id, func(socket *socket) {
		socket.outbound = nil
		socket.end(lost())
	})
}

func State(id uint32) (state int) {
	state = Closed
	with(id, func(socket *socket) { state = socket.state })
	return state
}

func Protocol(id uint32) (protocol string) {
	with(id, func(socket *socket) { protocol = socket.protocol })
	return protocol
}

func BufferedAmount(id uint32) (bytes int) {
	with(id, func(socket *socket) { bytes = socket.waiting })
	return bytes
}

func RequestOf(id uint32) (request *Request) {
	with(id, func(socket *socket) { request = socket.request })
	return request
}

func Attachment(id uint32) (attachment []byte) {
	with(id, func(socket *socket) { attachment = bytes.Clone(socket.attachment) })
	return attachment
}

func SetAttachment(id uint32, value []byte) (result int) {
	result = NotOpen
	with(id, func(socket *socket) {
		if result = TooLarge; len(value) <= AttachmentLimit {
			socket.attachment, result = bytes.Clone(value), Sent
		}
	})
	return result
}

// Tells the guest of the sockets that have ended, until none is left.
func settle() {
	for {
		host.Lock()
		id, socket := nextEnded()
		host.Unlock()
		if socket == nil {
			return
		}
		if socket.loop != nil {
			socket.loop.finish()
		} else {
			Guest.Close(id, socket.ended.info)
		}
		forget(id, socket)
	}
}

// The next socket that has ended and of which the guest does not know yet.
func nextEnded() (uint32, *socket) {
	for _, id := range slices.Sorted(maps.Keys(host.sockets)) {
		if socket := host.sockets[id]; socket.ended != nil && socket.state == Closing {
			socket.state = Closed
			return id, socket
		}
	}
	return 0, nil
}

// The guest has had its last call for the socket.
func forget(id uint32, socket *socket) {
	host.Lock()
	defer host.Unlock()
	socket.isGone = true
	for topic, members := range host.topics {
		delete(members, id)
		if len(members) == 0 {
			delete(host.topics, topic)
		}
	}
}
