// A WebSocket that greets and echoes, as events.
package main

import "lithe"

func init() {
	lithe.Hooks{
		Open: func(peer lithe.Peer) error {
			return peer.SendText("hello")
		},
		Message: func(peer lithe.Peer, message lithe.Message) error {
			return peer.Send(message)
		},
	}.Serve()
}

func main() {}
