package lithe

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
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

// CloseInfo says how a session ended.
type CloseInfo struct {
	// 1005 if the peer gave none, 1006 if the connection was lost.
	Code   int
	Reason string
	// Whether both sides sent a close frame.
	Clean bool
}

// Why something cannot be sent.
var (
	ErrClosed    = errors.New("the socket is closed")
	ErrTooLarge  = errors.New("larger than the site allows")
	ErrQueueFull = errors.New("the outbound queue is full: wait for Drain")
)

// Peer is an open socket: a number that the host knows. No two sockets have the same at a time.
type Peer uint32

// ReadyState is where a socket is in its life.
type ReadyState uint8

const (
	// Accepted, and the handshake is not yet complete. What is sent waits until it is.
	StateConnecting ReadyState = iota
	StateOpen
	StateClosing
	// Gone, or never a socket of this component.
	StateClosed
)

// Send queues a message, and never blocks. Its error is [ErrClosed], [ErrTooLarge] or
// [ErrQueueFull].
func (peer Peer) Send(message Message) error { return send(peer, message) }

// SendText queues a text message, as [Peer.Send] does.
func (peer Peer) SendText(text string) error { return peer.Send(TextMessage(text)) }

// SendBinary queues a binary message, as [Peer.Send] does.
func (peer Peer) SendBinary(bytes []byte) error { return peer.Send(BinaryMessage(bytes)) }

// Close closes the socket after what is queued. It fails if the code is not 1000 or 3000 to 4999,
// or if the reason is over 123 bytes. Then the socket stays as it is.
func (peer Peer) Close(code int, reason string) error {
	if code != 1000 && (code < 3000 || code > 4999) {
		return fmt.Errorf("%d is not a close code: use 1000 or 3000 to 4999", code)
	}
	if len(reason) > 123 {
		return errors.New("the reason is over 123 bytes: shorten it")
	}
	closeSocket(peer, code, reason)
	return nil
}

// Fail closes the socket with 1011, because its session failed. The reason goes to the log and not
// to the peer.
func (peer Peer) Fail(reason string) { failSocket(peer, reason) }

// Terminate drops the connection without a close frame.
func (peer Peer) Terminate() { terminate(peer) }

// State is where the socket is in its life.
func (peer Peer) State() ReadyState { return stateOf(peer) }

// Protocol is the protocol that the handshake chose. Without one, it is empty.
func (peer Peer) Protocol() string { return protocolOf(peer) }

// BufferedAmount is how many bytes are queued and not yet handed to the network.
func (peer Peer) BufferedAmount() int { return bufferedAmount(peer) }

// Event is the handshake's request, or nil once the session is over. It is valid until the host's
// call returns.
func (peer Peer) Event() *Event {
	requests.Lock()
	defer requests.Unlock()
	if event := requests.asked[peer]; event != nil {
		return event
	}
	request, isThere := requestOf(peer)
	if !isThere {
		return nil
	}
	event := &Event{request}
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
		event.request.Drop()
	}
	clear(requests.asked)
}

// Attachment is the bytes that the host keeps with the socket, for any instance of the component.
func (peer Peer) Attachment() []byte { return attachmentOf(peer) }

// SetAttachment replaces the attachment. Its error is [ErrClosed] or [ErrTooLarge].
func (peer Peer) SetAttachment(value []byte) error { return setAttachment(peer, value) }

// ErrNoAttachment says that nothing was attached to a socket, or that it is gone.
var ErrNoAttachment = errors.New("the socket has no attachment")

// Attach replaces the attachment by a value as JSON. A newer version of the component reads what an
// older one has left.
func Attach(peer Peer, value any) error {
	attachment, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return peer.SetAttachment(attachment)
}

// Attached is the value that [Attach], or the [UpgradeOptions], left with the socket. Its error is
// [ErrNoAttachment], or that of [json.Unmarshal].
//
//	user, err := lithe.Attached[User](peer)
func Attached[T any](peer Peer) (value T, err error) {
	attachment := peer.Attachment()
	if len(attachment) == 0 {
		return value, ErrNoAttachment
	}
	if err := json.Unmarshal(attachment, &value); err != nil {
		return value, fmt.Errorf("the attachment is of another type: %w", err)
	}
	return value, nil
}

// Subscribe subscribes the socket to a topic. It fails if the socket is closed or has as many
// topics as the site allows, or if the name is over 256 bytes.
func (peer Peer) Subscribe(topic string) error { return subscribe(peer, topic) }

// Unsubscribe ends the subscription, if there is one.
func (peer Peer) Unsubscribe(topic string) { unsubscribe(peer, topic) }

// Topics are the topics that the socket hears, in the order of their names.
func (peer Peer) Topics() []string { return topicsOf(peer) }

// Publish queues a message for every subscriber but this one, and returns for how many.
func (peer Peer) Publish(topic string, message Message) int { return publish(topic, message, &peer) }

// Publish queues a message for every subscriber, and returns for how many.
func Publish(topic string, message Message) int { return publish(topic, message, nil) }

// Members are the subscribers of a topic.
func Members(topic string) []Peer { return members(&topic) }

// Peers are all of the component's WebSockets.
func Peers() []Peer { return members(nil) }
