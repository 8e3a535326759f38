// Runs around every request of the site, and says so.
package main

import "lithe"

func init() {
	lithe.Middleware(func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		outcome, err := next()
		if err != nil {
			return nil, err
		}
		outcome.AddHeader("x-seen-by", "{name}")
		return outcome, nil
	}).Serve()
}

func main() {}
