package lithe_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lithe"
	"lithe/lithetest"
)

func say(text string) lithe.Handler {
	return func(*lithe.Event) (lithe.Outcome, error) { return lithe.Text(200, text), nil }
}

// The answer's status and text.
func told(answer *lithetest.Answer) string { return fmt.Sprint(answer.Status, " ", answer.Text()) }

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func equalTexts(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func serve(build func(app *lithe.App)) {
	app := lithe.NewApp()
	build(app)
	app.Serve()
}

func TestARequestIsDispatchedOnMethodAndPattern(t *testing.T) {
	serve(func(app *lithe.App) {
		app.Get("/x", say("get"))
		app.Post("/x/", say("post"))
		app.Any("/any/:id", func(event *lithe.Event) (lithe.Outcome, error) {
			return lithe.Text(200, event.Route()+" "+event.Param("id")), nil
		})
		app.Get("/any/:id", say("get any"))
		app.Get(`/:number(\d+)`, say("number"))
		app.Get("/files/:path+", func(event *lithe.Event) (lithe.Outcome, error) {
			return lithe.Text(200, event.Param("path")), nil
		})
	})
	for _, expected := range []struct{ method, uri, answer string }{
		{"GET", "/x", "200 get"},
		{"POST", "/x", "200 post"},
		{"HEAD", "/x", "200 get"},
		{"POST", "/any/7", "200 /any/:id 7"},
		{"GET", "/any/7", "200 get any"},
		{"HEAD", "/any/7", "200 /any/:id 7"},
		{"GET", "/42", "200 number"},
		{"GET", "/4x", "404 Not Found"},
		{"GET", "/files/a/b", "200 a/b"},
		{"PUT", "/x", "405 Method Not Allowed"},
	} {
		equal(t, told(lithetest.NewRequest(expected.method, expected.uri).Send()), expected.answer)
	}
	equal(t, lithetest.NewRequest("PUT", "/x").Send().Header("allow"), "GET, POST")
	equalTexts(t, lithetest.Routes(),
		"GET /:number(\\d+)", "/any/:id", "GET /any/:id", "GET /files/:path+", "GET /x", "POST /x")
}

// A middleware that leaves its name before and after what it runs around.
func mark(name string) lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		before, _ := event.Local("order")
		event.SetLocal("order", before+name)
		outcome, err := next()
		if err == nil {
			outcome.SetHeader("x-order", outcome.Header("x-order")+name)
		}
		return outcome, err
	}
}

func TestMiddlewareRunsFromTheAppToTheMostSpecificGroup(t *testing.T) {
	shared := lithe.Text(200, "")
	serve(func(app *lithe.App) {
		app.Group("/a", func(a *lithe.Group) {
			a.Get("/", say(""))
			a.Use(mark("3"))
			a.Group("/b", func(b *lithe.Group) {
				b.Use(mark("4"), mark("5"))
				b.Get("/c", func(event *lithe.Event) (lithe.Outcome, error) {
					order, _ := event.Local("order")
					return lithe.Text(200, order), nil
				})
			})
		})
		app.Use(mark("1"))
		app.Get("/", func(*lithe.Event) (lithe.Outcome, error) { return shared, nil })
		app.Use(mark("2"))
	})
	answer := lithetest.Get("/a/b/c").Send()
	equal(t, answer.Text()+" "+answer.Header("x-order"), "12345 54321")
	equal(t, lithetest.Get("/a").Send().Header("x-order"), "321")
	for range 2 {
		equal(t, lithetest.Get("/").Send().Header("x-order"), "21")
	}
	equal(t, shared.Header("x-order"), "")
}

func TestAnErrorGoesToTheNearestHandlerAndOutward(t *testing.T) {
	fail := func(status int) lithe.Handler {
		return func(*lithe.Event) (lithe.Outcome, error) { return nil, lithe.Errorf(status, "inside") }
	}
	tell := func(name string, passes int) lithe.ErrorHandler {
		return func(_ *lithe.Event, failure *lithe.Error) (*lithe.Response, error) {
			switch failure.Status {
			case passes:
				return nil, lithe.Errorf(passes+1, "%s+%s", name, failure.Message)
			case 499:
				return nil, nil
			}
			return lithe.Text(failure.Status, name+"("+failure.Message+")"), nil
		}
	}
	serve(func(app *lithe.App) {
		app.OnError(tell("app", 502))
		app.Get("/404", fail(404))
		app.Group("/g", func(group *lithe.Group) {
			group.OnError(tell("first", 410))
			group.OnError(tell("second", 411))
			group.Get("/404", fail(404))
			group.Get("/410", fail(410))
			group.Get("/499", fail(499))
			group.Get("/500", func(*lithe.Event) (lithe.Outcome, error) { return nil, errors.New("a secret") })
			group.Get("/panic", func(*lithe.Event) (lithe.Outcome, error) { panic("a secret") })
			group.Get("/nil", func(*lithe.Event) (lithe.Outcome, error) {
				var none *lithe.Response
				return none, nil
			})
		})
	})
	for uri, answer := range map[string]string{
		"/404":     "404 app(inside)",
		"/g/404":   "404 first(inside)",
		"/g/410":   "412 app(second+first+inside)",
		"/g/499":   "499 inside",
		"/g/500":   "500 first(Internal Server Error)",
		"/g/panic": "500 first(Internal Server Error)",
		"/g/nil":   "500 first(Internal Server Error)",
	} {
		equal(t, told(lithetest.Get(uri).Send()), answer)
	}
}

