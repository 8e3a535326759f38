package lithe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	wit "lithe/internal/abi"
	bindings "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	sockets "lithe/internal/wit/lithe_plugin_socket"
	streams "lithe/internal/wit/lithe_plugin_streams"
	topics "lithe/internal/wit/lithe_plugin_topics"
	ws "lithe/internal/wit/lithe_plugin_ws"
	_ "lithe/internal/wit/wit_exports"
)

// What the SDK asks of the real host. `host_native.go` has the same for the one that lithetest
// plays.

// request is the host's handle of a request.
type request struct{ *bindings.Event }

func (request request) ID() string            { return readString(request.Id) }
func (request request) Method() string        { return readString(request.Event.Method) }
func (request request) URI() string           { return readString(request.Uri) }
func (request request) Path() string          { return readString(request.Event.Path) }
func (request request) Scheme() string        { return readString(request.Event.Scheme) }
func (request request) Authority() string     { return readString(request.Event.Authority) }
func (request request) Route() string         { return readString(request.Event.Route) }
func (request request) ClientAddress() string { return readString(request.Event.ClientAddress) }
func (request request) Body() []byte          { return readBytes(request.Event.Body) }
func (request request) Headers() []Field      { return readFields(request.Event.Headers) }
func (request request) Params() []Field       { return readFields(request.Event.Params) }

func (request request) Query() (string, bool) { return readOption(request.Event.Query) }

func (request request) Header(name string) (string, bool) {
	return readOption(func() wit.Option[string] { return request.Event.Header(name) })
}

func (request request) Param(name string) (string, bool) {
	return readOption(func() wit.Option[string] { return request.Event.Param(name) })
}

func (request request) Local(key string) (string, bool) {
	return readOption(func() wit.Option[string] { return request.Event.Local(key) })
}

func (request request) IsUpgradeRequest() bool { return ws.IsUpgradeRequest(request.Event) }

func (request request) RequestedProtocols() []string {
	return readStrings(func() []string { return ws.RequestedProtocols(request.Event) })
}

func (request request) Upgrade(options UpgradeOptions) (*Upgrade, error) {
	lowered := ws.UpgradeOptions{
		Protocol:   someIf(options.Protocol, options.Protocol != ""),
		Headers:    loweredFields(options.Headers),
		Attachment: options.Attachment,
		Pinned:     options.Pinned,
	}
	call := func() wit.Result[ws.Accepted, http.HttpError] { return ws.Upgrade(request.Event, lowered) }
	return readResult(call, copiedUpgrade)
}

func (request request) Stream(options StreamOptions) (*Stream, error) {
	lowered := streams.StreamOptions{
		Status:     loweredStatus(options.Status),
		Headers:    loweredFields(options.Headers),
		Attachment: options.Attachment,
		Pinned:     options.Pinned,
	}
	call := func() wit.Result[streams.Started, http.HttpError] { return streams.Start(request.Event, lowered) }
	return readResult(call, copiedStream)
}

func send(to Peer, message Message) error {
	result := sockets.Send(uint32(to), loweredMessage(message))
	if result.Tag() == wit.ResultOk {
		return nil
	}
	switch failure := result.Err(); failure.Tag() {
	case sockets.SendErrorTooLarge:
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, failure.TooLarge())
	case sockets.SendErrorQueueFull:
		return ErrQueueFull
	}
	return ErrClosed
}

func closeSocket(peer Peer, code int, reason string) {
	sockets.Close(uint32(peer), wit.Some(uint16(code)), reason)
}

func failSocket(peer Peer, reason string) { sockets.Fail(uint32(peer), reason) }
func terminate(peer Peer)                 { sockets.Terminate(uint32(peer)) }
func stateOf(peer Peer) ReadyState        { return ReadyState(sockets.State(uint32(peer))) }
func bufferedAmount(peer Peer) int        { return int(sockets.BufferedAmount(uint32(peer))) }

func protocolOf(peer Peer) string {
	protocol, _ := readOption(func() wit.Option[string] { return sockets.Protocol(uint32(peer)) })
	return protocol
}

func requestOf(peer Peer) (request, bool) {
	handle := sockets.EventOf(uint32(peer))
	if handle.Tag() == wit.OptionNone {
		return request{}, false
	}
	return request{handle.Some()}, true
}

func attachmentOf(peer Peer) []byte {
	return readBytes(func() []byte { return sockets.Attachment(uint32(peer)) })
}

func setAttachment(peer Peer, value []byte) error {
	result := sockets.SetAttachment(uint32(peer), value)
	if result.Tag() == wit.ResultOk {
		return nil
	}
	if failure := result.Err(); failure.Tag() == sockets.AttachmentErrorTooLarge {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, failure.TooLarge())
	}
	return ErrClosed
}

