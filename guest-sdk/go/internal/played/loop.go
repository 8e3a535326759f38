//go:build !wasip1

package played

import "time"

// A blocking session. It runs in a goroutine of its own, and only while its client waits for it:
// each of the two waits until the other has nothing to do.
type loop struct {
	socket   uint32
	inbound  []Message
	hasBegun bool
	hasEnded bool
	// The time until which it waits, if it does not wait for ever.
	until   *time.Duration
	wake    chan struct{}
	nothing chan struct{}
}

func newLoop(socket uint32) *loop {
	return &loop{socket: socket, wake: make(chan struct{}), nothing: make(chan struct{})}
}

// Lets the loop run until it has nothing to do.
func (loop *loop) goOn() {
	if loop.hasEnded {
		return
	}
	if !loop.hasBegun {
		loop.hasBegun = true
		go func() {
			<-loop.wake
			Guest.RunLoop(loop.socket)
			Close(loop.socket, 1000, "")
			loop.hasEnded = true
			loop.nothing <- struct{}{}
		}()
	}
	loop.wake <- struct{}{}
	<-loop.nothing
}

// Runs the loop of a socket that has ended to its own end. It hears of the end, again and again.
func (loop *loop) finish() {
	for loop.hasBegun && !loop.hasEnded {
		loop.goOn()
	}
}

// Receive waits for a message, the end, or the time.
func Receive(id uint32, limit *time.Duration) (message *Message, closed *CloseInfo) {
	host.Lock()
	socket := known(id)
	host.Unlock()
	if socket == nil || socket.loop == nil {
		return nil, &lost().info
	}
	loop := socket.loop
	if limit != nil {
		until := Now() + *limit
		loop.until = &until
		defer func() { loop.until = nil }()
	}
	for {
		if len(loop.inbound) > 0 {
			message := loop.inbound[0]
			loop.inbound = loop.inbound[1:]
			return &message, nil
		}
		if socket.ended != nil {
			return nil, &socket.ended.info
		}
		if loop.until != nil && Now() >= *loop.until {
			return nil, nil
		}
		loop.nothing <- struct{}{}
		<-loop.wake
	}
}
