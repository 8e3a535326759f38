package lithe

import (
	"strconv"
	"strings"
	"time"
)

// StreamOptions are the head of a response whose body is sent piece by piece, and what sends it.
type StreamOptions struct {
	// 200 to 599. Zero is 200.
	Status  int
	Headers []Field
	// Bytes that the host keeps with the socket: see [Peer.Attachment].
	Attachment []byte
	// Says that the stream's state lies in this instance's memory. The stream ends with the
	// instance.
	Pinned bool
	// Runs once the head is sent, in place of the Open of [Hooks] or the Run of [Session]. In a
	// component with hooks, the body goes on until [Peer.End], so a timer may send the rest. In
	// one with sessions, the body ends when this returns. An error breaks the body off. A stream
	// with it is pinned.
	Open func(peer Peer) error
}

// Stream begins a response whose body is sent piece by piece. Return its outcome. The error is an
// [*Error] that you can return as it is.
//
//	return event.Stream(lithe.StreamOptions{Open: func(peer lithe.Peer) error {
//		if err := peer.SendText("a, then b"); err != nil {
//			return err
//		}
//		return peer.End()
//	}})
func (event *Event) Stream(options StreamOptions) (*Stream, error) {
	if options.Status == 0 {
		options.Status = 200
	}
	options.Pinned = options.Pinned || options.Open != nil
	stream, err := event.request.Stream(options)
	if err == nil && options.Open != nil {
		streamsToOpen[stream.socket] = options.Open
	}
	return stream, err
}

// EventStream begins server-sent events, which a browser reads with `EventSource`. Open sends them
// by [Peer.SendEvent], as it does for [StreamOptions].
func (event *Event) EventStream(open func(peer Peer) error) (*Stream, error) {
	return event.Stream(StreamOptions{
		Headers: []Field{{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}},
		Open:    open,
	})
}

// What opens the streams that are accepted and not yet open.
var streamsToOpen = map[Peer]func(peer Peer) error{}

// Opens a stream, once.
func takeStreamToOpen(peer Peer) func(peer Peer) error {
	open := streamsToOpen[peer]
	delete(streamsToOpen, peer)
	return open
}

// End ends the body of a stream, or closes the socket with 1000.
func (peer Peer) End() error { return peer.Close(1000, "") }

// SendEvent queues a server-sent event, as [Peer.Send] does.
func (peer Peer) SendEvent(event ServerEvent) error { return peer.SendText(event.String()) }

// ServerEvent is a server-sent event.
type ServerEvent struct {
	// The text, of one line or more.
	Data string
	// The name for which a browser listens. Without one, it is `message`.
	Name string
	// What the browser sends as `last-event-id` when it connects again.
	ID string
	// How long the browser waits before it connects again, in whole milliseconds.
	Retry time.Duration
	// A line that browsers skip. A page does not see an event that has only a comment, but the
	// line keeps proxies from closing a quiet connection.
	Comment string
}

// String is the event on the wire.
func (event ServerEvent) String() string {
	var text strings.Builder
	line := func(field, value string) {
		text.WriteString(field + ": " + value + "\n")
	}
	// A field has one line, and a browser takes all of `\r`, `\n` and `\r\n` for its end.
	oneLine := strings.NewReplacer("\r", " ", "\n", " ")
	lines := func(field, value string) {
		value = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(value)
		for part := range strings.SplitSeq(value, "\n") {
			line(field, part)
		}
	}
	if event.Name != "" {
		line("event", oneLine.Replace(event.Name))
	}
	if event.ID != "" {
		line("id", oneLine.Replace(event.ID))
	}
	if event.Retry > 0 {
		line("retry", strconv.FormatInt(event.Retry.Milliseconds(), 10))
	}
	if event.Comment != "" {
		lines("", event.Comment)
	}
	if event.Data != "" || event.Comment == "" {
		lines("data", event.Data)
	}
	return text.String() + "\n"
}
