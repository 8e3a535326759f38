//go:build lithe_hooks || !wasip1

package lithe

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Timer calls a function later. It ends with the instance.
type Timer uint32

// After calls a function once, after a delay in whole milliseconds. It fails if the instance has as
// many timers as the site allows.
func After(delay time.Duration, call func()) (Timer, error) { return set(delay, false, call) }

// Every calls a function again and again, until the timer is stopped.
func Every(delay time.Duration, call func()) (Timer, error) { return set(delay, true, call) }

// Stop ends the timer.
func (timer Timer) Stop() {
	timers.Lock()
	defer timers.Unlock()
	cancelTimer(timer)
	delete(timers.due, timer)
}

// The functions that are due, by the host's number of the timer.
var timers = struct {
	sync.Mutex
	due map[Timer]dueCall
}{due: map[Timer]dueCall{}}

type dueCall struct {
	call   func()
	repeat bool
}

func set(delay time.Duration, repeat bool, call func()) (Timer, error) {
	milliseconds := delay.Milliseconds()
	if milliseconds < 0 || milliseconds > 1<<32-1 {
		return 0, fmt.Errorf("%v is not a delay: it is up to 49 days", delay)
	}
	timers.Lock()
	defer timers.Unlock()
	timer, isSet := setTimer(uint32(milliseconds), repeat)
	if !isSet {
		return 0, errors.New("the instance has as many timers as the site allows")
	}
	timers.due[timer] = dueCall{call, repeat}
	return timer, nil
}

// Calls the function of a timer that the host says is due.
func due(timer Timer) {
	timers.Lock()
	due, isThere := timers.due[timer]
	if !due.repeat {
		delete(timers.due, timer)
	}
	timers.Unlock()
	if !isThere {
		return
	}
	if err := run(func() error { due.call(); return nil }); err != nil {
		fmt.Fprintln(os.Stderr, "a timer failed:", err)
	}
}
