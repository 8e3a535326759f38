package main

import (
	"slices"
	"testing"

	"lithe/lithetest"
)

func TestGreetsAndEchoes(t *testing.T) {
	client := lithetest.Get("/").Connect(t)
	client.Send("one", "two")
	if got := client.Texts(); !slices.Equal(got, []string{"hello", "one", "two"}) {
		t.Errorf("got %q", got)
	}
}
