package lithe

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	wit "lithe/internal/abi"
	bindings "lithe/internal/wit/lithe_plugin_socket"
	topics "lithe/internal/wit/lithe_plugin_topics"
)

// Message is text or bytes.
type Message struct {
	content  string
	isBinary bool
}

// TextMessage is a message of text.
func TextMessage(text string) Message { return Message{text, false} }

// BinaryMessage is a message of bytes. It copies them.
func BinaryMessage(bytes []byte) Message { return Message{string(bytes), true} }

// Text is the content as text. Bytes of a binary message stay as they are.
func (message Message) Text() string { return message.content }

// Bytes is a copy of the content.
func (message Message) Bytes() []byte { return []byte(message.content) }

// IsBinary tells bytes from text.
func (message Message) IsBinary() bool { return message.isBinary }

func (message Message) lowered() bindings.Message {
	if message.isBinary {
		return bindings.MakeMessageBinary([]byte(message.content))
	}
	return bindings.MakeMessageText(message.content)
}

func copiedMessage(message bindings.Message) Message {
	if message.Tag() == bindings.MessageBinary {
		return Message{string(message.Binary()), true}
	}
	return Message{strings.Clone(message.Text()), false}
}

// CloseInfo says how a session ended.
type CloseInfo struct {
	// 1005 if the peer gave none, 1006 if the connection was lost.
	Code   int
	Reason string
	// Whether both sides sent a close frame.
	Clean bool
}

func copiedCloseInfo(info bindings.CloseInfo) CloseInfo {
	return CloseInfo{int(info.Code), strings.Clone(info.Reason), info.Clean}
}

// Why something cannot be sent.
var (
	ErrClosed    = errors.New("the socket is closed")
	ErrTooLarge  = errors.New("larger than the site allows")
	ErrQueueFull = errors.New("the outbound queue is full: wait for Drain")
)

// Peer is an open socket: a number that the host knows. No two sockets have the same at a time.
type Peer uint32

// State is where a socket is in its life.
type State uint8

const (
	// Accepted, and the handshake is not yet complete. What is sent waits until it is.
	StateConnecting State = iota
	StateOpen
	StateClosing
	// Gone, or never a socket of this component.
	StateClosed
)

// Send queues a message, and never blocks. Its error is [ErrClosed], [ErrTooLarge] or
// [ErrQueueFull].
func (peer Peer) Send(message Message) error {
	result := bindings.Send(uint32(peer), message.lowered())
	if result.Tag() == wit.ResultOk {
		return nil
	}
	switch failure := result.Err(); failure.Tag() {
	case bindings.SendErrorTooLarge:
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, failure.TooLarge())
	case bindings.SendErrorQueueFull:
		return ErrQueueFull
	}
	return ErrClosed
}

// SendText queues a text message, as [Peer.Send] does.
func (peer Peer) SendText(text string) error { return peer.Send(TextMessage(text)) }

// SendBinary queues a binary message, as [Peer.Send] does.
func (peer Peer) SendBinary(bytes []byte) error { return peer.Send(BinaryMessage(bytes)) }

// Close closes the socket after what is queued. It fails if the code is not 1000 or 3000 to 4999,
// or if the reason is over 123 bytes. Then the socket stays as it is.
func (peer Peer) Close(code int, reason string) error {
	result := bindings.Close(uint32(peer), wit.Some(uint16(code)), reason)
	if result.Tag() == wit.ResultOk {
		return nil
	}
	if result.Err().Tag() == bindings.CloseErrorInvalidCode {
		return fmt.Errorf("%d is not a code to close with: 1000, or 3000 to 4999", code)
	}
	return errors.New("the reason is over 123 bytes")
}

// Fail closes the socket with 1011, because its session failed. The reason goes to the log and not
// to the peer.
func (peer Peer) Fail(reason string) { bindings.Fail(uint32(peer), reason) }

// Terminate drops the connection without a close frame.
func (peer Peer) Terminate() { bindings.Terminate(uint32(peer)) }

// State is where the socket is in its life.
func (peer Peer) State() State { return State(bindings.State(uint32(peer))) }

// Protocol is the protocol that the handshake chose. Without one, it is empty.
func (peer Peer) Protocol() string {
	protocol, _ := readOption(func() wit.Option[string] { return bindings.Protocol(uint32(peer)) })
	return protocol
}

// BufferedAmount is how many bytes are queued and not yet handed to the network.
func (peer Peer) BufferedAmount() int { return int(bindings.BufferedAmount(uint32(peer))) }

// Event is the handshake's request, or nil once the session is over. It is valid until the host's
// call returns.
func (peer Peer) Event() *Event {
	requests.Lock()
	defer requests.Unlock()
	if event := requests.asked[peer]; event != nil {
		return event
	}
	handle := bindings.EventOf(uint32(peer))
	if handle.Tag() == wit.OptionNone {
		return nil
	}
	event := &Event{handle.Some()}
	requests.asked[peer] = event
	return event
}

// The events that were asked for in this call. They are dropped at its end: the host keeps only so
// many, and the collector may come late.
var requests = struct {
	sync.Mutex
	asked map[Peer]*Event
}{asked: map[Peer]*Event{}}

func dropRequests() {
	requests.Lock()
	defer requests.Unlock()
	for _, event := range requests.asked {
		event.handle.Drop()
	}
	clear(requests.asked)
}

// Attachment is the bytes that the host keeps with the socket, for any instance of the component.
func (peer Peer) Attachment() []byte {
	return readBytes(func() []byte { return bindings.Attachment(uint32(peer)) })
}

// SetAttachment replaces the attachment. Its error is [ErrClosed] or [ErrTooLarge].
func (peer Peer) SetAttachment(value []byte) error {
	result := bindings.SetAttachment(uint32(peer), value)
	if result.Tag() == wit.ResultOk {
		return nil
	}
	if failure := result.Err(); failure.Tag() == bindings.AttachmentErrorTooLarge {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, failure.TooLarge())
	}
	return ErrClosed
}

// Subscribe subscribes the socket to a topic. It fails if the socket is closed or has as many
// topics as the site allows, or if the name is over 256 bytes.
func (peer Peer) Subscribe(topic string) error {
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

// Unsubscribe ends the subscription, if there is one.
func (peer Peer) Unsubscribe(topic string) { topics.Unsubscribe(uint32(peer), topic) }

// Topics are the topics that the socket hears, in the order of their names.
func (peer Peer) Topics() []string {
	return readStrings(func() []string { return topics.Subscriptions(uint32(peer)) })
}

// Publish queues a message for every subscriber but this one, and returns for how many.
func (peer Peer) Publish(topic string, message Message) int {
	return int(topics.Publish(topic, message.lowered(), wit.Some(uint32(peer))))
}

// Publish queues a message for every subscriber, and returns for how many.
func Publish(topic string, message Message) int {
	return int(topics.Publish(topic, message.lowered(), wit.None[uint32]()))
}

// Members are the subscribers of a topic.
func Members(topic string) []Peer { return members(wit.Some(topic)) }

// Peers are all of the component's WebSockets.
func Peers() []Peer { return members(wit.None[string]()) }

func members(topic wit.Option[string]) []Peer {
	call := func() []uint32 { return topics.Members(topic) }
	return wit.Read(call, func(ids []uint32) []Peer {
		peers := make([]Peer, len(ids))
		for i, id := range ids {
			peers[i] = Peer(id)
		}
		return peers
	})
}
