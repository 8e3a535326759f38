//go:build lithe_hooks || !wasip1

package lithe

import (
	"encoding/json"
	"fmt"
)

// State is what of the component's memory moves, as JSON, when another version takes over, and when
// the host drops an idle instance and makes another one later. Without it, that memory is lost with
// its version.
//
//	lithe.State[map[string]int]{
//		Save:    func() (map[string]int, error) { return votes, nil },
//		Restore: func(saved map[string]int) error { add(saved); return nil },
//	}.Serve()
//
// Older and newer versions read each other's state, since a roll back is a swap, too.
type State[T any] struct {
	// The essence of the memory: at most the site's limit, 1 MiB by default. The instance may be
	// called again, and the host asks in a dry run of a deploy, too: leave the memory as it is.
	// With an error or a panic, or if the value has no JSON form, the instance goes on with its
	// memory, and no other version takes over.
	Save func() (T, error)
	// Takes over what another instance has saved. If several become one, the host calls this once
	// for each of them: add to the memory, and do not replace it. With an error, the other version
	// goes on.
	Restore func(saved T) error
}

// Serve has the component save and restore its state.
func (state State[T]) Serve() {
	RawState{
		Save: func() ([]byte, error) {
			value, err := state.Save()
			if err != nil {
				return nil, err
			}
			bytes, err := json.Marshal(value)
			if err != nil {
				return nil, fmt.Errorf("the state has no JSON form: %w", err)
			}
			return bytes, nil
		},
		Restore: func(bytes []byte) error {
			var saved T
			if err := json.Unmarshal(bytes, &saved); err != nil {
				return fmt.Errorf("what the other version has saved is not the JSON that this one expects: %w", err)
			}
			return state.Restore(saved)
		},
	}.Serve()
}

// RawState is [State] in a format of its author's, in place of JSON.
type RawState struct {
	Save    func() ([]byte, error)
	Restore func(saved []byte) error
}

// Serve has the component save and restore its state.
func (state RawState) Serve() {
	exports(exportsState)
	memory = state
}

var memory = RawState{
	Save:    func() ([]byte, error) { return nil, errNotServed },
	Restore: func([]byte) error { return errNotServed },
}

func saved() (bytes []byte, err error) {
	err = run(func() (err error) {
		bytes, err = memory.Save()
		return err
	})
	return bytes, err
}

func restored(bytes []byte) error {
	return run(func() error { return memory.Restore(bytes) })
}
