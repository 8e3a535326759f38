//go:build !wasip1

package lithe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lithe/internal/played"
)

// What the SDK asks of the host that lithetest plays. `host_wasip1.go` has the same for the real
// one.

func init() {
	guest := &played.Guest
	guest.Answer = func(asked *played.Request) played.Outcome {
		if around != nil {
			return loweredOutcome(wrapped(request{asked}))
		}
		return loweredOutcome(handled(request{asked}, answering))
	}
	guest.Recover = func(asked *played.Request, failed played.Outcome) played.Outcome {
		response, failure := recovered(request{asked}, copiedError(failed))
		return loweredOutcome(Outcome(response), failure)
	}
	guest.Routes = func() (routes []played.Route) {
		for _, route := range served.names() {
			routes = append(routes, played.Route{Method: route.method, Pattern: route.pattern})
		}
		return routes
	}
	guest.Open = func(id uint32) { heardBy.opened(Peer(id)) }
	guest.Receive = func(id uint32, messages []played.Message) {
		copied := make([]Message, len(messages))
		for i, message := range messages {
			copied[i] = Message{message.Content, message.IsBinary}
		}
		heardBy.received(Peer(id), copied)
	}
	guest.Drain = func(id uint32) { heardBy.drained(Peer(id)) }
	guest.Resume = func(id uint32) { heardBy.resumed(Peer(id)) }
	guest.Close = func(id uint32, info played.CloseInfo) { heardBy.closed(Peer(id), CloseInfo(info)) }
	guest.Timer = func(id uint32) { due(Timer(id)) }
	guest.HasLoops = func() bool { return runSession != nil }
	guest.RunLoop = func(id uint32) { attendSession(Socket{Peer(id)}) }
	guest.Exports = func(name string) bool { return exported["lithe exports: "+name+";"] }
	guest.Save = saved
	guest.Restore = restored
	guest.Health = checkHealth
}

// Serve makes this a component of the kind `hooks`, or `session` if a route has a session, or `route`
// if no route has sockets.
func (app *App) Serve() {
	hasHooks, hasSessions := false, false
	for _, slot := range app.slots {
		hasHooks = hasHooks || slot.listener != nil
		hasSessions = hasSessions || slot.session != nil
	}
	if hasHooks && hasSessions {
		panic("the app has hooks (`WS`) and sessions (`Session`), and a component has one of both: make two")
	}
	app.serveRoutes()
	heardBy, runSession = app, nil
	if hasSessions {
		runSession = app.runSession
	}
}

// request is a request as the played host knows it.
type request struct{ *played.Request }

func (request request) Drop()                 {}
func (request request) ID() string            { return request.Request.ID }
func (request request) Method() string        { return request.Request.Method }
func (request request) URI() string           { return request.Request.URI }
func (request request) Path() string          { return request.Request.Path }
func (request request) Scheme() string        { return request.Request.Scheme }
func (request request) Authority() string     { return header(request.Headers(), "host") }
func (request request) Route() string         { return request.Request.Route }
func (request request) ClientAddress() string { return request.Request.ClientAddress }
func (request request) Body() []byte          { return slices.Clone(request.Request.Body) }
func (request request) Headers() []Field      { return copiedFields(request.Request.Headers) }
func (request request) Params() []Field       { return copiedFields(request.Request.Params) }

func (request request) Query() (query string, isThere bool) {
	_, query, isThere = strings.Cut(request.URI(), "?")
	return query, isThere
}

func (request request) Header(name string) (value string, isThere bool) {
	return first(request.Headers(), strings.ToLower(name))
}

func (request request) Param(name string) (value string, isThere bool) {
	return first(request.Params(), name)
}

func first(fields []Field, name string) (value string, isThere bool) {
	for _, field := range fields {
		if field.Name == name {
			return field.Value, true
		}
	}
	return "", false
}

func (request request) Local(key string) (value string, isThere bool) {
	value, isThere = request.Locals[key]
	return value, isThere
}

func (request request) SetLocal(key, value string) { request.Locals[key] = value }

func (request request) IsUpgradeRequest() bool { return played.IsUpgradeRequest(request.Request) }

func (request request) RequestedProtocols() []string {
	return played.RequestedProtocols(request.Request)
}

func (request request) Upgrade(options UpgradeOptions) (*Upgrade, error) {
	socket, failure := played.Upgrade(request.Request, played.Options{
		Protocol:   options.Protocol,
		Headers:    loweredFields(options.Headers),
		Attachment: options.Attachment,
		IsPinned:   options.Pinned,
	})
	if failure != nil {
		return nil, copiedError(*failure)
	}
	return &Upgrade{Peer(socket), slices.Clone(options.Headers)}, nil
}

func (request request) Stream(options StreamOptions) (*Stream, error) {
	socket, failure := played.Start(request.Request, options.Status, played.Options{
		Headers:    loweredFields(options.Headers),
		Attachment: options.Attachment,
		IsPinned:   options.Pinned,
	})
	if failure != nil {
		return nil, copiedError(*failure)
	}
	return &Stream{Peer(socket), options.Status, slices.Clone(options.Headers)}, nil
}

