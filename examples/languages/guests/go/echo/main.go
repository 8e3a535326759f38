// `/go/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP.
package main

import (
	"lithe"
	"slices"
)

func init() {
	lithe.Hooks{Request: request, Open: open, Message: message}.Serve()
}

func request(event *lithe.Event) (lithe.Outcome, error) {
	if !event.IsUpgradeRequest() {
		return lithe.JSON(200, map[string]string{"mode": "http"})
	}
	var options lithe.UpgradeOptions
	if slices.Contains(event.RequestedProtocols(), "chat") {
		options.Protocol = "chat"
	}
	return event.Upgrade(options)
}

func open(peer lithe.Peer) error { return peer.SendText("connected") }

func message(peer lithe.Peer, message lithe.Message) error {
	if message.IsBinary() {
		return peer.Send(message)
	}
	return peer.SendText("echo:" + message.Text())
}

func main() {}
