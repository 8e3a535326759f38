package lithe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	wit "lithe/internal/abi"
	http "lithe/internal/wit/lithe_plugin_http"
	streams "lithe/internal/wit/lithe_plugin_streams"
	ws "lithe/internal/wit/lithe_plugin_ws"
)

// Field is a header: its name in lower case, and its value.
type Field struct{ Name, Value string }

// Outcome is what comes of a request: a [*Response], an [*Upgrade] or a [*Stream].
type Outcome interface {
	// AddHeader adds a header to the answer.
	AddHeader(name, value string)
	// StatusCode is the status of the answer: 101 for an upgrade.
	StatusCode() int
}

// Response is an answer.
type Response struct {
	// 200 to 599.
	Status  int
	Headers []Field
	Body    []byte
}

// Text is a response of plain text.
func Text(status int, text string) *Response {
	return &Response{status, []Field{{"content-type", "text/plain; charset=utf-8"}}, []byte(text)}
}

// JSON is a response of a value as JSON. It fails if [json.Marshal] does.
func JSON(status int, value any) (*Response, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return &Response{status, []Field{{"content-type", "application/json"}}, body}, nil
}

func (response *Response) StatusCode() int { return response.Status }

func (response *Response) AddHeader(name, value string) {
	response.Headers = append(response.Headers, Field{name, value})
}

// Upgrade is an accepted upgrade.
type Upgrade struct{ accepted ws.Accepted }

func (upgrade *Upgrade) StatusCode() int { return 101 }

func (upgrade *Upgrade) AddHeader(name, value string) {
	upgrade.accepted.Headers = append(upgrade.accepted.Headers, fields([]Field{{name, value}})...)
}

// Stream is a response whose body is sent piece by piece, through a peer that only sends.
type Stream struct{ started streams.Started }

func (stream *Stream) StatusCode() int { return int(stream.started.Status) }

func (stream *Stream) AddHeader(name, value string) {
	stream.started.Headers = append(stream.started.Headers, fields([]Field{{name, value}})...)
}

// Error is a failure that has an HTTP answer. Any other error that a handler returns is a 500, and
// only the log has its text.
type Error struct {
	// 400 to 599.
	Status  int
	Headers []Field
	// What the client gets if no error handler answers.
	Message string
}

func (failure *Error) Error() string { return fmt.Sprintf("%d: %s", failure.Status, failure.Message) }

func fields(headers []Field) http.Fields {
	made := make(http.Fields, len(headers))
	for i, header := range headers {
		made[i] = wit.Tuple2[string, string]{F0: header.Name, F1: header.Value}
	}
	return made
}

func (response *Response) lowered() http.Response {
	body := http.MakeBodyEmpty()
	if len(response.Body) > 0 {
		body = http.MakeBodyBytes(response.Body)
	}
	return http.Response{Status: uint16(response.Status), Headers: fields(response.Headers), Body: body}
}

// The contract's error. An error of another kind goes to the log.
func loweredError(err error) http.HttpError {
	var failure *Error
	if !errors.As(err, &failure) {
		if !errors.As(err, new(panicked)) {
			fmt.Fprintln(os.Stderr, err)
		}
		failure = &Error{Status: 500, Message: "Internal Server Error"}
	}
	return http.HttpError{
		Status: uint16(failure.Status), Headers: fields(failure.Headers), Message: failure.Message,
	}
}

// The host's answer as an outcome. Its error is an [*Error].
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

func copiedError(failure http.HttpError) *Error {
	return &Error{int(failure.Status), copiedFields(failure.Headers), strings.Clone(failure.Message)}
}

func copiedUpgrade(accepted ws.Accepted) *Upgrade {
	accepted.Headers = fields(copiedFields(accepted.Headers))
	return &Upgrade{accepted}
}

func copiedStream(started streams.Started) *Stream {
	started.Headers = fields(copiedFields(started.Headers))
	return &Stream{started}
}

func copiedResponse(response http.Response) *Response {
	var body []byte
	switch response.Body.Tag() {
	case http.BodyText:
		body = []byte(response.Body.Text())
	case http.BodyBytes:
		body = bytes.Clone(response.Body.Bytes())
	}
	return &Response{int(response.Status), copiedFields(response.Headers), body}
}
