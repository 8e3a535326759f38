package lithe

import (
	"net/url"

	wit "lithe/internal/abi"
	bindings "lithe/internal/wit/lithe_plugin_event"
	http "lithe/internal/wit/lithe_plugin_http"
	streams "lithe/internal/wit/lithe_plugin_streams"
	ws "lithe/internal/wit/lithe_plugin_ws"
)

// Event is the request that is handled, and what the route and the middleware know about it.
type Event struct{ handle *bindings.Event }

// ID is the name of this request, which no other request has. The host's log lines have it, too.
func (event *Event) ID() string { return readString(event.handle.Id) }

// Method is the method in upper case, such as `GET`.
func (event *Event) Method() string { return readString(event.handle.Method) }

// URI is the path and the query, as the client sent them.
func (event *Event) URI() string { return readString(event.handle.Uri) }

// Path is the path without the query, percent-decoded.
func (event *Event) Path() string { return readString(event.handle.Path) }

// Scheme is `http` or `https`.
func (event *Event) Scheme() string { return readString(event.handle.Scheme) }

// Authority is the host of the request's address, and its port.
func (event *Event) Authority() string { return readString(event.handle.Authority) }

// Query has the query's values, by their names. It leaves out what is malformed.
func (event *Event) Query() url.Values {
	query, _ := readOption(event.handle.Query)
	values, _ := url.ParseQuery(query)
	return values
}

// Headers has the request's headers, in order.
func (event *Event) Headers() []Field { return readFields(event.handle.Headers) }

// Header is the first header of that name, in any case. Without one, it is empty.
func (event *Event) Header(name string) string {
	value, _ := readOption(func() wit.Option[string] { return event.handle.Header(name) })
	return value
}

// Route is the pattern that matched, such as `/rooms/:id`.
func (event *Event) Route() string { return readString(event.handle.Route) }

// Params has the route's parameters, percent-decoded, in the pattern's order.
func (event *Event) Params() []Field { return readFields(event.handle.Params) }

// Param is one of the route's parameters. Without one of that name, it is empty.
func (event *Event) Param(name string) string {
	value, _ := readOption(func() wit.Option[string] { return event.handle.Param(name) })
	return value
}

// ClientAddress is `IP:PORT` of the client.
func (event *Event) ClientAddress() string { return readString(event.handle.ClientAddress) }

// Body is the whole body. For an upgrade request it is empty.
func (event *Event) Body() []byte { return readBytes(event.handle.Body) }

// Local is a value that middleware left for what runs after it.
func (event *Event) Local(key string) (value string, isThere bool) {
	return readOption(func() wit.Option[string] { return event.handle.Local(key) })
}

// SetLocal leaves a value for what runs after this.
func (event *Event) SetLocal(key, value string) { event.handle.SetLocal(key, value) }

// IsUpgradeRequest says whether the request asks for a WebSocket.
func (event *Event) IsUpgradeRequest() bool { return ws.IsUpgradeRequest(event.handle) }

// RequestedProtocols is what `sec-websocket-protocol` offers, in order.
func (event *Event) RequestedProtocols() []string {
	return readStrings(func() []string { return ws.RequestedProtocols(event.handle) })
}

// UpgradeOptions say how an upgrade is accepted.
type UpgradeOptions struct {
	// One of the protocols that the request offers. The empty one chooses none.
	Protocol string
	// Sent with the 101.
	Headers []Field
	// Bytes that the host keeps with the socket: see [Peer.Attachment].
	Attachment []byte
	// Says that the session's state lies in this instance's memory. The session ends with the
	// instance.
	Pinned bool
}

// Upgrade accepts the upgrade. Return its outcome. The error is an [*Error] that you can return as
// it is: the request does not ask for a WebSocket as it should (405, 426, 400), or the component
// has no sessions (501).
func (event *Event) Upgrade(options UpgradeOptions) (*Upgrade, error) {
	lowered := ws.UpgradeOptions{
		Protocol:   someIf(options.Protocol, options.Protocol != ""),
		Headers:    fields(options.Headers),
		Attachment: options.Attachment,
		Pinned:     options.Pinned,
	}
	return readResult(
		func() wit.Result[ws.Accepted, http.HttpError] { return ws.Upgrade(event.handle, lowered) },
		copiedUpgrade,
	)
}

// StreamOptions are the head of a response whose body is sent piece by piece.
type StreamOptions struct {
	// 200 to 599.
	Status  int
	Headers []Field
	// Bytes that the host keeps with the socket: see [Peer.Attachment].
	Attachment []byte
}

// Stream begins a response whose body is sent piece by piece. Return its outcome, and send the body
// when the peer is open. The error is an [*Error] that you can return as it is.
func (event *Event) Stream(options StreamOptions) (*Stream, error) {
	lowered := streams.StreamOptions{
		Status:     uint16(options.Status),
		Headers:    fields(options.Headers),
		Attachment: options.Attachment,
	}
	return readResult(
		func() wit.Result[streams.Started, http.HttpError] { return streams.Start(event.handle, lowered) },
		copiedStream,
	)
}
