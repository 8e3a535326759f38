// Package lithe makes components for the Lithe host.
//
// An init function says what the component is, by one of [Handler], [Hooks], [Session],
// [Middleware] and [ErrorHandler]. A build has only the one of its kind:
//
//	func init() {
//		lithe.Hooks{
//			Message: func(peer lithe.Peer, message lithe.Message) error {
//				return peer.SendText("echo:" + message.Text())
//			},
//		}.Serve()
//	}
//
// An error that a function returns fails the request or the session, and so does a panic. The
// host's log has the error, and the stack of a panic. The instance goes on.
package lithe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	wit "lithe/internal/abi"
	bindings "lithe/internal/wit/lithe_plugin_http"
	_ "lithe/internal/wit/wit_exports"
)

// The error of every call until something is served.
var errNothingServed = errors.New("nothing is served: call `Serve` in a `func init()`")

// These copy an import's answer before anything else is asked of the host.

func readString(call func() string) string { return wit.Read(call, strings.Clone) }

func readStrings(call func() []string) []string { return wit.Read(call, copiedStrings) }

func readBytes(call func() []byte) []byte { return wit.Read(call, bytes.Clone) }

func readFields(call func() bindings.Fields) []Field { return wit.Read(call, copiedFields) }

func readOption(call func() wit.Option[string]) (value string, isThere bool) {
	read := wit.Read(call, func(option wit.Option[string]) wit.Option[string] {
		return someIf(strings.Clone(option.Some()), option.Tag() == wit.OptionSome)
	})
	return read.Some(), read.Tag() == wit.OptionSome
}

func copiedStrings(texts []string) []string {
	for i, text := range texts {
		texts[i] = strings.Clone(text)
	}
	return texts
}

func copiedFields(fields bindings.Fields) []Field {
	copied := make([]Field, len(fields))
	for i, field := range fields {
		copied[i] = Field{strings.Clone(field.F0), strings.Clone(field.F1)}
	}
	return copied
}

func someIf[T any](value T, isSome bool) wit.Option[T] {
	if !isSome {
		return wit.None[T]()
	}
	return wit.Some(value)
}

// Runs a guest's function. A panic becomes an error, and its stack goes to the log.
func guarded(call func() error) (err error) {
	defer dropRequests()
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked{cause}
			fmt.Fprintf(os.Stderr, "%v\n%s", err, debug.Stack())
		}
	}()
	return call()
}

// A panic that was recovered, and that the log has.
type panicked struct{ cause any }

func (err panicked) Error() string { return fmt.Sprintf("panic: %v", err.cause) }
