package lithe

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Error is a failure that has an HTTP answer. Any other error that a handler returns is a 500, and
// only the log has its text.
type Error struct {
	// 400 to 599.
	Status  int
	Headers []Field
	// What the client gets if no error handler answers.
	Message string
}

// Errorf is a failure with that status and message:
//
//	return nil, lithe.Errorf(404, "item %d does not exist", id)
func Errorf(status int, format string, arguments ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, arguments...)}
}

// Unauthorized is the 401 for a client that is not known. The challenge is the header
// `www-authenticate`, such as `Bearer`.
func Unauthorized(challenge string) *Error {
	return &Error{401, []Field{{"www-authenticate", challenge}}, "Unauthorized"}
}

func (failure *Error) Error() string { return fmt.Sprintf("%d: %s", failure.Status, failure.Message) }

// AddHeader adds a header to the answer.
func (failure *Error) AddHeader(name, value string) {
	failure.Headers = append(failure.Headers, Field{name, value})
}

// SetHeader sets a header in place of all others of that name.
func (failure *Error) SetHeader(name, value string) { setHeader(&failure.Headers, name, value) }

// ErrorOf is what the client is told of an error: a copy, to which you may add headers. An error
// without an HTTP answer goes to the log, and the answer is a bare 500.
func ErrorOf(err error) *Error {
	var failure *Error
	if errors.As(err, &failure) && failure != nil {
		copied := *failure
		copied.Headers = slices.Clip(copied.Headers)
		return &copied
	}
	logError(err)
	return &Error{Status: 500, Message: "Internal Server Error"}
}

// Writes an error to the log, which has a panic's already.
func logError(err error) {
	if !errors.As(err, new(panicked)) {
		fmt.Fprintln(os.Stderr, err)
	}
}
