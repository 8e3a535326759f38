package lithe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lithe"
	"lithe/lithetest"
)

// Answers with what a function reads of the request.
func read(uri string, reading func(event *lithe.Event) (string, error)) *lithetest.Request {
	serve(func(app *lithe.App) {
		app.Any("/:id?", func(event *lithe.Event) (lithe.Outcome, error) {
			text, err := reading(event)
			if err != nil {
				return nil, err
			}
			return lithe.Text(200, text), nil
		})
	})
	return lithetest.NewRequest("POST", uri)
}

func readAs[T lithe.Scalar](uri string) string {
	return told(read(uri, func(event *lithe.Event) (string, error) {
		value, err := lithe.Param[T](event, "id")
		if err != nil {
			return "", err
		}
		text, err := lithe.JSON(200, value)
		return string(text.Body), err
	}).Send())
}

func TestParametersAreOfTheirTypes(t *testing.T) {
	type id int8
	equal(t, readAs[int]("/42"), "200 42")
	equal(t, readAs[id]("/-7"), "200 -7")
	equal(t, readAs[id]("/128"), "400 parameter `id` is `128`: out of range")
	equal(t, readAs[int]("/x"), "400 parameter `id` is `x`: not an integer")
	equal(t, readAs[uint]("/-1"), "400 parameter `id` is `-1`: out of range")
	equal(t, readAs[uint]("/+1"), "200 1")
	equal(t, readAs[uint]("/+-1"), "400 parameter `id` is `+-1`: not an integer")
	equal(t, readAs[float64]("/1.5"), "200 1.5")
	for _, text := range []string{"inf", "-Infinity", "NaN", "0x1p4"} {
		equal(t, readAs[float64]("/"+text), "400 parameter `id` is `"+text+"`: not a number")
	}
	equal(t, readAs[float64]("/1e999"), "400 parameter `id` is `1e999`: out of range")
	equal(t, readAs[float32]("/1e39"), "400 parameter `id` is `1e39`: out of range")
	equal(t, readAs[bool]("/true"), "200 true")
	equal(t, readAs[bool]("/1"), "400 parameter `id` is `1`: neither `true` nor `false`")
	equal(t, readAs[string]("/a%20b"), `200 "a b"`)
	equal(t, readAs[string]("/"), "400 parameter `id` is missing")
}

func TestQueriesAndFormsAreDecoded(t *testing.T) {
	both := func(event *lithe.Event) (string, error) {
		values := event.Query()
		if event.Header("content-type") != "" {
			form, err := event.Form()
			if err != nil {
				return "", err
			}
			values = form
		}
		page, err := lithe.ValueOr(values, "page", 1)
		if err != nil {
			return "", err
		}
		name, err := lithe.Value[string](values, "na me")
		return name + "," + string(rune('0'+page)), err
	}
	equal(t, told(read("/?na+me=a%26b;c&page=2", both).Send()), "200 a&b;c,2")
	equal(t, told(read("/?na%20me=100%&%zz", both).Send()), "200 100%,1")
	equal(t, told(read("/?page=x", both).Send()), "400 query parameter or form field `page` is `x`: not an integer")
	equal(t, told(read("/?page=2", both).Send()), "400 query parameter or form field `na me` is missing")
	form := func(contentType string) string {
		request := read("/", both).Header("content-type", contentType).Body("na+me=%C3%A4%ff&page=3")
		return told(request.Send())
	}
	equal(t, form("Application/x-www-form-urlencoded; charset=utf-8"), "200 ä\ufffd,3")
	equal(t, form("text/plain"), "415 the body is not `application/x-www-form-urlencoded`")
}

func TestABodyThatIsNotTheJSONOfATypeIsRefused(t *testing.T) {
	name := func(event *lithe.Event) (string, error) {
		body, err := lithe.ReadJSON[struct{ Name string }](event)
		return body.Name, err
	}
	equal(t, told(read("/", name).Body(`{"name":"Ann"}`).Send()), "200 Ann")
	for _, body := range []string{"", "{", `{"name":1}`, "[]", `{"name":"Ann"}}`} {
		equal(t, read("/", name).Body(body).Send().Status, 400)
	}
	number := func(event *lithe.Event) (string, error) {
		_, err := lithe.ReadJSON[any](event)
		return "read", err
	}
	equal(t, told(read("/", number).Body("[1e300]").Send()), "200 read")
	for _, body := range []string{"[1e999]", "[-1e999]", "[NaN]", "[Infinity]"} {
		equal(t, read("/", number).Body(body).Send().Status, 400)
	}
}

