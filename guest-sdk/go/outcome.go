package lithe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Field is a header: its name in lower case, and its value.
type Field struct{ Name, Value string }

// Outcome is what comes of a request: a [*Response], an [*Upgrade] or a [*Stream]. Middleware may
// change the headers of each.
type Outcome interface {
	// StatusCode is the status of the answer: 101 for an upgrade.
	StatusCode() int
	// Header is the first header of that name, in any case. Without one, it is empty.
	Header(name string) string
	// AddHeader adds a header to the answer, beside others of that name.
	AddHeader(name, value string)
	// SetHeader sets a header in place of all others of that name.
	SetHeader(name, value string)
}

// Response is an answer.
type Response struct {
	// 200 to 599. Zero is 200.
	Status  int
	Headers []Field
	Body    []byte
}

// Text is a response of plain text.
func Text(status int, text string) *Response {
	return &Response{status, []Field{{"content-type", "text/plain; charset=utf-8"}}, []byte(text)}
}

// HTML is a response of a page.
func HTML(status int, html string) *Response {
	return &Response{status, []Field{{"content-type", "text/html; charset=utf-8"}}, []byte(html)}
}

// JSON is a response of a value as JSON. It fails if [json.Marshal] does.
func JSON(status int, value any) (*Response, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	// It is not part of a page.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	return &Response{status, []Field{{"content-type", "application/json"}}, text}, nil
}

// Redirect leads to another place. The statuses 301 and 308 are for good, 302 and 307 for now, and
// 303 leads to the result of a POST. With 307 and 308, method and body stay as they are. What cannot
// stand in a URI, such as a space or a line's end, is percent-encoded. A `%` stays as it is. Any other
// status is a panic, which is answered with 500.
func Redirect(status int, location string) *Response {
	switch status {
	case 301, 302, 303, 307, 308:
	default:
		panic(fmt.Sprintf("%d is not the status of a redirect: use 301, 302, 303, 307 or 308", status))
	}
	return &Response{Status: status, Headers: []Field{{"location", percentEncoded(location, isURIByte)}}}
}

// Whether it may stand in a URI; `%` may. A `\` may not: browsers take it for a `/`.
func isURIByte(b byte) bool { return '!' <= b && b <= '~' && strings.IndexByte(`"<>\`, b) < 0 }

func (response *Response) StatusCode() int {
	if response.Status == 0 {
		return 200
	}
	return response.Status
}

func (response *Response) Header(name string) string { return header(response.Headers, name) }

func (response *Response) AddHeader(name, value string) {
	response.Headers = append(response.Headers, Field{name, value})
}

func (response *Response) SetHeader(name, value string) { setHeader(&response.Headers, name, value) }

// Upgrade is an accepted upgrade.
type Upgrade struct {
	socket  Peer
	headers []Field
}

func (upgrade *Upgrade) StatusCode() int { return 101 }

func (upgrade *Upgrade) Header(name string) string { return header(upgrade.headers, name) }

func (upgrade *Upgrade) AddHeader(name, value string) {
	upgrade.headers = append(upgrade.headers, Field{name, value})
}

func (upgrade *Upgrade) SetHeader(name, value string) { setHeader(&upgrade.headers, name, value) }

// Peer is the socket that the upgrade makes. What is sent to it waits until it is open.
func (upgrade *Upgrade) Peer() Peer { return upgrade.socket }

// Stream is a response whose body is sent piece by piece, through a peer that only sends.
type Stream struct {
	socket  Peer
	status  int
	headers []Field
}

func (stream *Stream) StatusCode() int { return stream.status }

func (stream *Stream) Header(name string) string { return header(stream.headers, name) }

func (stream *Stream) AddHeader(name, value string) {
	stream.headers = append(stream.headers, Field{name, value})
}

func (stream *Stream) SetHeader(name, value string) { setHeader(&stream.headers, name, value) }

// Peer sends the body. What is sent before it is open waits until it is.
func (stream *Stream) Peer() Peer { return stream.socket }

func header(headers []Field, name string) string {
	for _, field := range headers {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

// Puts a header in place of all others of that name.
func setHeader(headers *[]Field, name, value string) {
	others := slices.DeleteFunc(slices.Clone(*headers), func(field Field) bool {
		return strings.EqualFold(field.Name, name)
	})
	*headers = append(others, Field{name, value})
}
