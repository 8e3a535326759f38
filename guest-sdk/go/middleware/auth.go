package middleware

import (
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"lithe"
)

// BearerAuth lets requests and upgrades pass that have one of these tokens
// (`authorization: Bearer TOKEN`, RFC 6750). Others get 401. An empty token lets nobody pass, so
// [os.Getenv] may give one: a `func init()` has the environment.
func BearerAuth(tokens ...string) lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		token, _ := BearerToken(event)
		if !isAny(tokens, token) {
			return nil, lithe.Unauthorized("Bearer")
		}
		return next()
	}
}

// BasicAuth lets requests pass that have the name and the password of one of these users
// (`authorization: Basic …`, RFC 7617), and leaves the name as the local `user`. Others get 401,
// for which a browser asks its user for name and password, and shows the realm. A user with an empty
// password cannot pass.
func BasicAuth(realm string, passwords map[string]string) lithe.Middleware {
	var users []string
	for name, password := range passwords {
		if password != "" {
			users = append(users, name+":"+password)
		}
	}
	realm = strings.NewReplacer(`"`, "'", `\`, "'").Replace(realm)
	challenge := `Basic realm="` + realm + `", charset="UTF-8"`
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		encoded, _ := credentials(event, "basic")
		user, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !isAny(users, string(user)) {
			return nil, lithe.Unauthorized(challenge)
		}
		// A name has no colon. A password may have some (RFC 7617, 2).
		name, _, _ := strings.Cut(string(user), ":")
		event.SetLocal("user", name)
		return next()
	}
}

// BearerToken is the token of an `authorization: Bearer` header (RFC 6750, 2.1).
func BearerToken(event *lithe.Event) (token string, isThere bool) {
	return credentials(event, "bearer")
}

// ConstantTimeEqual says whether two secrets are the same. The time that it takes does not tell
// where they differ, only whether their lengths do.
func ConstantTimeEqual(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// Compares with all of them, so that the time does not tell which one fits.
func isAny(secrets []string, given string) bool {
	found := false
	for _, secret := range secrets {
		isEqual := ConstantTimeEqual(secret, given)
		found = found || isEqual
	}
	return found && given != ""
}

func credentials(event *lithe.Event, scheme string) (credentials string, isThere bool) {
	given, credentials, _ := strings.Cut(event.Header("authorization"), " ")
	if !strings.EqualFold(given, scheme) {
		return "", false
	}
	return strings.TrimSpace(credentials), true
}
