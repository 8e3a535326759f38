package abi

import (
	"runtime"
	"unsafe"
)

// Allocate returns memory that the host reads, or to which it writes results, until the pinner lets
// go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Eight bytes are the most that the ABI aligns to.
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(memory)
	return memory
}

// Unpin does nothing. An export calls it when its arguments have been lifted, and they still point
// into the region.
func Unpin() {}

// Handle is a handle of a resource, until it is given away or dropped.
type Handle struct{ value int32 }

func MakeHandle(value int32) *Handle { return &Handle{value} }

func (handle *Handle) Use() int32 {
	if handle.value == 0 {
		panic("the request is over")
	}
	return handle.value
}

func (handle *Handle) Take() int32 {
	value := handle.Use()
	handle.value = 0
	return value
}

func (handle *Handle) TakeOrNil() int32 {
	value := handle.value
	handle.value = 0
	return value
}

func (handle *Handle) Set(value int32) { handle.value = value }

type Unit struct{}

type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

const (
	OptionNone = iota
	OptionSome
)

type Option[T any] struct {
	value  T
	isSome bool
}

func None[T any]() Option[T]        { return Option[T]{} }
func Some[T any](value T) Option[T] { return Option[T]{value, true} }

func (option Option[T]) Tag() uint8 {
	if option.isSome {
		return OptionSome
	}
	return OptionNone
}

func (option Option[T]) Some() T { return option.value }

const (
	ResultOk = iota
	ResultErr
)

type Result[T, E any] struct {
	value T
	err   E
	isErr bool
}

func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }
func Err[T, E any](err E) Result[T, E]  { return Result[T, E]{err: err, isErr: true} }

func (result Result[T, E]) Tag() uint8 {
	if result.isErr {
		return ResultErr
	}
	return ResultOk
}

func (result Result[T, E]) Ok() T  { return result.value }
func (result Result[T, E]) Err() E { return result.err }
