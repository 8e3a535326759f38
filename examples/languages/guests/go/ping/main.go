// `/go/ping`: answers `ping` with `pong`.
package main

import "lithe"

func init() {
	lithe.Hooks{
		Message: func(peer lithe.Peer, message lithe.Message) error {
			if message == lithe.TextMessage("ping") {
				return peer.SendText("pong")
			}
			return nil
		},
	}.Serve()
}

func main() {}
