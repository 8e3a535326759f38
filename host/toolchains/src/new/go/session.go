// A WebSocket that greets and echoes, as a loop.
package main

import "lithe"

func init() {
	lithe.Session{Run: echo}.Serve()
}

func echo(socket lithe.Socket) error {
	if err := socket.SendText("hello"); err != nil {
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
