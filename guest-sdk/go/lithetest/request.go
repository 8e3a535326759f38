//go:build !wasip1

package lithetest

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"lithe"
	"lithe/internal/played"
)

// Request is a request to make of the component. The methods that change it return it.
type Request struct{ request played.Request }

// Get is a GET request for that path and query.
func Get(uri string) *Request { return NewRequest("GET", uri) }

// Post is a POST request with that body.
func Post(uri, body string) *Request { return NewRequest("POST", uri).Body(body) }

// NewRequest is a request with any method, in upper case.
func NewRequest(method, uri string) *Request {
	path, _, _ := strings.Cut(uri, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	request := &Request{played.Request{
		Method: method, URI: uri, Path: path, Route: path, Scheme: "http",
		ClientAddress: "127.0.0.1:50000",
		Headers:       []played.Field{{Name: "host", Value: "localhost"}},
		Locals:        map[string]string{},
	}}
	return request.Before(&lithe.Response{})
}

// Header sets a header, in place of any other of that name.
func (request *Request) Header(name, value string) *Request {
	name = strings.ToLower(name)
	headers := slices.DeleteFunc(request.request.Headers, func(field played.Field) bool {
		return field.Name == name
	})
	request.request.Headers = append(headers, played.Field{Name: name, Value: value})
	return request
}

// Body sets the body.
func (request *Request) Body(body string) *Request {
	request.request.Body = []byte(body)
	return request
}

// Local sets a value that middleware has left.
func (request *Request) Local(key, value string) *Request {
	request.request.Locals[key] = value
	return request
}

// From sets the client's `IP:PORT`. By default it is `127.0.0.1:50000`.
func (request *Request) From(address string) *Request {
	request.request.ClientAddress = address
	return request
}

// Route sets the pattern that has matched, and the parameters that the path has by it. By default
// the pattern is the path. An app does not need it: its routes are found.
func (request *Request) Route(pattern string) *Request {
	request.request.Route = pattern
	if params, fits := match(pattern, request.request.Path); fits {
		request.request.Params = params
	}
	return request
}

// Before has a component of the kind `middleware` run around that answer. By default it is an empty
// 200.
func (request *Request) Before(response *lithe.Response) *Request {
	request.request.Next = func() played.Outcome {
		headers := make([]played.Field, len(response.Headers))
		for i, header := range response.Headers {
			headers[i] = played.Field(header)
		}
		return played.Outcome{Status: response.StatusCode(), Headers: headers, Body: response.Body}
	}
	return request
}

// Upgrade makes the request a WebSocket handshake that offers these protocols, in order.
func (request *Request) Upgrade(protocols ...string) *Request {
	request.Header("connection", "Upgrade").Header("upgrade", "websocket")
	request.Header("sec-websocket-version", "13")
	request.Header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
	if len(protocols) > 0 {
		request.Header("sec-websocket-protocol", strings.Join(protocols, ", "))
	}
	return request
}

// Send makes the request.
func (request *Request) Send() *Answer {
	asked := request.request
	if failure := find(&asked); failure != nil {
		return answerOf(*failure)
	}
	return answerOf(played.Answer(&asked))
}

// Fail has a component of the kind `error` answer for a failure of the request.
func (request *Request) Fail(failure *lithe.Error) *Answer {
	asked := request.request
	return answerOf(played.Recover(&asked, failed(failure.Status, failure.Message)))
}

// Connect makes the request a handshake that offers these protocols, and opens the socket. The test
// fails if the component does not accept it. The client leaves at the end of the test.
func (request *Request) Connect(t testing.TB, protocols ...string) *Client {
	t.Helper()
	answer := request.Upgrade(protocols...).Send()
	if !answer.IsUpgrade() {
		t.Fatalf("the answer is not an upgrade, but %d: %s", answer.Status, answer.Text())
	}
	t.Cleanup(answer.client.Disconnect)
	return answer.client
}
