package middleware

import (
	"slices"
	"strings"

	"lithe"
)

// SameOrigin refuses upgrades that another site's page asks for, with 403. The pages of these other
// sites, such as `https://example.com`, pass.
//
// A browser lets any page open a WebSocket to any host, and sends the host's cookies with it. So a
// route that trusts cookies needs this, against cross-site WebSocket hijacking. Clients other than
// browsers send no `origin`, and pass.
func SameOrigin(others ...string) lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		if event.IsUpgradeRequest() {
			origin := event.Header("origin")
			if origin != "" && !isOwn(event, origin) && !slices.Contains(others, origin) {
				return nil, lithe.Errorf(403, "Forbidden")
			}
		}
		return next()
	}
}

// Does not compare the scheme: behind a proxy that ends TLS, the host does not know it.
func isOwn(event *lithe.Event, origin string) bool {
	_, host, hasScheme := strings.Cut(origin, "://")
	return hasScheme && strings.EqualFold(host, event.Authority())
}