func TestEachRouteHasASessionOfItsOwn(t *testing.T) {
	echo := func(name string) lithe.Session {
		return lithe.Session{Run: func(socket lithe.Socket) error {
			for message := range socket.Messages() {
				if err := socket.SendText(name + socket.Event().Param("id") + ":" + message.Text()); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	defer serve(func(*lithe.App) {})
	serve(func(app *lithe.App) {
		app.Get("/a", say("a page"))
		app.Session("/a", echo("a"))
		app.Group("/b", func(b *lithe.Group) {
			b.Use(mark("b"))
			b.Session("/:id", echo("b"))
		})
		app.Get("/none", func(event *lithe.Event) (lithe.Outcome, error) {
			return event.Upgrade(lithe.UpgradeOptions{})
		})
	})
	a, b := lithetest.Get("/a").Connect(t), lithetest.Get("/b/1").Connect(t)
	a.Send("x")
	b.Send("x")
	equalTexts(t, a.Texts(), "a:x")
	equalTexts(t, b.Texts(), "b1:x")
	equal(t, told(lithetest.Get("/a").Send()), "200 a page")
	equal(t, lithetest.Get("/b/1").Send().Status, 426)
	equal(t, lithetest.Get("/none").Connect(t).Failure(), "no session of the app is for `/none`: `App.Session` adds one")
}

func TestAnAppHasHooksOrSessions(t *testing.T) {
	defer func() {
		if cause := fmt.Sprint(recover()); !strings.Contains(cause, "the app has hooks (`WS`) and sessions (`Session`)") {
			t.Error(cause)
		}
	}()
	serve(func(app *lithe.App) {
		app.WS("/a", named("a"))
		app.Session("/b", lithe.Session{})
	})
}

func TestARouteThatIsThereAlreadyAndAMalformedPatternAreRefused(t *testing.T) {
	for word, build := range map[string]func(app *lithe.App){
		"two routes for GET of `/a/:id`": func(app *lithe.App) {
			app.Get("/a/:id", say(""))
			app.Group("a", func(a *lithe.Group) { a.Get(":id/", say("")) })
		},
		"pattern `/a/:` is malformed": func(app *lithe.App) { app.Get("/a/:", say("")) },
	} {
		func() {
			defer func() {
				if cause := fmt.Sprint(recover()); !strings.Contains(cause, word) {
					t.Errorf("no %q in %q", word, cause)
				}
			}()
			build(lithe.NewApp())
		}()
	}
}

// Hooks that say who they are.
func named(name string) lithe.Hooks {
	return lithe.Hooks{
		Open: func(peer lithe.Peer) error { return peer.SendText("this is " + name) },
		Message: func(peer lithe.Peer, message lithe.Message) error {
			if message.Text() == "fail" {
				return errors.New("as told")
			}
			return peer.SendText(name + ":" + message.Text())
		},
		Resume: lithe.OnResume(func(peer lithe.Peer) error { return peer.SendText(name + " is back") }),
	}
}

func TestEachRouteHasHooksOfItsOwn(t *testing.T) {
	rooms := func(app *lithe.App) {
		app.WS("/a", named("a"))
		app.Group("/b", func(b *lithe.Group) { b.WS("/:id", named("b")) })
		app.Get("/a", say("a page"))
	}
	serve(rooms)
	a, b := lithetest.Get("/a").Connect(t), lithetest.Get("/b/1").Connect(t)
	a.Send("1", "2")
	b.Send("1", "fail", "2")
	equalTexts(t, a.Texts(), "this is a", "a:1", "a:2")
	equalTexts(t, b.Texts(), "this is b", "b:1")
	code, _ := b.Closed()
	equal(t, fmt.Sprint(code, " ", b.Failure()), "1011 as told")
	equal(t, told(lithetest.Get("/a").Send()), "200 a page")
	equal(t, lithetest.Get("/b/1").Send().Status, 426)
	// Another instance knows a socket by the pattern of its request.
	serve(rooms)
	a.Send("3")
	lithetest.Resume()
	equalTexts(t, a.Texts(), "a:3", "a is back")
	serve(func(app *lithe.App) { app.Get("/a", say("a page")) })
	a.Send("4")
	equal(t, a.Failure(), "no hooks of this version hear this socket")
}
