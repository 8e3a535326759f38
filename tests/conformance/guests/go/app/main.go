// The conformance app in Go: every feature of the contract, by the table of
// `tests/src/conformance/app.rs`.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"lithe"
	"lithe/middleware"
)

func init() {
	app := lithe.NewApp()
	app.Use(see)
	app.OnError(catchTeapots)
	routes(app)
	sockets(app)
	groups(app)
	app.Serve()

	lithe.State[map[string]int]{Save: save, Restore: restore}.Serve()
	lithe.Health(isWell).Serve()
}

func main() {}

func routes(app *lithe.App) {
	app.Get("/votes", func(*lithe.Event) (lithe.Outcome, error) { return lithe.JSON(200, votes) })
	app.Post("/votes/:option", vote)
	app.Post("/saving/:how", setSaving)
	app.Get("/env/:name", variable)
	app.Get("/item/:id", item)
	app.Get("/query", query)
	app.Get("/cookies", cookies)
	app.Post("/form", form)
	app.Post("/json", name)
	app.Post("/half", half)
	app.Post("/count", countAll)
	app.Get("/local", func(event *lithe.Event) (lithe.Outcome, error) {
		seen, _ := event.Local("seen")
		return lithe.Text(200, seen), nil
	})
	app.Get("/redirect", func(event *lithe.Event) (lithe.Outcome, error) {
		to, err := lithe.ValueOr(event.Query(), "to", "/votes")
		return lithe.Redirect(303, to), err
	})
	app.Get("/throw", func(*lithe.Event) (lithe.Outcome, error) {
		return nil, errors.New("secret detail")
	})
	app.Get("/refuse", func(*lithe.Event) (lithe.Outcome, error) {
		return nil, lithe.Errorf(418, "teapot")
	})
	app.Get("/nothing", func(*lithe.Event) (lithe.Outcome, error) { return nil, nil })
	app.Get("/events", events)
	app.Get("/stream", stream)
	app.Get("/other-method", say("ok"))
}

func groups(app *lithe.App) {
	app.Group("/admin", func(admin *lithe.Group) {
		admin.Use(middleware.BearerAuth("secret"))
		admin.Get("/who", say("in"))
	})
	app.Group("/basic", func(basic *lithe.Group) {
		basic.Use(middleware.BasicAuth("basic", map[string]string{"ann": "pw"}))
		basic.Get("/who", say("in"))
	})
	app.Group("/vault", func(vault *lithe.Group) {
		vault.Use(middleware.BearerAuth(os.Getenv("TOKEN")))
		vault.Get("/who", say("in"))
	})
	app.Group("/safe", func(safe *lithe.Group) {
		safe.Use(middleware.BasicAuth("safe", map[string]string{
			"ann": os.Getenv("TOKEN"), "bob": os.Getenv("MISSING"),
		}))
		safe.Get("/who", say("in"))
	})
	app.Group("/nothing/around", func(around *lithe.Group) {
		around.Use(func(_ *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
			_, err := next()
			return nil, err
		})
		around.Get("/", say("ok"))
	})
	app.Group("/cors", func(cors *lithe.Group) {
		cors.Use(middleware.CORS(middleware.CORSOptions{
			Origins: []string{"https://app.example"}, Methods: []string{"PUT"},
		}))
		cors.Put("/x", say("ok"))
		cors.Options("/x", say(""))
	})
	app.Group("/origin", func(origin *lithe.Group) {
		origin.Use(middleware.SameOrigin())
		origin.WS("/live", live)
	})
	app.Group("/traced", func(traced *lithe.Group) {
		traced.Use(middleware.RequestID(), middleware.Timing())
		traced.Get("/x", say("ok"))
	})
	app.Group("/outer", func(outer *lithe.Group) {
		outer.Use(mark("outer"))
		outer.Group("/inner", func(inner *lithe.Group) {
			inner.Use(mark("inner"))
			inner.Get("/x", say("ok"))
		})
	})
}

func say(text string) lithe.Handler {
	return func(*lithe.Event) (lithe.Outcome, error) { return lithe.Text(200, text), nil }
}

func see(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
	event.SetLocal("seen", "yes")
	return next()
}

func mark(name string) lithe.Middleware {
	return func(event *lithe.Event, next lithe.Next) (lithe.Outcome, error) {
		outcome, err := next()
		if err == nil {
			outcome.AddHeader("x-order", name)
		}
		return outcome, err
	}
}

func catchTeapots(event *lithe.Event, failure *lithe.Error) (*lithe.Response, error) {
	if failure.Status != 418 {
		return nil, nil
	}
	response := lithe.Text(418, "caught: "+failure.Message)
	response.AddHeader("x-caught", "yes")
	return response, nil
}

