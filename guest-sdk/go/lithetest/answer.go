//go:build !wasip1

package lithetest

import (
	"encoding/json"

	"lithe"
	"lithe/internal/played"
)

// Answer is what has come of a request: for a failure, what the host makes of it.
type Answer struct {
	// 101 for an upgrade.
	Status  int
	Headers []lithe.Field
	body    []byte
	client  *Client
}

func answerOf(outcome played.Outcome) *Answer {
	answer := &Answer{Status: outcome.Status, body: outcome.Body}
	for _, header := range outcome.Headers {
		answer.Headers = append(answer.Headers, lithe.Field(header))
	}
	if outcome.Socket != 0 {
		answer.client = &Client{id: outcome.Socket, answer: answer}
		played.OpenSocket(outcome.Socket)
	}
	return answer
}

// Header is the first header of that name, in any case. Without one, it is empty.
func (answer *Answer) Header(name string) string {
	return (&lithe.Response{Headers: answer.Headers}).Header(name)
}

// Text is the body. Of a stream, it is what has been sent so far.
func (answer *Answer) Text() string {
	if answer.client != nil {
		for _, message := range played.TakeSent(answer.client.id) {
			answer.body = append(answer.body, message.Content...)
		}
	}
	return string(answer.body)
}

// JSON reads the body.
func (answer *Answer) JSON(value any) error { return json.Unmarshal([]byte(answer.Text()), value) }

// IsUpgrade says whether the component has accepted an upgrade.
func (answer *Answer) IsUpgrade() bool { return answer.client != nil && answer.Status == 101 }

// Stream is the reader of a stream. For any other answer, it is nil.
func (answer *Answer) Stream() *Client {
	if answer.IsUpgrade() {
		return nil
	}
	return answer.client
}
