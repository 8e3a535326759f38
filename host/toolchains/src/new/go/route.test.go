package main

import (
	"testing"

	"lithe/lithetest"
)

func TestSaysWhereItIs(t *testing.T) {
	if got := lithetest.Get("/there").Send().Text(); got != "Hello from /there" {
		t.Errorf("got %q", got)
	}
}
