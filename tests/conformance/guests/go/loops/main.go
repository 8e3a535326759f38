// An app whose sockets have blocking sessions: see `tests/src/conformance/loops.rs`.
package main

import (
	"errors"
	"slices"
	"strconv"

	"lithe"
)

func init() {
	app := lithe.NewApp()
	app.Use(mark("app"))
	app.Get("/plain", say("plain"))
	app.Get("/count", say("counts"))
	app.Session("/count", lithe.Session{Run: counting})
	app.Group("/rooms", func(rooms *lithe.Group) {
		rooms.Use(mark("rooms"))
		rooms.Get("/:id/members", members)
		rooms.Session("/:id", lithe.Session{Request: enter, Run: room})
	})
	app.Serve()
}

func mark(name string) lithe.Middleware {
	return func(_ *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		outcome, err := next()
		if err != nil {
			failure := lithe.ErrorOf(err)
			failure.AddHeader("x-order", name)
			return nil, failure
		}
		outcome.AddHeader("x-order", name)
		return outcome, nil
	}
}

func say(text string) lithe.Handler {
	return func(*lithe.Event) (lithe.Outcome, error) { return lithe.Text(200, text), nil }
}

func members(event *lithe.Event) (lithe.Outcome, error) {
	return lithe.Text(200, "members of "+event.Param("id")), nil
}

var count = 0

func counting(socket lithe.Socket) error {
	for message := range socket.Messages() {
		switch message.Text() {
		case "end":
			return nil
		case "fail":
			return errors.New("as told")
		}
		count++
		if err := socket.SendText(strconv.Itoa(count)); err != nil {
			return err
		}
	}
	return nil
}

func enter(event *lithe.Event) (lithe.Outcome, error) {
	if event.Param("id") == "closed" {
		return nil, lithe.Errorf(403, "this room is closed")
	}
	options := lithe.UpgradeOptions{}
	if slices.Contains(event.RequestedProtocols(), "chat") {
		options.Protocol = "chat"
	}
	return event.Upgrade(options)
}

func room(socket lithe.Socket) error {
	if err := socket.SendText("room " + socket.Event().Param("id")); err != nil {
		return err
	}
	for message := range socket.Messages() {
		if err := socket.Send(message); err != nil {
			return err
		}
	}
	return nil
}

func main() {}
