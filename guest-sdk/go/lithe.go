// Package lithe makes components for the Lithe host.
//
// An init function says what the component is, by one of [App], [Handler], [Hooks], [Session],
// [Middleware] and [ErrorHandler]. A build has only those of its kind:
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
//
// The package lithetest plays the host for unit tests, which `go test` runs without WebAssembly.
package lithe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// The error of every call until something is served.
var errNothingServed = errors.New("nothing is served: call `Serve` in a `func init()`")

func nothingServed(*Event) (Outcome, error) { return nil, errNothingServed }

// Runs a guest's function in a call of the host.
func run(call func() error) error {
	defer dropRequests()
	// Lets the collector go on with what it has begun in an earlier call. Nothing interrupts a
	// function that computes, and until the collector has ended, all garbage stays.
	runtime.Gosched()
	return guarded(call)
}

// A panic becomes an error, and its stack goes to the log.
func guarded(call func() error) (err error) {
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
