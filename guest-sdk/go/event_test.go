package lithe_test

import (
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
	equal(t, readAs[id]("/128"), "400 parameter `id` is `128`: this is out of range")
	equal(t, readAs[int]("/x"), "400 parameter `id` is `x`: this is not a whole number")
	equal(t, readAs[uint]("/-1"), "400 parameter `id` is `-1`: this is not a whole number from 0")
	equal(t, readAs[float64]("/1.5"), "200 1.5")
	equal(t, readAs[bool]("/no"), "400 parameter `id` is `no`: this is neither `true` nor `false`")
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
	equal(t, told(read("/?page=x", both).Send()), "400 value `page` is `x`: this is not a whole number")
	equal(t, told(read("/?page=2", both).Send()), "400 value `na me` is missing")
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
	for _, body := range []string{nested(129), nested(100_000), strings.Repeat("[", 5000)} {
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
