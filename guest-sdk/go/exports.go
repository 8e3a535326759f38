package lithe

import "errors"

// What a component exports besides what its kind says, the host asks of it, and takes for granted
// that it works. So a component exports only what its author serves. The linker knows what that is:
// it leaves out what is not called. Each function that serves one of these calls [exports] with the
// name of its own, and `lithe build` looks for the names in what the linker has made.
const (
	exportsHealth = "lithe exports: health;"
	exportsResume = "lithe exports: resume;"
	exportsRoutes = "lithe exports: routes;"
	exportsState  = "lithe exports: state;"
	// Of every `Serve` that makes a component. Without it, the build fails.
	serves = "lithe serves a component;"
)

// The error of what is linked, and so exported, but was not served in this run.
var errNotServed = errors.New("it was not served: call its `Serve` in every run")

// What is served. The host that lithetest plays asks.
var exported = map[string]bool{}

//go:noinline
func exports(name string) { exported[name] = true }
