//go:build !wasip1

package lithetest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"lithe/internal/pattern"
	"lithe/internal/played"
)

// Finds the route of a request among those of the app, as the host does. If no route fits, it
// answers as the host does. Without an app, it leaves the request as it is.
func find(request *played.Request) (failure *played.Outcome) {
	routes := played.Guest.Routes()
	if len(routes) == 0 {
		return nil
	}
	type fitting struct {
		played.Route
		ranks  []int
		params []played.Field
	}
	var found []fitting
	for _, route := range routes {
		if params, fits := match(route.Pattern, request.Path); fits {
			found = append(found, fitting{route, ranks(route.Pattern), params})
		}
	}
	slices.SortStableFunc(found, func(a, b fitting) int {
		// A route for one method comes before that for any.
		return cmp.Or(slices.Compare(a.ranks, b.ranks), -cmp.Compare(a.Method, b.Method))
	})
	var allowed []string
	for _, route := range found {
		isHead := request.Method == "HEAD" && route.Method == "GET"
		if route.Method == "" || route.Method == request.Method || isHead {
			request.Route, request.Params = route.Pattern, route.params
			return nil
		}
		allowed = append(allowed, route.Method)
	}
	outcome := failed(404, "Not Found")
	if len(allowed) > 0 {
		slices.Sort(allowed)
		outcome = failed(405, "Method Not Allowed")
		outcome.Headers = []played.Field{{Name: "allow", Value: strings.Join(allowed, ", ")}}
	}
	return &outcome
}

func failed(status int, message string) played.Outcome {
	return played.Outcome{Status: status, Body: []byte(message), IsFailure: true}
}

// The parameters that a path has by a pattern, if it fits.
func match(text, path string) (params []played.Field, fits bool) {
	segments, err := pattern.Parse(text)
	if err != nil {
		return nil, false
	}
	return fit(segments, folded(path))
}

// A path's segments: empty ones, `.` and `..` are folded.
func folded(path string) (segments []string) {
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
		}
	}
	return segments
}

// Static, then a regular expression or a part of a segment, then a parameter, then many segments.
func ranks(text string) (ranks []int) {
	segments, _ := pattern.Parse(text)
	for _, segment := range segments {
		isOne := len(segment.Parts) == 1
		first := segment.Parts[0]
		rank := 1
		switch {
		case segment.Repeat >= pattern.OneOrMore:
			rank = 4
		case isOne && !first.IsParameter:
			rank = 0
		case isOne && first.Regex == "" && segment.Repeat == pattern.Optional:
			rank = 3
		case isOne && first.Regex == "":
			rank = 2
		}
		ranks = append(ranks, rank)
	}
	return ranks
}

func fit(segments []pattern.Segment, path []string) (params []played.Field, fits bool) {
	if len(segments) == 0 {
		return nil, len(path) == 0
	}
	least, most := 1, 1
	switch segments[0].Repeat {
	case pattern.Optional:
		least = 0
	case pattern.OneOrMore:
		most = len(path)
	case pattern.Any:
		least, most = 0, len(path)
	}
	for count := min(most, len(path)); count >= least; count-- {
		var taken []played.Field
		isFit := true
		if count > 0 {
			taken, isFit = fitParts(segments[0].Parts, strings.Join(path[:count], "/"))
		}
		if rest, fits := fit(segments[1:], path[count:]); isFit && fits {
			return append(taken, rest...), true
		}
	}
	return nil, false
}

// Within a segment, what stands earlier takes as much as it can.
func fitParts(parts []pattern.Part, text string) (params []played.Field, fits bool) {
	if len(parts) == 0 {
		return nil, text == ""
	}
	part := parts[0]
	if !part.IsParameter {
		rest, hasPart := strings.CutPrefix(text, part.Text)
		if !hasPart {
			return nil, false
		}
		return fitParts(parts[1:], rest)
	}
	for end := len(text); end > 0; end-- {
		if part.Regex != "" && !regexp.MustCompile(`^(?:`+part.Regex+`)$`).MatchString(text[:end]) {
			continue
		}
		if rest, fits := fitParts(parts[1:], text[end:]); fits {
			if part.Name != "" {
				params = []played.Field{{Name: part.Name, Value: text[:end]}}
			}
			return append(params, rest...), true
		}
	}
	return nil, false
}
