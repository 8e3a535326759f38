package main

import (
	"errors"
	"fmt"
	"lithe"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

func init() {
	lithe.Hooks{Request: request, Open: open, Message: message}.Serve()
}

func misbehave() {
	panic("as told")
}

func request(event *lithe.Event) (lithe.Outcome, error) {
	if event.IsUpgradeRequest() {
		return event.Upgrade(lithe.UpgradeOptions{Attachment: []byte(attached)})
	}
	switch event.Query().Get("how") {
	case "fail":
		misbehave()
	case "error":
		return nil, errors.New("as told")
	case "teapot":
		return nil, &lithe.Error{Status: 418, Message: "short and stout"}
	case "stream":
		headers := []lithe.Field{{Name: "content-type", Value: "text/plain"}}
		return event.Stream(lithe.StreamOptions{Status: 203, Headers: headers})
	case "print":
		fmt.Print("printed without an end")
	}
	return lithe.Text(200, "fine"), nil
}

func open(peer lithe.Peer) error {
	if peer.Event().Query().Get("how") != "stream" {
		return nil
	}
	if err := peer.SendText("one, "); err != nil {
		return err
	}
	if err := peer.SendBinary([]byte("two")); err != nil {
		return err
	}
	return peer.Close(1000, "")
}

func message(peer lithe.Peer, message lithe.Message) error {
	switch message.Text() {
	case "sleep":
		_, err := lithe.After(20*time.Millisecond, func() {
			if err := peer.SendText("slept"); err != nil {
				panic(err)
			}
		})
		return err
	case "collect":
		return collect(peer)
	case "fail":
		misbehave()
	case "error":
		return errors.New("as told")
	}
	return peer.Send(message)
}

// Nearly as much as a site allows.
var attached = strings.Repeat("attached", 2000)

// Asks the host again and again, in several goroutines, while the collector is busy: what it
// answers stays what it is. Were the room for it from Go's heap, the instance would trap here: a
// collection begins while the host may not be called.
func collect(peer lithe.Peer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wrong := make(chan error)
	const goroutines = 4
	for range goroutines {
		go func() { wrong <- readOften(peer) }()
	}
	for range goroutines {
		if err := <-wrong; err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	if after.NumGC-before.NumGC < 10 {
		return fmt.Errorf("%d collections are too few for a test", after.NumGC-before.NumGC)
	}
	return peer.SendText("collected")
}

func readOften(peer lithe.Peer) error {
	host := strings.Clone(peer.Event().Header("host"))
	for i := range 2000 {
		if read := string(peer.Attachment()); read != attached {
			return fmt.Errorf("the attachment is %q", read)
		}
		if read := peer.Event().Header("host"); read != host {
			return fmt.Errorf("the header is %q", read)
		}
		if i%10 == 0 {
			runtime.Gosched()
		}
	}
	return nil
}

func main() {}
