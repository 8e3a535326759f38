// `/go/loop`: an echo as a blocking loop, in an instance of its own for each connection.
package main

import "lithe"

func init() {
	lithe.Session{
		Run: func(socket lithe.Socket) error {
			for message := range socket.Messages() {
				if err := socket.Send(message); err != nil {
					return err
				}
			}
			return nil
		},
	}.Serve()
}

func main() {}
