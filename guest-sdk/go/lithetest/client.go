//go:build !wasip1

package lithetest

import (
	"lithe"
	"lithe/internal/played"
)

// Client is the client's end of a socket, or the reader of a stream. A message reaches the
// component at once, and its answer is there when Send returns.
type Client struct {
	id     uint32
	answer *Answer
}

// Answer is the head with which the component has accepted the socket.
func (client *Client) Answer() *Answer { return client.answer }

// Peer is the socket as the component knows it.
func (client *Client) Peer() lithe.Peer { return lithe.Peer(client.id) }

// Send sends text messages that arrive together.
func (client *Client) Send(texts ...string) {
	messages := make([]played.Message, len(texts))
	for i, text := range texts {
		messages[i] = played.Message{Content: text}
	}
	played.Deliver(client.id, messages)
}

// SendBinary sends a binary message.
func (client *Client) SendBinary(bytes []byte) {
	played.Deliver(client.id, []played.Message{{Content: string(bytes), IsBinary: true}})
}

// Messages are what the component has sent since this was last asked.
func (client *Client) Messages() (messages []lithe.Message) {
	for _, sent := range played.TakeSent(client.id) {
		if sent.IsBinary {
			messages = append(messages, lithe.BinaryMessage([]byte(sent.Content)))
		} else {
			messages = append(messages, lithe.TextMessage(sent.Content))
		}
	}
	return messages
}

// Texts are the same as text.
func (client *Client) Texts() (texts []string) {
	for _, message := range client.Messages() {
		texts = append(texts, message.Text())
	}
	return texts
}

// Close closes from the client's side, with any code.
func (client *Client) Close(code int, reason string) { played.EndByClient(client.id, code, reason) }

// Disconnect drops the connection without a close frame: the component hears of 1006.
func (client *Client) Disconnect() { played.EndByClient(client.id, 0, "") }

// IsClosed says whether the connection is over.
func (client *Client) IsClosed() bool { return played.See(client.id).IsEnded }

// Closed is the code and the reason of the close frame that has ended the connection, from either
// side. Without one, the code is zero.
func (client *Client) Closed() (code int, reason string) {
	seen := played.See(client.id)
	return seen.Code, seen.Reason
}

// Failure is what the session has failed with: what the host logs and the client does not see.
func (client *Client) Failure() string { return played.See(client.id).Failure }

// Protocol is the protocol that the handshake chose. Without one, it is empty.
func (client *Client) Protocol() string { return played.See(client.id).Protocol }

// IsPinned says whether the session stays with its instance.
func (client *Client) IsPinned() bool { return played.See(client.id).IsPinned }

// LimitOutbound has the client read nothing until [Client.ReadAll]. So many bytes may wait, and
// what is over that is [lithe.ErrQueueFull].
func (client *Client) LimitOutbound(bytes int) { played.Limit(client.id, bytes) }

// ReadAll has the client read all that waited. The component's Drain hears of it if there was no
// room for a message.
func (client *Client) ReadAll() { played.ReadAll(client.id) }
