package main

import (
	"testing"

	"lithe"
	"lithe/lithetest"
)

func TestSaysThatItHasSeenTheRequest(t *testing.T) {
	answer := lithetest.Get("/").Before(lithe.Text(200, "inside")).Send()
	if answer.Text() != "inside" || answer.Header("x-seen-by") != "{name}" {
		t.Errorf("got %+v", answer)
	}
}