func subscribe(peer Peer, topic string) error {
	result := topics.Subscribe(uint32(peer), topic)
	if result.Tag() == wit.ResultOk {
		return nil
	}
	switch failure := result.Err(); failure.Tag() {
	case topics.SubscribeErrorTooMany:
		return fmt.Errorf("the socket has its %d topics", failure.TooMany())
	case topics.SubscribeErrorNameTooLong:
		return errors.New("the topic's name is over 256 bytes")
	}
	return ErrClosed
}

func unsubscribe(peer Peer, topic string) { topics.Unsubscribe(uint32(peer), topic) }

func topicsOf(peer Peer) []string {
	return readStrings(func() []string { return topics.Subscriptions(uint32(peer)) })
}

func publish(topic string, message Message, notTo *Peer) int {
	except := wit.None[uint32]()
	if notTo != nil {
		except = wit.Some(uint32(*notTo))
	}
	return int(topics.Publish(topic, loweredMessage(message), except))
}

func members(topic *string) []Peer {
	asked := wit.None[string]()
	if topic != nil {
		asked = wit.Some(*topic)
	}
	call := func() []uint32 { return topics.Members(asked) }
	return wit.Read(call, func(ids []uint32) []Peer {
		peers := make([]Peer, len(ids))
		for i, id := range ids {
			peers[i] = Peer(id)
		}
		return peers
	})
}

// These copy an import's answer before anything else is asked of the host.

func readString(call func() string) string { return wit.Read(call, strings.Clone) }

func readStrings(call func() []string) []string { return wit.Read(call, copiedStrings) }

func readBytes(call func() []byte) []byte { return wit.Read(call, bytes.Clone) }

func readFields(call func() http.Fields) []Field { return wit.Read(call, copiedFields) }

func readOption(call func() wit.Option[string]) (value string, isThere bool) {
	read := wit.Read(call, func(option wit.Option[string]) wit.Option[string] {
		return someIf(strings.Clone(option.Some()), option.Tag() == wit.OptionSome)
	})
	return read.Some(), read.Tag() == wit.OptionSome
}

// The error is an [*Error].
func readResult[T, U any](call func() wit.Result[T, http.HttpError], copied func(T) U) (U, error) {
	var err error
	value := wit.Read(call, func(result wit.Result[T, http.HttpError]) (value U) {
		if result.Tag() == wit.ResultErr {
			err = copiedError(result.Err())
			return value
		}
		return copied(result.Ok())
	})
	return value, err
}

func someIf[T any](value T, isSome bool) wit.Option[T] {
	if !isSome {
		return wit.None[T]()
	}
	return wit.Some(value)
}

func copiedStrings(texts []string) []string {
	for i, text := range texts {
		texts[i] = strings.Clone(text)
	}
	return texts
}

func copiedFields(fields http.Fields) []Field {
	copied := make([]Field, len(fields))
	for i, field := range fields {
		copied[i] = Field{strings.Clone(field.F0), strings.Clone(field.F1)}
	}
	return copied
}

func copiedError(failure http.HttpError) *Error {
	return &Error{int(failure.Status), copiedFields(failure.Headers), strings.Clone(failure.Message)}
}

func copiedUpgrade(accepted ws.Accepted) *Upgrade {
	return &Upgrade{Peer(accepted.Socket), copiedFields(accepted.Headers)}
}

func copiedStream(started streams.Started) *Stream {
	return &Stream{Peer(started.Socket), int(started.Status), copiedFields(started.Headers)}
}

func copiedMessage(message sockets.Message) Message {
	if message.Tag() == sockets.MessageBinary {
		return Message{string(message.Binary()), true}
	}
	return Message{strings.Clone(message.Text()), false}
}

func copiedCloseInfo(info sockets.CloseInfo) CloseInfo {
	return CloseInfo{int(info.Code), strings.Clone(info.Reason), info.Clean}
}

// And these make of the SDK's values what the host takes.

func loweredMessage(message Message) sockets.Message {
	if message.isBinary {
		return sockets.MakeMessageBinary([]byte(message.content))
	}
	return sockets.MakeMessageText(message.content)
}

// Returns zero for a number that is not a status. The host answers 500 for zero.
func loweredStatus(status int) uint16 {
	if status < 100 || status > 599 {
		return 0
	}
	return uint16(status)
}

func loweredFields(headers []Field) http.Fields {
	lowered := make(http.Fields, len(headers))
	for i, header := range headers {
		lowered[i] = wit.Tuple2[string, string]{F0: header.Name, F1: header.Value}
	}
	return lowered
}

func loweredResponse(response *Response) http.Response {
	body := http.MakeBodyEmpty()
	if len(response.Body) > 0 {
		body = http.MakeBodyBytes(response.Body)
	}
	return http.Response{
		Status: loweredStatus(response.StatusCode()), Headers: loweredFields(response.Headers), Body: body,
	}
}

func loweredError(failure *Error) http.HttpError {
	return http.HttpError{
		Status: loweredStatus(failure.Status), Headers: loweredFields(failure.Headers), Message: failure.Message,
	}
}