func (request request) next() (Outcome, error) {
	outcome := request.Next()
	headers := copiedFields(outcome.Headers)
	switch {
	case outcome.IsFailure:
		return nil, copiedError(outcome)
	case outcome.Socket != 0 && outcome.Status == 101:
		return &Upgrade{Peer(outcome.Socket), headers}, nil
	case outcome.Socket != 0:
		return &Stream{Peer(outcome.Socket), outcome.Status, headers}, nil
	}
	return &Response{outcome.Status, headers, outcome.Body}, nil
}

func send(to Peer, message Message) error {
	lowered := played.Message{Content: message.content, IsBinary: message.isBinary}
	switch played.Send(uint32(to), lowered) {
	case played.Sent:
		return nil
	case played.TooLarge:
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, played.MessageLimit)
	case played.QueueFull:
		return ErrQueueFull
	}
	return ErrClosed
}

func closeSocket(peer Peer, code int, reason string) { played.Close(uint32(peer), code, reason) }
func failSocket(peer Peer, reason string)            { played.Fail(uint32(peer), reason) }
func terminate(peer Peer)                            { played.Terminate(uint32(peer)) }
func stateOf(peer Peer) ReadyState                   { return ReadyState(played.State(uint32(peer))) }
func bufferedAmount(peer Peer) int                   { return played.BufferedAmount(uint32(peer)) }
func protocolOf(peer Peer) string                    { return played.Protocol(uint32(peer)) }
func attachmentOf(peer Peer) []byte                  { return played.Attachment(uint32(peer)) }

func requestOf(peer Peer) (request, bool) {
	asked := played.RequestOf(uint32(peer))
	return request{asked}, asked != nil
}

func setAttachment(peer Peer, value []byte) error {
	switch played.SetAttachment(uint32(peer), value) {
	case played.Sent:
		return nil
	case played.TooLarge:
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, played.AttachmentLimit)
	}
	return ErrClosed
}

func subscribe(peer Peer, topic string) error {
	switch played.Subscribe(uint32(peer), topic) {
	case played.Subscribed:
		return nil
	case played.TooMany:
		return fmt.Errorf("the socket has its %d topics", played.MaxTopics)
	case played.NameTooLong:
		return errors.New("the topic's name is over 256 bytes")
	}
	return ErrClosed
}

func unsubscribe(peer Peer, topic string) { played.Unsubscribe(uint32(peer), topic) }
func topicsOf(peer Peer) []string         { return played.Topics(uint32(peer)) }

func publish(topic string, message Message, notTo *Peer) int {
	lowered := played.Message{Content: message.content, IsBinary: message.isBinary}
	return played.Publish(topic, lowered, (*uint32)(notTo))
}

func members(topic *string) []Peer {
	ids := played.Members(topic)
	peers := make([]Peer, len(ids))
	for i, id := range ids {
		peers[i] = Peer(id)
	}
	return peers
}

func setTimer(milliseconds uint32, repeat bool) (timer Timer, isSet bool) {
	id, isSet := played.SetTimer(milliseconds, repeat)
	return Timer(id), isSet
}

func cancelTimer(timer Timer) { played.CancelTimer(uint32(timer)) }

func receive(from Peer, milliseconds *uint32) Received {
	var limit *time.Duration
	if milliseconds != nil {
		duration := time.Duration(*milliseconds) * time.Millisecond
		limit = &duration
	}
	message, closed := played.Receive(uint32(from), limit)
	if message != nil {
		return Received{Message: &Message{message.Content, message.IsBinary}}
	}
	return Received{Closed: (*CloseInfo)(closed)}
}

func copiedFields(fields []played.Field) []Field {
	copied := make([]Field, len(fields))
	for i, field := range fields {
		copied[i] = Field(field)
	}
	return copied
}

func loweredFields(fields []Field) []played.Field {
	lowered := make([]played.Field, len(fields))
	for i, field := range fields {
		lowered[i] = played.Field(field)
	}
	return lowered
}

func copiedError(failure played.Outcome) *Error {
	return &Error{failure.Status, copiedFields(failure.Headers), string(failure.Body)}
}

func loweredOutcome(outcome Outcome, failure *Error) played.Outcome {
	if failure != nil {
		return played.Outcome{
			Status: failure.Status, Headers: loweredFields(failure.Headers),
			Body: []byte(failure.Message), IsFailure: true,
		}
	}
	lowered := played.Outcome{Status: outcome.StatusCode()}
	switch outcome := outcome.(type) {
	case *Response:
		lowered.Headers, lowered.Body = loweredFields(outcome.Headers), outcome.Body
	case *Upgrade:
		lowered.Headers, lowered.Socket = loweredFields(outcome.headers), uint32(outcome.socket)
	case *Stream:
		lowered.Headers, lowered.Socket = loweredFields(outcome.headers), uint32(outcome.socket)
	}
	return lowered
}
