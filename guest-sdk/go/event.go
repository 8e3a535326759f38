package lithe

import "net/url"

// Event is the request that is handled, and what the route and the middleware know about it.
//
// Each method asks the host: keep an answer that you need twice. [Param], [Value] and [ReadJSON]
// read parts of it as types.
type Event struct{ request request }

// ID is the name of this request, which no other request has. The host's log lines have it, too.
func (event *Event) ID() string { return event.request.ID() }

// Method is the method in upper case, such as `GET`.
func (event *Event) Method() string { return event.request.Method() }

// URI is the path and the query, as the client sent them.
func (event *Event) URI() string { return event.request.URI() }

// Path is the path without the query, percent-decoded.
func (event *Event) Path() string { return event.request.Path() }

// Scheme is `http` or `https`.
func (event *Event) Scheme() string { return event.request.Scheme() }

// Authority is the host of the request's address, and its port.
func (event *Event) Authority() string { return event.request.Authority() }

// Query has the query's values, by their names: `+` is a space, and `%41` is an `A`. What does not
// decode stays as the client sent it.
func (event *Event) Query() url.Values {
	query, _ := event.request.Query()
	return decodedForm(query)
}

// Headers has the request's headers, in order.
func (event *Event) Headers() []Field { return event.request.Headers() }

// Header is the first header of that name, in any case. Without one, it is empty.
func (event *Event) Header(name string) string {
	value, _ := event.request.Header(name)
	return value
}

// Cookies are the names and values of the `cookie` headers, in order. Values are decoded, as [Cookie]
// encodes them.
func (event *Event) Cookies() []Field { return cookies(event.Headers()) }

// Cookie is the value of the first cookie of that name. Without one, it is empty.
func (event *Event) Cookie(name string) string {
	for _, cookie := range event.Cookies() {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// Route is the pattern that matched, such as `/rooms/:id`.
func (event *Event) Route() string { return event.request.Route() }

// Params has the route's parameters, percent-decoded, in the pattern's order.
func (event *Event) Params() []Field { return event.request.Params() }

// Param is one of the route's parameters. Without one of that name, it is empty.
func (event *Event) Param(name string) string {
	value, _ := event.request.Param(name)
	return value
}

// ClientAddress is `IP:PORT` of the client.
func (event *Event) ClientAddress() string { return event.request.ClientAddress() }

// Body is the whole body. For an upgrade request it is empty.
func (event *Event) Body() []byte { return event.request.Body() }

// Form has the values of the body, which is a form (`application/x-www-form-urlencoded`), as
// [Event.Query] has those of the query. Its error is a 415 if the request says that the body is
// something else, and a 413 if the body is larger than 128 KiB.
func (event *Event) Form() (url.Values, error) { return event.FormWithin(mostParsed) }

// FormWithin does the same as [Event.Form] for a body of at most so many bytes.
func (event *Event) FormWithin(limit int) (url.Values, error) {
	if mediaType(event.Header("content-type")) != formType {
		return nil, Errorf(415, "the body is not `%s`", formType)
	}
	body, err := event.bodyWithin(limit, "FormWithin")
	if err != nil {
		return nil, err
	}
	return decodedForm(string(body)), nil
}

// The bytes of JSON or of a form that are read without another limit. What they say may take many
// times as much memory, and a shared instance's is that of all its clients.
const mostParsed = 128 << 10

// The body, if it is not too large for the function of that name.
func (event *Event) bodyWithin(limit int, function string) ([]byte, error) {
	body := event.Body()
	if len(body) > limit {
		return nil, Errorf(413, "the body is larger than %d bytes: `%s` reads it with a higher limit",
			limit, function)
	}
	return body, nil
}

// Local is a value that middleware left for what runs after it, sessions included.
func (event *Event) Local(key string) (value string, isThere bool) {
	return event.request.Local(key)
}

// SetLocal leaves a value for what runs after this.
func (event *Event) SetLocal(key, value string) { event.request.SetLocal(key, value) }

// IsUpgradeRequest says whether the request asks for a WebSocket.
func (event *Event) IsUpgradeRequest() bool { return event.request.IsUpgradeRequest() }

// RequestedProtocols is what `sec-websocket-protocol` offers, in order.
func (event *Event) RequestedProtocols() []string { return event.request.RequestedProtocols() }

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
	return event.request.Upgrade(options)
}