func vote(event *lithe.Event) (lithe.Outcome, error) {
	votes[event.Param("option")]++
	response, err := lithe.JSON(200, votes)
	if err != nil {
		return nil, err
	}
	lithe.Publish("votes", lithe.TextMessage(string(response.Body)))
	return response, nil
}

func variable(event *lithe.Event) (lithe.Outcome, error) {
	value, isThere := os.LookupEnv(event.Param("name"))
	if !isThere {
		return nil, lithe.Errorf(404, "there is no such variable")
	}
	return lithe.Text(200, value), nil
}

func item(event *lithe.Event) (lithe.Outcome, error) {
	id, err := lithe.Param[int](event, "id")
	if err != nil {
		return nil, err
	}
	return lithe.JSON(200, map[string]int{"id": id})
}

func query(event *lithe.Event) (lithe.Outcome, error) {
	query := event.Query()
	n, err := lithe.Value[int](query, "n")
	if err != nil {
		return nil, err
	}
	return lithe.JSON(200, struct {
		N    int    `json:"n"`
		Name string `json:"name"`
	}{n, query.Get("name")})
}

func cookies(event *lithe.Event) (lithe.Outcome, error) {
	response := lithe.Text(200, event.Cookie("a"))
	lithe.SetCookie(response, lithe.Cookie{
		Name: "b", Value: "2", Path: "/", MaxAge: time.Minute, SameSite: lithe.SameSiteLax, HTTPOnly: true,
	})
	return response, nil
}

func form(event *lithe.Event) (lithe.Outcome, error) {
	form, err := event.Form()
	if err != nil {
		return nil, err
	}
	age, err := lithe.Value[int](form, "age")
	if err != nil {
		return nil, err
	}
	return lithe.JSON(200, struct {
		Age  int    `json:"age"`
		Name string `json:"name"`
	}{age, form.Get("name")})
}

func name(event *lithe.Event) (lithe.Outcome, error) {
	body, err := lithe.ReadJSON[struct{ Name *string }](event)
	if err != nil {
		return nil, err
	}
	if body.Name == nil {
		return nil, lithe.Errorf(400, "field `name` is missing")
	}
	return lithe.Text(200, *body.Name), nil
}

func half(event *lithe.Event) (lithe.Outcome, error) {
	body, err := lithe.ReadJSON[struct{ N *float64 }](event)
	if err != nil {
		return nil, err
	}
	if body.N == nil {
		return nil, lithe.Errorf(400, "field `n` is missing")
	}
	return lithe.JSON(200, map[string]float64{"half": *body.N / 2})
}

func countAll(event *lithe.Event) (lithe.Outcome, error) {
	var body any
	limit, err := lithe.ValueOr(event.Query(), "limit", 0)
	if err == nil && limit > 0 {
		body, err = lithe.ReadJSONWithin[any](event, limit)
	} else if err == nil {
		body, err = lithe.ReadJSON[any](event)
	}
	if err != nil {
		return nil, err
	}
	return lithe.Text(200, fmt.Sprint(countValues(body))), nil
}

func countValues(value any) int {
	count := 1
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			count += countValues(item)
		}
	case map[string]any:
		for _, field := range value {
			count += countValues(field)
		}
	}
	return count
}

func events(event *lithe.Event) (lithe.Outcome, error) {
	return event.EventStream(func(peer lithe.Peer) error {
		for number := 1; number <= 3; number++ {
			if err := peer.SendEvent(lithe.ServerEvent{Data: fmt.Sprint(number)}); err != nil {
				return err
			}
		}
		return peer.End()
	})
}

func stream(event *lithe.Event) (lithe.Outcome, error) {
	return event.Stream(lithe.StreamOptions{
		Headers: []lithe.Field{{Name: "content-type", Value: "text/plain"}},
		Open: func(peer lithe.Peer) error {
			for _, piece := range []string{"a", "b", "c"} {
				if err := peer.SendText(piece); err != nil {
					return err
				}
			}
			return peer.End()
		},
	})
}

// How often each option was chosen.
var votes = map[string]int{}

// Whether saving fails.
var savingFails = false

func setSaving(event *lithe.Event) (lithe.Outcome, error) {
	savingFails = event.Param("how") == "fails"
	return lithe.Text(200, "ok"), nil
}

func save() (map[string]int, error) {
	if savingFails {
		panic("cannot save, as told")
	}
	return votes, nil
}

func restore(saved map[string]int) error {
	for option, count := range saved {
		votes[option] += count
	}
	return nil
}

func isWell() error {
	if reason, isSick := os.LookupEnv("SICK"); isSick {
		return errors.New("sick: " + reason)
	}
	return nil
}
