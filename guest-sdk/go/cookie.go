package lithe

import (
	"fmt"
	"strings"
	"time"
)

// Cookie is a cookie that an answer sets, by [SetCookie]. Only its name and value are needed: then
// it lasts until the browser closes, goes with requests below the path's folder, and scripts can
// read it.
//
// A value may be any text. Characters that a cookie cannot hold are percent-encoded, and
// [Event.Cookie] decodes them. A name is a token (RFC 9110, 5.6.2), and is not decoded: other
// characters in it stay percent-encoded.
type Cookie struct {
	Name, Value string
	// The path below which it goes with requests. `/` is the whole site.
	Path string
	// The domain to which it goes, and those below it, in place of only the host that set it.
	Domain string
	// How long the browser keeps it, in whole seconds. If it is negative, the browser forgets the
	// cookie at once.
	MaxAge time.Duration
	// Whether it goes with requests that other sites cause. Without one, the browser decides.
	SameSite SameSite
	// Sends it over HTTPS only.
	Secure bool
	// Hides it from scripts.
	HTTPOnly bool
}

// SameSite says whether a cookie goes with requests that other sites cause.
type SameSite string

const (
	// Never.
	SameSiteStrict SameSite = "Strict"
	// Only if the user follows a link.
	SameSiteLax SameSite = "Lax"
	// Always. Browsers demand a secure cookie with it.
	SameSiteNone SameSite = "None"
)

// SetCookie has the answer set a cookie.
func SetCookie(outcome Outcome, cookie Cookie) { outcome.AddHeader("set-cookie", cookie.String()) }

// String is the value of `set-cookie`.
func (cookie Cookie) String() string {
	var text strings.Builder
	text.WriteString(percentEncoded(cookie.Name, isTokenByte) + "=")
	text.WriteString(percentEncoded(cookie.Value, func(b byte) bool { return b != '%' && isCookieOctet(b) }))
	for _, attribute := range []Field{{"Path", cookie.Path}, {"Domain", cookie.Domain}} {
		if attribute.Value != "" {
			value := percentEncoded(attribute.Value, func(b byte) bool { return ' ' <= b && b <= '~' && b != ';' })
			text.WriteString("; " + attribute.Name + "=" + value)
		}
	}
	if cookie.MaxAge != 0 {
		fmt.Fprintf(&text, "; Max-Age=%d", max(0, int64(cookie.MaxAge/time.Second)))
	}
	if cookie.SameSite != "" {
		text.WriteString("; SameSite=" + string(cookie.SameSite))
	}
	if cookie.Secure {
		text.WriteString("; Secure")
	}
	if cookie.HTTPOnly {
		text.WriteString("; HttpOnly")
	}
	return text.String()
}

// Whether it may stand in the name of a header or a cookie (RFC 9110, 5.6.2).
func isTokenByte(b byte) bool {
	isLetter := 'a' <= b|0x20 && b|0x20 <= 'z'
	isDigit := '0' <= b && b <= '9'
	return isLetter || isDigit || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// RFC 6265, 4.1.1.
func isCookieOctet(b byte) bool {
	return '!' <= b && b <= '~' && strings.IndexByte("\",;\\", b) < 0
}

// The pairs of a request's `cookie` headers, in order. Skips what is not a pair. Names stay as they
// were sent: a browser guards `__Host-a`, and would take `__%48ost-a` from anybody.
func cookies(headers []Field) (pairs []Field) {
	for _, header := range headers {
		if !strings.EqualFold(header.Name, "cookie") {
			continue
		}
		for part := range strings.SplitSeq(header.Value, ";") {
			name, value, isPair := strings.Cut(part, "=")
			name, value = strings.TrimSpace(name), strings.TrimSpace(value)
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if isPair && name != "" {
				pairs = append(pairs, Field{name, percentDecoded(value)})
			}
		}
	}
	return pairs
}
