"""What every language's SDK promises, as one app."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from lithe_sdk import (
    App,
    Event,
    Hooks,
    HttpError,
    Message,
    Next,
    Outcome,
    Response,
    Socket,
    basic_auth,
    bearer_auth,
    cancel_timer,
    cors,
    count,
    publish,
    request_id,
    same_origin,
    set_timer,
    timing,
)

app = App()
tally: Counter[str] = Counter()


def tally_as_json() -> Response:
    return Response.json(dict(sorted(tally.items())))


def tally_as_text() -> str:
    body = tally_as_json().body
    assert isinstance(body, str)
    return body


@app.middleware
def seen(event: Event, next: Next) -> Outcome:
    event.set_local("seen", "yes")
    return next()


@app.error_handler
def caught(event: Event, error: HttpError) -> Response | None:
    if error.status != 418:
        return None
    return Response.text(f"caught: {error.message}", 418).add_header("x-caught", "yes")


saving = "works"


@app.post("/saving/:how")
def set_saving(event: Event) -> Response:
    global saving
    saving = event.param("how")
    return Response.text("ok")


@app.save
def save() -> dict[str, int]:
    if saving == "fails":
        raise RuntimeError("cannot save, as told")
    return dict(tally)


@app.restore
def restore(saved: dict[str, int]) -> None:
    tally.update(saved)


@app.health
def health() -> None:
    reason = os.environ.get("SICK")
    if reason is not None:
        raise RuntimeError(f"sick: {reason}")


@app.post("/votes/:option")
def vote(event: Event) -> Response:
    tally[event.param("option")] += 1
    publish("votes", tally_as_text())
    return tally_as_json()


@app.get("/votes")
def votes(event: Event) -> Response:
    return tally_as_json()


class Live(Hooks):
    def open(self, socket: Socket) -> None:
        socket.subscribe("votes")
        socket.send(tally_as_text())

    def resume(self, socket: Socket) -> None:
        socket.send("resumed")

    def message(self, socket: Socket, message: Message) -> None:
        if message.is_binary:
            socket.send(message)
            return
        text = message.text()
        command, _, rest = text.partition(":")
        if text == "who":
            socket.send(str(count("votes")))
        elif text == "topics":
            socket.send(",".join(socket.topics))
        elif command == "name" and text != "name":
            socket.context = {"name": rest}
            socket.send("ok")
        elif text == "name?":
            socket.send((socket.context or {}).get("name", ""))
        elif text == "tick":
            set_timer(0.05, lambda: socket.send("tock"))
        elif text == "count":
            self.count(socket)
        elif command == "say" and text != "say":
            socket.send(str(socket.publish("votes", rest)))
        elif text == "close":
            socket.close(4001, "bye")
        elif text == "fail":
            raise RuntimeError("as told")
        elif text == "buffered":
            socket.send(str(socket.buffered_amount))
        else:
            socket.send(f"echo:{text}")

    def count(self, socket: Socket) -> None:
        numbers = iter(("1", "2", "3"))

        def tick() -> None:
            number = next(numbers)
            socket.send(number)
            if number == "3":
                cancel_timer(timer)

        timer = set_timer(0.02, tick, repeat=True)


live = Live()
app.add_hooks("/live", live)


@app.websocket("/rooms/:id")
class Room(Hooks):
    def upgrade(self, event: Event) -> Outcome:
        return event.upgrade(protocols=["chat"], context=event.param("id"))

    def open(self, socket: Socket) -> None:
        socket.subscribe(f"room:{socket.context}")
        socket.send(f"room {socket.context}")

    def message(self, socket: Socket, message: Message) -> None:
        publish(f"room:{socket.context}", message)


@app.get("/env/:name")
def env(event: Event) -> Response:
    value = os.environ.get(event.param("name"))
    if value is None:
        raise HttpError(404, "there is no such variable")
    return Response.text(value)


@app.get("/item/:id")
def item(event: Event) -> Response:
    return Response.json({"id": event.param("id", int)})


@app.get("/query")
def query(event: Event) -> Response:
    values = event.query
    return Response.json({"n": values.one("n", int), "name": values.one("name", str, "")})


@app.get("/cookies")
def cookies(event: Event) -> Response:
    response = Response.text(event.cookies.get("a", ""))
    return response.set_cookie("b", "2", path="/", max_age=60, same_site="Lax", http_only=True)


@app.post("/form")
def form(event: Event) -> Response:
    fields = event.form()
    return Response.json({"age": fields.one("age", int), "name": fields.one("name")})


@app.post("/json")
def json(event: Event) -> Response:
    value = event.json()
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise HttpError(400, "`name` is missing")
    return Response.text(name)


@app.get("/local")
def local(event: Event) -> Response:
    return Response.text(event.local("seen") or "")


@app.post("/half")
def half(event: Event) -> Response:
    value = event.json()
    n = value.get("n") if isinstance(value, dict) else None
    if not isinstance(n, (int, float)):
        raise HttpError(400, "`n` is not a number")
    return Response.json({"half": n / 2})


def count_values(json: object) -> int:
    if isinstance(json, dict):
        return 1 + sum(map(count_values, json.values()))
    return 1 + sum(map(count_values, json)) if isinstance(json, list) else 1


@app.post("/count")
def count_all(event: Event) -> Response:
    limit = event.query.one("limit", int, None)
    return Response.text(str(count_values(event.json() if limit is None else event.json(limit=limit))))


@app.get("/redirect")
def redirect(event: Event) -> Response:
    return Response.redirect(event.query.one("to", str, "/votes"), 303)


@app.get("/throw")
def throw(event: Event) -> Response:
    raise RuntimeError("secret detail")


@app.get("/refuse")
def refuse(event: Event) -> Response:
    raise HttpError(418, "teapot")


admin = app.group("/admin", middleware=[bearer_auth("secret")])


@admin.get("/who")
def who(event: Event) -> Response:
    return Response.text("in")


app.group("/basic", middleware=[basic_auth("conformance", {"ann": "pw"})]).get("/who")(who)

vault = app.group("/vault", middleware=[bearer_auth(lambda: os.environ.get("TOKEN"))])
vault.get("/who")(who)


def users() -> dict[str, str | None]:
    return {"ann": os.environ.get("TOKEN"), "bob": os.environ.get("MISSING")}


app.group("/safe", middleware=[basic_auth("conformance", users)]).get("/who")(who)


@app.get("/nothing")
def nothing(event: Event) -> Response:
    return None  # type: ignore[return-value]


def forget(event: Event, next: Next) -> Outcome:
    next()
    return None  # type: ignore[return-value]


app.group("/nothing/around", middleware=[forget]).get("/")(who)

shared = app.group("/cors", middleware=[cors(["https://app.example"], methods=["PUT"])])


@shared.put("/x")
@shared.options("/x")
def ok(event: Event) -> Response:
    return Response.text("ok")


app.group("/origin", middleware=[same_origin()]).add_hooks("/live", live)
app.group("/traced", middleware=[request_id(), timing()]).get("/x")(ok)


def ordered(name: str, event: Event, next: Next) -> Outcome:
    outcome = next()
    outcome.add_header("x-order", name)
    return outcome


outer = app.group("/outer", middleware=[lambda event, next: ordered("outer", event, next)])
inner = outer.group("/inner", middleware=[lambda event, next: ordered("inner", event, next)])
inner.get("/x")(ok)


@app.get("/events")
def events(event: Event) -> Outcome:
    return Response.events(str(number) for number in (1, 2, 3))


def letters() -> Iterator[str]:
    yield from "abc"


@app.get("/stream")
def stream(event: Event) -> Outcome:
    return Response.stream(letters(), "text/plain")


app.get("/other-method")(ok)
