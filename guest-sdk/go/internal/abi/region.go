// Package abi is what the generated bindings stand on.
//
// Where the host passes something, it first asks for room by a `realloc` of the Canonical ABI, and until
// that returns it refuses every call out of the component. Go's own allocator cannot keep to that: what
// it allocates may begin a collection, which asks WASI for the time, and the component traps. So the
// host writes into regions that Go's allocator and collector know nothing of. Nothing on the way there
// allocates from Go's heap, grows a goroutine's stack or meets the scheduler. The collector runs as ever,
// while the guest's own code does; what it needs of a region is copied.
package abi

import "unsafe"

// One page for the stack and one for the state of the adapter to WASI preview 1, which keeps both. It
// asks for them before Go's runtime is ready.
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

// No address: the host traps where it is to write there.
const nowhere = 0xffff_fff8

// Memory that the runtime has given away for good. Numbers and no pointers: to the collector it is not
// there.
type region struct{ base, next, end uintptr }

var regions [2]region

const (
	// What exports are called with.
	arguments = iota
	// What imports answer.
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
		// A goroutine's stack might have to grow for this; the system's never does.
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

// What `growRegion` is to do: on the system's stack it has no arguments.
var grow struct {
	which int
	size  uintptr
}

// Twice the size, or what is wanted. What lies in the memory before stays as it is, and that is not used
// again: as each is at least twice the last, it is never more than there is in use.
func growRegion() {
	const page = 65536
	region := &regions[grow.which]
	size := max(2*(region.end-region.base), grow.size)
	size = (size + page - 1) &^ (page - 1)
	if base := uintptr(sbrk(size)); base != 0 {
		region.base, region.next, region.end = base, base, base+size
	}
}

// ReleaseArguments is for when what an export was called with has been copied.
func ReleaseArguments() { regions[arguments].next = regions[arguments].base }

// How many imports have been called whose answers are not yet copied. Where a goroutine waits for the
// collector in between, another may call one, too.
var reading int

// Read calls an import and copies its answer, whose room is then free again.
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

// The runtime's own ways to more memory and to the system's stack.

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

//go:linkname systemstack runtime.systemstack
//go:noescape
func systemstack(fn func())
