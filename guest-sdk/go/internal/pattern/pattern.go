// Package pattern reads the patterns of routes. The host matches paths with them.
package pattern

import (
	"errors"
	"fmt"
	"strings"
)

// Segment is what stands between two slashes of a pattern.
type Segment struct {
	Parts  []Part
	Repeat Repeat
}

// Part is text, or a parameter that takes at least one character.
type Part struct {
	Text string
	// Whether it is a parameter. It may have no name.
	IsParameter bool
	Name        string
	// What a parameter's text has to be, if it is not empty.
	Regex string
}

// Repeat says how many segments of a path a segment takes.
type Repeat int

const (
	Once Repeat = iota
	Optional
	OneOrMore
	Any
)

// Canonical is the one spelling of a pattern: a leading slash, no empty segments and no trailing
// slash.
func Canonical(text string) (string, error) {
	if _, err := Parse(text); err != nil {
		return "", err
	}
	segments, err := split(text)
	return "/" + strings.Join(segments, "/"), err
}

// Parse reads a pattern.
func Parse(text string) (segments []Segment, err error) {
	texts, err := split(text)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i, text := range texts {
		segment, err := parseSegment(text)
		if err != nil {
			return nil, err
		}
		if segment.Repeat >= OneOrMore && i < len(texts)-1 {
			return nil, errors.New("a part that takes any number of segments has to be the last")
		}
		for _, part := range segment.Parts {
			if part.Name != "" && names[part.Name] {
				return nil, fmt.Errorf("parameter `%s` stands twice in it; rename one", part.Name)
			}
			names[part.Name] = true
		}
		segments = append(segments, segment)
	}
	return segments, nil
}

func parseSegment(text string) (segment Segment, err error) {
	if rest, isMany := strings.CutPrefix(text, "**"); isMany {
		part := Part{IsParameter: true}
		repeat := Any
		if name, isNamed := strings.CutPrefix(rest, ":"); isNamed {
			part.Name, repeat = name, OneOrMore
			err = checkName(name)
		}
		return Segment{[]Part{part}, repeat}, err
	}
	for text != "" {
		var part Part
		part, text, err = parsePart(text)
		if err != nil {
			return segment, err
		}
		segment.Parts = append(segment.Parts, part)
		// A modifier is one of a whole segment, and not of a parameter inside one.
		repeat, isModifier := map[string]Repeat{"?": Optional, "+": OneOrMore, "*": Any}[text]
		if isModifier && len(segment.Parts) == 1 && part.Name != "" {
			segment.Repeat = repeat
			return segment, nil
		}
	}
	return segment, nil
}

// The first part of a segment's text, and what follows it.
func parsePart(text string) (part Part, rest string, err error) {
	switch text[0] {
	case '*':
		return Part{IsParameter: true}, text[1:], nil
	case ':':
		text = text[1:]
		end := 0
		for end < len(text) && isNameByte(text[end]) {
			end++
		}
		part = Part{IsParameter: true, Name: text[:end]}
		if err := checkName(part.Name); err != nil {
			return part, "", err
		}
		text = text[end:]
		length, err := regexLength(text)
		if length > 0 {
			part.Regex = text[1 : length-1]
		}
		return part, text[length:], err
	}
	end := strings.IndexAny(text, ":*")
	if end < 0 {
		end = len(text)
	}
	return Part{Text: text[:end]}, text[end:], nil
}

func checkName(name string) error {
	isRight := name != "" && (name[0] < '0' || name[0] > '9')
	for i := range len(name) {
		isRight = isRight && isNameByte(name[i])
	}
	if !isRight {
		return fmt.Errorf(
			"`%s` is not a name: use letters, digits and `_`, not beginning with a digit", name,
		)
	}
	return nil
}

func isNameByte(b byte) bool {
	return 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || b == '_'
}

// Splits at slashes outside of regular expressions. Empty segments are dropped.
func split(text string) (segments []string, err error) {
	start := 0
	end := func(at int) {
		if start < at {
			segments = append(segments, text[start:at])
		}
		start = at + 1
	}
	for at := 0; at < len(text); {
		switch text[at] {
		case '(':
			length, err := regexLength(text[at:])
			if err != nil {
				return nil, err
			}
			at += length
		case '/':
			end(at)
			at++
		default:
			at++
		}
	}
	end(len(text))
	return segments, nil
}

// How long the regular expression at the beginning of the text is, with its parentheses. Zero if
// the text does not begin with one.
func regexLength(text string) (int, error) {
	if !strings.HasPrefix(text, "(") {
		return 0, nil
	}
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return at + 1, nil
		}
	}
	return 0, errors.New("a `(` has no `)`")
}
