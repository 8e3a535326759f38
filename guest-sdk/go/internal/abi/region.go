//go:build wasip1

// Package abi is what the generated bindings stand on.
//
// Before the host passes a value, it asks for room by a `realloc` of the Canonical ABI. Until that
// returns, it refuses every call out of the component. Go's own allocator cannot keep to that: an
// allocation may begin a collection, the collection asks WASI for the time, and the component
// traps. So the host writes into regions that Go's allocator and collector do not know. Nothing on
// the way there allocates from Go's heap, grows a goroutine's stack or meets the scheduler. While
// the guest's own code runs, the collector runs as usual. The guest gets copies of what is in a
// region.
package abi

import "unsafe"

// The adapter to WASI preview 1 keeps one page for its stack and one for its state. It asks for
// them before Go's runtime is ready.
var adapterMemory [2*65536 + 16]byte
var adapterUsed uintptr

//go:wasmexport cabi_realloc_adapter
//go:nosplit
func reallocAdapter(old, oldSize, align, size uintptr) uintptr {
	base := uintptr(unsafe.Pointer(&adapterMemory))
	at := (base + adapterUsed + align - 1) &^ (align - 1)
	if oldSize != 0 || at+size > base+uintptr(len(adapterMemory)) {
		return nowhere
	}
	adapterUsed = at + size - base
	return at
}

// Not an address: the host traps when it writes there.
const nowhere = 0xffff_fff8

// Memory that the runtime has given away for good. It is numbers and not pointers, so that the
// collector does not see it.
type region struct{ base, next, end uintptr }

var regions [2]region

const (
	// The arguments of exports.
	arguments = iota
	// The results of imports.
	answers
)

//go:wasmexport cabi_export_realloc
//go:nosplit
func reallocArgument(old, oldSize, align, size uintptr) uintptr {
	return realloc(arguments, old, oldSize, align, size)
}

//go:wasmexport cabi_import_realloc
//go:nosplit
func reallocAnswer(old, oldSize, align, size uintptr) uintptr {
	return realloc(answers, old, oldSize, align, size)
}

//go:nosplit
func realloc(which int, old, oldSize, align, size uintptr) uintptr {
	region := &regions[which]
	at := (region.next + align - 1) &^ (align - 1)
	if at+size > region.end {
		grow.which, grow.size = which, size
		// A goroutine's stack might have to grow for this. The system's never does.
		systemstack(growRegion)
		at = (region.next + align - 1) &^ (align - 1)
		if at+size > region.end {
			return nowhere
		}
	}
	region.next = at + size
	for i := uintptr(0); i < min(oldSize, size); i++ {
		*(*byte)(unsafe.Pointer(at + i)) = *(*byte)(unsafe.Pointer(old + i))
	}
	return at
}

// The arguments of `growRegion`, which has none on the system's stack.
var grow struct {
	which int
	size  uintptr
}

// Makes the region twice as large, or as large as is wanted. The memory before stays as it is, and
// is not used again. Each is at least twice the last, so what is lost is never more than what is in
// use.
func growRegion() {
	const page = 65536
	region := &regions[grow.which]
	size := max(2*(region.end-region.base), grow.size)
	size = (size + page - 1) &^ (page - 1)
	if base := uintptr(sbrk(size)); base != 0 {
		region.base, region.next, region.end = base, base, base+size
	}
}

// ReleaseArguments frees the room of an export's arguments, once they have been copied.
func ReleaseArguments() { regions[arguments].next = regions[arguments].base }

// How many imports have been called whose results are not yet copied. While a goroutine waits for
// the collector in between, another may call one, too.
var reading int

// Read calls an import and copies its result. Then the room of the result is free again.
func Read[T, U any](call func() T, copied func(T) U) U {
	reading++
	defer func() {
		reading--
		if reading == 0 {
			regions[answers].next = regions[answers].base
		}
	}()
	return copied(call())
}

// The runtime's functions for more memory and for the system's stack.

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

//go:linkname systemstack runtime.systemstack
//go:noescape
func systemstack(fn func())