func TestABodyOverTheLimitIsNotParsed(t *testing.T) {
	const limit = 128 << 10
	ask := func(body string, reading func(event *lithe.Event) (int, error)) string {
		size := func(event *lithe.Event) (string, error) {
			size, err := reading(event)
			return fmt.Sprint(size), err
		}
		request := read("/", size).Header("content-type", "application/x-www-form-urlencoded")
		return told(request.Body(body).Send())
	}
	text := func(event *lithe.Event) (int, error) {
		text, err := lithe.ReadJSON[string](event)
		return len(text), err
	}
	long := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	equal(t, ask(long(limit), text), "200 131070")
	equal(t, ask(long(limit+1), text),
		"413 the body is larger than 131072 bytes: `ReadJSONWithin` reads it with a higher limit")
	equal(t, ask(long(limit+1), func(event *lithe.Event) (int, error) {
		text, err := lithe.ReadJSONWithin[string](event, limit+1)
		return len(text), err
	}), "200 131071")
	form := func(event *lithe.Event) (int, error) {
		form, err := event.Form()
		return len(form.Get("a")), err
	}
	field := func(size int) string { return "a=" + strings.Repeat("x", size-2) }
	equal(t, ask(field(limit), form), "200 131070")
	equal(t, ask(field(limit+1), form),
		"413 the body is larger than 131072 bytes: `FormWithin` reads it with a higher limit")
	equal(t, ask(field(limit+1), func(event *lithe.Event) (int, error) {
		form, err := event.FormWithin(limit + 1)
		return len(form.Get("a")), err
	}), "200 131071")
}

func TestALocationIsEncodedWhereAURICouldNotHaveIt(t *testing.T) {
	for given, sent := range map[string]string{
		"/a?b=c%20d&e=[f]#g":       "/a?b=c%20d&e=[f]#g",
		"/a\r\nset-cookie: b=c":    "/a%0D%0Aset-cookie:%20b=c",
		`/\evil.example`:           "/%5Cevil.example",
		"/<\"ä\U0001f980\x7f\xff>": "/%3C%22%C3%A4%F0%9F%A6%80%7F%FF%3E",
	} {
		equal(t, lithe.Redirect(302, given).Header("location"), sent)
	}
	for _, status := range []int{200, 304, 306, 404} {
		func() {
			defer func() { equal(t, recover() != nil, true) }()
			lithe.Redirect(status, "/")
		}()
	}
}

func TestACookieSNameIsComparedAsItWasSent(t *testing.T) {
	value := func(event *lithe.Event) (string, error) { return event.Cookie("__Host-a"), nil }
	equal(t, told(read("/", value).Header("cookie", "__%48ost-a=evil; __Host-a=%41").Send()), "200 A")
	equal(t, told(read("/", value).Header("cookie", "__%48ost-a=evil").Send()), "200 ")
	equal(t, lithe.Cookie{Name: "a%41", Value: "1"}.String(), "a%41=1")
}

func TestJSONOfManyLevelsIsRefusedBeforeItIsRead(t *testing.T) {
	levels := func(event *lithe.Event) (string, error) {
		_, err := lithe.ReadJSON[any](event)
		return "read", err
	}
	nested := func(levels int) string {
		return strings.Repeat("[", levels) + strings.Repeat("]", levels)
	}
	equal(t, told(read("/", levels).Body(nested(128)).Send()), "200 read")
	equal(t, told(read("/", levels).Body(`["`+strings.Repeat(`\"[`, 500)+`"]`).Send()), "200 read")
	for _, body := range []string{nested(129), nested(50_000), strings.Repeat("[", 5000)} {
		equal(t, read("/", levels).Body(body).Send().Status, 400)
	}
}

func TestCookiesAreReadAsTheyWereSet(t *testing.T) {
	value := func(event *lithe.Event) (string, error) { return event.Cookie("a"), nil }
	for _, text := range []string{"", "plain", `a b;c,d"e\f`, "100%", "%41", "ä\r\n"} {
		cookie := lithe.Cookie{Name: "a", Value: text}.String()
		request := read("/", value).Header("cookie", "x=1; nonsense;; =2; "+cookie)
		equal(t, told(request.Send()), "200 "+text)
	}
	equal(t, lithe.Cookie{
		Name: "b", Value: "2", Path: "/", Domain: "a.example", MaxAge: time.Minute,
		SameSite: lithe.SameSiteLax, Secure: true, HTTPOnly: true,
	}.String(), "b=2; Path=/; Domain=a.example; Max-Age=60; SameSite=Lax; Secure; HttpOnly")
	equal(t, lithe.Cookie{Name: "a;b=c", Path: "/x; Domain=evil\r\n", MaxAge: -1}.String(),
		"a%3Bb%3Dc=; Path=/x%3B Domain=evil%0D%0A; Max-Age=0")
}
