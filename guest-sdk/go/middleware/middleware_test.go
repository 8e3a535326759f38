package middleware_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"lithe"
	"lithe/lithetest"
	"lithe/middleware"
)

// Runs a middleware around a handler that says who has logged in, and that fails at `/fail`.
func around(around lithe.Middleware, request *lithetest.Request) *lithetest.Answer {
	handler := func(event *lithe.Event) (lithe.Outcome, error) {
		if event.IsUpgradeRequest() {
			return event.Upgrade(lithe.UpgradeOptions{})
		}
		if event.Path() == "/fail" {
			return nil, errNotFound
		}
		user, _ := event.Local("user")
		id, _ := event.Local("request-id")
		return lithe.Text(200, user+id), nil
	}
	app := lithe.NewApp()
	app.Use(around)
	app.Any("/:path*", handler)
	app.Serve()
	return request.Send()
}

// One failure for all requests.
var errNotFound = lithe.Errorf(404, "Not Found")

func headers(answer *lithetest.Answer, names ...string) string {
	var values []string
	for _, name := range names {
		values = append(values, answer.Header(name))
	}
	return strings.Join(values, "|")
}

func expect[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlyTokensPass(t *testing.T) {
	for header, status := range map[string]int{
		"Bearer secret": 101, "bearer  other ": 101, "Bearer guess": 401, "Bearer ": 401, "": 401,
		"Basic secret": 401, "secret": 401,
	} {
		request := lithetest.Get("/").Upgrade().Header("authorization", header)
		answer := around(middleware.BearerAuth("secret", "other", ""), request)
		expect(t, answer.Status, status)
		if status == 401 {
			expect(t, answer.Header("www-authenticate"), "Bearer")
		}
	}
}

func TestAPasswordMayHaveColons(t *testing.T) {
	auth := middleware.BasicAuth(`the "staff"`, map[string]string{"ada": "a:b", "bob": ""})
	ask := func(header string) *lithetest.Answer {
		return around(auth, lithetest.Get("/").Header("authorization", header))
	}
	encoded := func(user string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user))
	}
	expect(t, ask(encoded("ada:a:b")).Text(), "ada")
	// An empty password may be a secret that the site does not grant.
	for _, header := range []string{encoded("bob:"), encoded("ada:a"), encoded("ada"), encoded(""), "Basic !"} {
		answer := ask(header)
		expect(t, answer.Status, 401)
		expect(t, answer.Header("www-authenticate"), `Basic realm="the 'staff'", charset="UTF-8"`)
	}
}

const ours = "https://ours.example"

func preflight(origin string) *lithetest.Request {
	return lithetest.NewRequest("OPTIONS", "/fail").Header("origin", origin).
		Header("access-control-request-method", "PUT").
		Header("access-control-request-headers", "x-a, x-b")
}

func TestAPreflightIsAnsweredWithoutTheHandler(t *testing.T) {
	options := middleware.CORSOptions{Origins: []string{ours}, Credentials: true, MaxAge: time.Minute}
	answer := around(middleware.CORS(options), preflight(ours))
	expect(t, answer.Status, 204)
	expect(t, headers(answer, "access-control-allow-origin", "access-control-allow-methods",
		"access-control-allow-headers", "access-control-allow-credentials", "access-control-max-age", "vary"),
		ours+"|GET, HEAD, POST, PUT, PATCH, DELETE|x-a, x-b|true|60|origin")
	refused := around(middleware.CORS(options), preflight("https://evil.example"))
	expect(t, len(refused.Headers), 1)
	expect(t, refused.Header("vary"), "origin")
}

func TestAnswersAndErrorsSayWhoMayReadThem(t *testing.T) {
	options := middleware.CORSOptions{Origins: []string{ours}, Expose: []string{"x-total"}}
	for uri, status := range map[string]int{"/": 200, "/fail": 404} {
		answer := around(middleware.CORS(options), lithetest.Get(uri).Header("origin", ours))
		expect(t, answer.Status, status)
		expect(t, headers(answer, "access-control-allow-origin", "access-control-expose-headers"), ours+"|x-total")
	}
	expect(t, len(errNotFound.Headers), 0)
	everyone := middleware.CORS(middleware.CORSOptions{Origins: []string{"*"}, Credentials: true})
	answer := around(everyone, lithetest.Get("/").Header("origin", ours))
	expect(t, headers(answer, "access-control-allow-origin", "access-control-allow-credentials"), "*|")
	nobody := around(middleware.CORS(middleware.CORSOptions{}), lithetest.Get("/").Header("origin", ours))
	expect(t, nobody.Header("access-control-allow-origin"), "")
	expect(t, around(everyone, lithetest.Get("/")).Header("vary"), "")
}

func TestOnlyOurPagesAndOurFriendsOpenSockets(t *testing.T) {
	for origin, status := range map[string]int{
		"https://Ours.example:4000": 101, "https://friend.example": 101, "": 101,
		"https://ours.example": 403, "https://friend.example:1": 403, "null": 403, "ours.example:4000": 403,
	} {
		request := lithetest.Get("/").Upgrade().Header("host", "ours.example:4000")
		if origin != "" {
			request.Header("origin", origin)
		}
		expect(t, around(middleware.SameOrigin("https://friend.example"), request).Status, status)
	}
	plain := lithetest.Get("/").Header("origin", "https://evil.example")
	expect(t, around(middleware.SameOrigin(), plain).Status, 200)
}

func TestAWellFormedIDIsTakenOverAndAnyOtherReplaced(t *testing.T) {
	for _, id := range []string{"abc-123", "", "a b", "a\nb", "ä", strings.Repeat("x", 129)} {
		answer := around(middleware.RequestID(), lithetest.Get("/").Header("x-request-id", id))
		expect(t, answer.Header("x-request-id"), answer.Text())
		expect(t, answer.Text() == id, id == "abc-123")
	}
}

func TestErrorsAreTimedToo(t *testing.T) {
	answer := around(middleware.Timing(), lithetest.Get("/fail"))
	expect(t, answer.Status, 404)
	expect(t, strings.HasPrefix(answer.Header("server-timing"), "total;dur="), true)
	failing := func(*lithe.Event, lithe.Next) (lithe.Outcome, error) { return nil, errors.New("as told") }
	expect(t, around(failing, lithetest.Get("/")).Status, 500)
}
