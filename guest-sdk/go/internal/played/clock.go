//go:build !wasip1

package played

import (
	"slices"
	"sync"
	"time"
)

// How many timers an instance may have.
const maxTimers = 10_000

// Time stands still until a test moves it.
var clock struct {
	sync.Mutex
	now    time.Duration
	last   uint32
	timers []timer
}

type timer struct {
	id    uint32
	due   time.Duration
	every time.Duration
}

// Now is the time since the process began.
func Now() time.Duration {
	clock.Lock()
	defer clock.Unlock()
	return clock.now
}

// SetTimer sets a timer. One without a delay takes a millisecond, too, so that a test's time goes
// on.
func SetTimer(milliseconds uint32, repeat bool) (id uint32, isSet bool) {
	clock.Lock()
	defer clock.Unlock()
	if len(clock.timers) >= maxTimers {
		return 0, false
	}
	delay := time.Duration(max(milliseconds, 1)) * time.Millisecond
	clock.last++
	timer := timer{id: clock.last, due: clock.now + delay}
	if repeat {
		timer.every = delay
	}
	clock.timers = append(clock.timers, timer)
	return timer.id, true
}

func CancelTimer(id uint32) {
	clock.Lock()
	defer clock.Unlock()
	clock.timers = slices.DeleteFunc(clock.timers, func(timer timer) bool { return timer.id == id })
}

// Advance moves the time forward. Each timer that is due by then calls the guest, in order and at
// its own time, and each loop whose waiting is over goes on.
func Advance(by time.Duration) {
	until := Now() + by
	for {
		id, isTimer := nextTimer(until)
		if !isTimer {
			break
		}
		Call(func() { Guest.Timer(id) })
	}
	for {
		loop := nextLoop(until)
		if loop == nil {
			break
		}
		Call(loop.goOn)
	}
	setNow(until)
}

// The next timer that is due until then. The time moves to it.
func nextTimer(until time.Duration) (id uint32, isThere bool) {
	clock.Lock()
	defer clock.Unlock()
	next := -1
	for i, timer := range clock.timers {
		if timer.due <= until && (next < 0 || timer.due < clock.timers[next].due) {
			next = i
		}
	}
	if next < 0 {
		return 0, false
	}
	timer := &clock.timers[next]
	id, clock.now = timer.id, timer.due
	if timer.every > 0 {
		timer.due += timer.every
	} else {
		clock.timers = slices.Delete(clock.timers, next, next+1)
	}
	return id, true
}

// The next loop whose waiting is over until then. The time moves to it.
func nextLoop(until time.Duration) (next *loop) {
	host.Lock()
	for _, socket := range host.sockets {
		loop := socket.loop
		if loop == nil || loop.hasEnded || loop.until == nil || *loop.until > until {
			continue
		}
		if next == nil || *loop.until < *next.until {
			next = loop
		}
	}
	host.Unlock()
	if next != nil {
		setNow(*next.until)
	}
	return next
}

func setNow(now time.Duration) {
	clock.Lock()
	defer clock.Unlock()
	clock.now = max(clock.now, now)
}
