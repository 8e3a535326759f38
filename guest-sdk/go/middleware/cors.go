package middleware

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"lithe"
)

// CORSOptions say which other sites' scripts may make requests (Fetch Standard, 3.2).
type CORSOptions struct {
	// Sites such as `https://example.com`. `*` is any site.
	Origins []string
	// The methods. None is all but OPTIONS.
	Methods []string
	// Request headers. None is those that are asked for.
	Headers []string
	// Headers of the answers that scripts may read.
	Expose []string
	// Lets requests carry cookies and other credentials. For any site, it has no effect: browsers
	// refuse that, and rightly.
	Credentials bool
	// How long a browser remembers the answer to its preflight request, in whole seconds.
	MaxAge time.Duration
}

// CORS lets other sites' scripts make requests, and answers their preflight requests in the
// handler's place. A preflight request reaches only a route that takes OPTIONS.
//
// It does not guard WebSockets, which browsers open to any site. For those, use [SameOrigin].
func CORS(options CORSOptions) lithe.Middleware {
	if options.Methods == nil {
		options.Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	}
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		origin := event.Header("origin")
		if origin == "" {
			return next()
		}
		if event.Method() == "OPTIONS" && event.Header("access-control-request-method") != "" {
			return options.preflight(event, origin), nil
		}
		outcome, err := next()
		return withHeaders(outcome, err, func(head head) { options.mark(head, origin) })
	}
}

func (options *CORSOptions) isForAny() bool { return slices.Contains(options.Origins, "*") }

// What `access-control-allow-origin` says to that origin.
func (options *CORSOptions) allowed(origin string) (allowed string, isAllowed bool) {
	if options.isForAny() {
		return "*", true
	}
	return origin, slices.Contains(options.Origins, origin)
}

// What every answer to that origin says, allowed or not.
func (options *CORSOptions) mark(head head, origin string) {
	if !options.isForAny() {
		head.AddHeader("vary", "origin")
	}
	allowed, isAllowed := options.allowed(origin)
	if !isAllowed {
		return
	}
	head.SetHeader("access-control-allow-origin", allowed)
	if options.Credentials && !options.isForAny() {
		head.SetHeader("access-control-allow-credentials", "true")
	}
	if len(options.Expose) > 0 {
		head.SetHeader("access-control-expose-headers", strings.Join(options.Expose, ", "))
	}
}

func (options *CORSOptions) preflight(event *lithe.Event, origin string) *lithe.Response {
	response := &lithe.Response{Status: 204}
	options.mark(response, origin)
	if _, isAllowed := options.allowed(origin); !isAllowed {
		return response
	}
	response.SetHeader("access-control-allow-methods", strings.Join(options.Methods, ", "))
	headers := event.Header("access-control-request-headers")
	if len(options.Headers) > 0 {
		headers = strings.Join(options.Headers, ", ")
	}
	if headers != "" {
		response.SetHeader("access-control-allow-headers", headers)
	}
	if options.MaxAge > 0 {
		seconds := int64(options.MaxAge / time.Second)
		response.SetHeader("access-control-max-age", strconv.FormatInt(seconds, 10))
	}
	return response
}
