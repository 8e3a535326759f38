package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"lithe"
)

func sockets(app *lithe.App) {
	app.WS("/live", live)
	app.WS("/rooms/:id", lithe.Hooks{Request: enterRoom, Open: openRoom, Message: tellRoom})
}

var live = lithe.Hooks{
	Open:    openLive,
	Message: hearLive,
	Resume:  lithe.OnResume(func(peer lithe.Peer) error { return peer.SendText("resumed") }),
}

func openLive(peer lithe.Peer) error {
	if err := peer.Subscribe("votes"); err != nil {
		return err
	}
	tally, err := lithe.JSON(200, votes)
	if err != nil {
		return err
	}
	return peer.SendText(string(tally.Body))
}

// What the socket keeps as its attachment.
type user struct {
	Name string `json:"name"`
}

func hearLive(peer lithe.Peer, message lithe.Message) error {
	if message.IsBinary() {
		return peer.Send(message)
	}
	command, argument, hasArgument := strings.Cut(message.Text(), ":")
	switch {
	case hasArgument && command == "name":
		if err := lithe.Attach(peer, user{argument}); err != nil {
			return err
		}
		return peer.SendText("ok")
	case hasArgument && command == "say":
		heard := peer.Publish("votes", lithe.TextMessage(argument))
		return peer.SendText(strconv.Itoa(heard))
	}
	switch message.Text() {
	case "who":
		return peer.SendText(strconv.Itoa(len(lithe.Members("votes"))))
	case "topics":
		return peer.SendText(strings.Join(peer.Topics(), ","))
	case "name?":
		user, err := lithe.Attached[user](peer)
		if err != nil && !errors.Is(err, lithe.ErrNoAttachment) {
			return err
		}
		return peer.SendText(user.Name)
	case "tick":
		_, err := lithe.After(50*time.Millisecond, func() { sendOrFail(peer, "tock") })
		return err
	case "count":
		return count(peer)
	case "close":
		return peer.Close(4001, "bye")
	case "fail":
		return errors.New("as told")
	case "buffered":
		return peer.SendText(strconv.Itoa(peer.BufferedAmount()))
	}
	return peer.SendText("echo:" + message.Text())
}

func count(peer lithe.Peer) error {
	var timer lithe.Timer
	number := 0
	timer, err := lithe.Every(20*time.Millisecond, func() {
		number++
		sendOrFail(peer, strconv.Itoa(number))
		if number == 3 {
			timer.Stop()
		}
	})
	return err
}

func sendOrFail(peer lithe.Peer, text string) {
	if err := peer.SendText(text); err != nil {
		peer.Fail(err.Error())
	}
}

func enterRoom(event *lithe.Event) (lithe.Outcome, error) {
	var options lithe.UpgradeOptions
	if slices.Contains(event.RequestedProtocols(), "chat") {
		options.Protocol = "chat"
	}
	return event.Upgrade(options)
}

func openRoom(peer lithe.Peer) error {
	room := peer.Event().Param("id")
	if err := peer.Subscribe("room:" + room); err != nil {
		return err
	}
	return peer.SendText("room " + room)
}

func tellRoom(peer lithe.Peer, message lithe.Message) error {
	if !message.IsBinary() {
		lithe.Publish("room:"+peer.Event().Param("id"), message)
	}
	return nil
}
