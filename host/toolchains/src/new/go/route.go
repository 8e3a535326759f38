// Answers requests.
package main

import "lithe"

func init() {
	lithe.Handler(func(event *lithe.Event) (lithe.Outcome, error) {
		return lithe.Text(200, "Hello from "+event.Path()), nil
	}).Serve()
}

func main() {}
