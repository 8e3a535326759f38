//go:build !wasip1

// Package played is a host in memory, for unit tests. It keeps the contract of `wit/` as far as a
// guest can notice, and does no networking. The SDK asks it what a component asks the real host.
// The package lithetest plays the clients.
package played

import "sync"

// Field is a header, or a parameter of a route.
type Field struct{ Name, Value string }

// Message is text or bytes.
type Message struct {
	Content  string
	IsBinary bool
}

// CloseInfo says how a session ended.
type CloseInfo struct {
	Code   int
	Reason string
	Clean  bool
}

// Request is a request, as the host knows it.
type Request struct {
	ID, Method, URI, Path, Scheme, Route, ClientAddress string
	Headers, Params                                     []Field
	Body                                                []byte
	Locals                                              map[string]string
	// What a middleware runs around.
	Next func() Outcome
	// The socket that this request has accepted, or zero.
	accepted uint32
}

// Outcome is what has come of a request: an answer or a failure, with a body, or the head of a
// socket that it has accepted.
type Outcome struct {
	Status    int
	Headers   []Field
	Body      []byte
	IsFailure bool
	// The accepted socket, or zero.
	Socket uint32
}

// Route is a route that a component names. Without a method it is for any.
type Route struct{ Method, Pattern string }

// Guest is what the host calls of the component. The SDK sets it.
var Guest struct {
	Answer                       func(request *Request) Outcome
	Recover                      func(request *Request, failure Outcome) Outcome
	Routes                       func() []Route
	Open, Drain, Resume, RunLoop func(socket uint32)
	Receive                      func(socket uint32, messages []Message)
	Close                        func(socket uint32, info CloseInfo)
	Timer                        func(timer uint32)
	Exports                      func(name string) bool
	Save                         func() ([]byte, error)
	Restore                      func(saved []byte) error
	Health                       func() error
	// Whether a session is a loop, in a goroutine of its own.
	HasLoops func() bool
}

// One call of the guest at a time, as on the host.
var calls sync.Mutex

// Call makes a call of the guest, and tells it of the sockets that have ended in it.
func Call(call func()) {
	calls.Lock()
	defer calls.Unlock()
	call()
	settle()
}

// What the host keeps. A guest may ask in several goroutines.
var host = struct {
	sync.Mutex
	lastID     uint32
	lastSocket uint32
	sockets    map[uint32]*socket
	topics     map[string]map[uint32]bool
}{sockets: map[uint32]*socket{}, topics: map[string]map[uint32]bool{}}
