package pattern

import (
	"strings"
	"testing"
)

func TestAPatternHasOneSpelling(t *testing.T) {
	for text, expected := range map[string]string{
		"":                  "/",
		"rooms//:id/":       "/rooms/:id",
		`/a/:id(\d+|a/b)/c`: `/a/:id(\d+|a/b)/c`,
		"/files/:name.:ext": "/files/:name.:ext",
		"/files/:path+":     "/files/:path+",
		"/a/**:rest":        "/a/**:rest",
	} {
		if got, err := Canonical(text); err != nil || got != expected {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	for text, word := range map[string]string{
		"/users/:":       "is not a name",
		"/users/:1a":     "`1a` is not a name",
		`/users/:id(\d+`: "a `(` has no `)`",
		`/users/:id(\)\`: "a `(` has no `)`",
		"/:id/:id":       "`id` stands twice",
		"/:path+/x":      "has to be the last",
		"/**/x":          "has to be the last",
		"/**:a-b":        "`a-b` is not a name",
	} {
		if _, err := Canonical(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestAModifierIsOfAWholeSegment(t *testing.T) {
	for text, repeat := range map[string]Repeat{
		"/:id?": Optional, `/:id(\d+)?`: Optional, "/:path+": OneOrMore, "/:path*": Any,
		"/**": Any, "/a-:path+": Once, "/*": Once,
	} {
		segments, err := Parse(text)
		if err != nil || segments[0].Repeat != repeat {
			t.Errorf("%s: got %v, %v", text, segments, err)
		}
	}
}
