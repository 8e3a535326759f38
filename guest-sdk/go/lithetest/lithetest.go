//go:build !wasip1

// Package lithetest plays the host for the unit tests of a component, without a network and without
// WebAssembly: `go test` runs the component as a program of this machine.
//
//	func TestEcho(t *testing.T) {
//		client := lithetest.Get("/").Connect(t)
//		client.Send("hello")
//		if got := client.Texts(); !slices.Equal(got, []string{"echo:hello"}) {
//			t.Errorf("the client got %q", got)
//		}
//	}
//
// The component is what the `init` functions of the tested program serve. A test calls it as
// clients and the host do. The time of [lithe.After] and [lithe.Every] stands still until [Advance]
// moves it.
package lithetest

import (
	"errors"
	"fmt"
	"time"

	"lithe/internal/played"
)

// Advance moves the time forward. What is due by then is called, in order and at its own time.
func Advance(by time.Duration) { played.Advance(by) }

// Save returns what the component's [lithe.State] hands to a new version. It fails if the component
// has no state or cannot save it, or if the state is larger than a site allows.
func Save() (saved []byte, err error) {
	if !played.Guest.Exports("state") {
		return nil, errNoState
	}
	played.Call(func() { saved, err = played.Guest.Save() })
	if err != nil {
		return nil, err
	}
	if len(saved) > played.StateLimit {
		return nil, fmt.Errorf("the state is %d bytes: the limit is %d", len(saved), played.StateLimit)
	}
	return saved, nil
}

// Restore hands to the component's [lithe.State] what another version has saved. The component's
// memory stays: restoring adds to it.
func Restore(saved []byte) (err error) {
	if !played.Guest.Exports("state") {
		return errNoState
	}
	played.Call(func() { err = played.Guest.Restore(saved) })
	return err
}

var errNoState = errors.New("the component serves no `lithe.State`: its memory would be lost")

// Resume has the component take over all open sockets, as a new version does.
func Resume() {
	if played.Guest.Exports("resume") {
		played.ResumeAll()
	}
}

// Health asks the component's [lithe.Health]. A component without one is always well.
func Health() (err error) {
	if played.Guest.Exports("health") {
		played.Call(func() { err = played.Guest.Health() })
	}
	return err
}

// Routes are the methods and patterns of the component's [lithe.App], such as `GET /rooms/:id`.
// Without a method, it is any.
func Routes() (routes []string) {
	for _, route := range played.Guest.Routes() {
		name := route.Pattern
		if route.Method != "" {
			name = route.Method + " " + name
		}
		routes = append(routes, name)
	}
	return routes
}
