package main

import (
	"fmt"
	"lithe"
)

func init() {
	lithe.ErrorHandler(func(event *lithe.Event, failure *lithe.Error) (*lithe.Response, error) {
		if failure.Status == 418 {
			return nil, nil
		}
		page := fmt.Sprintf("%d at %s: %s", failure.Status, event.Path(), failure.Message)
		return lithe.Text(failure.Status, page), nil
	}).Serve()
}

func main() {}
