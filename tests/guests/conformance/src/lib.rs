//! The app that every SDK can write. `tests/src/conformance/app.rs` holds all of them to the same
//! promises; the others are in `tests/conformance/guests`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use lithe_sdk::anyhow::{anyhow, bail};
use lithe_sdk::middleware::{Cors, basic_auth, bearer_auth, cors, request_id, same_origin, timing};
use lithe_sdk::{
    App, Cookie, Event, Hooks, HttpError, Message, Next, Outcome, Peer, Response, Result, SameSite,
    SendError, Sse, State, Stream, UpgradeOptions, json, time, topics,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The topic of those who want to hear of votes.
const VOTES: &str = "votes";

thread_local! {
    static TALLY: Tally = Tally::default();
    /// Whether `save` fails.
    static FAILING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Tally(RefCell<BTreeMap<String, u64>>);

impl Tally {
    fn count(option: String) {
        TALLY.with(|tally| *tally.0.borrow_mut().entry(option).or_default() += 1);
    }

    fn json() -> Result<String> {
        TALLY.with(|tally| Ok(serde_json::to_string(&*tally.0.borrow())?))
    }
}

impl State for Tally {
    type Saved = BTreeMap<String, u64>;

    fn save(&self) -> Result<Self::Saved> {
        match FAILING.get() {
            true => bail!("cannot save, as told"),
            false => Ok(self.0.borrow().clone()),
        }
    }

    fn restore(&self, saved: Self::Saved) -> Result<()> {
        let mut tally = self.0.borrow_mut();
        for (option, votes) in saved {
            *tally.entry(option).or_default() += votes;
        }
        Ok(())
    }
}

#[lithe_sdk::health]
fn health() -> Result<()> {
    match std::env::var("SICK") {
        Ok(reason) => bail!("sick: {reason}"),
        Err(_) => Ok(()),
    }
}

#[lithe_sdk::app(websocket, state = TALLY)]
fn app() -> App {
    App::new()
        .middleware(|event: &Event, next: Next| -> Result<Outcome> {
            event.set_local_str("seen", "yes");
            next.run(event)
        })
        .on_error(|_, error| match error.status {
            418 => Ok(Response::text(format!("caught: {}", error.message))
                .with_status(418)
                .with_header("x-caught", "yes")),
            _ => Err(error),
        })
        .post("/votes/:option", vote)
        .get("/votes", |_| tally())
        .post("/saving/:how", |event: Event| {
            FAILING.set(event.param_str("how").as_deref() == Some("fails"));
            "ok"
        })
        .ws("/live", Live)
        .ws("/rooms/:id", Room)
        .get("/env/:name", environment)
        .get("/item/:id", |event: Event| {
            Response::json(&json!({ "id": event.param::<i64>("id")? }))
        })
        .get("/query", query)
        .get("/cookies", cookies)
        .post("/form", form)
        .post("/json", |event: Event| Ok::<_, HttpError>(event.json::<Named>()?.name))
        .get("/local", |event: Event| event.local_str("seen").unwrap_or_default())
        .post("/half", |event: Event| {
            Response::json(&json!({ "half": event.json::<Number>()?.n / 2.0 }))
        })
        .post("/count", |event: Event| -> Result<String> {
            let json = match event.query_param("limit")? {
                Some(limit) => event.json_within(limit)?,
                None => event.json()?,
            };
            Ok(count_values(&json).to_string())
        })
        .get("/redirect", |event: Event| {
            let to = event.query_param_str("to").unwrap_or_else(|| "/votes".to_owned());
            Response::redirect_with(303, to)
        })
        .get("/throw", |_| -> Result<Response> { bail!("secret detail") })
        .get("/refuse", |_| -> Result<Response> { Err(HttpError::new(418, "teapot").into()) })
        .group("/admin", |admin| admin.middleware(bearer_auth(["secret"])).get("/who", |_| "in"))
        .group("/basic", |basic| {
            basic.middleware(basic_auth("staff", [("ann", "pw")])).get("/who", |_| "in")
        })
        .group("/vault", |vault| {
            vault.middleware(bearer_auth(std::env::var("TOKEN"))).get("/who", |_| "in")
        })
        .group("/safe", |safe| {
            let password = |name| std::env::var(name).unwrap_or_default();
            let users = [("ann", password("TOKEN")), ("bob", password("MISSING"))];
            safe.middleware(basic_auth("safe", users)).get("/who", |_| "in")
        })
        .group("/cors", |group| {
            let allowed = Cors::origins(["https://app.example"]).methods(["PUT"]);
            group.middleware(cors(allowed)).put("/x", |_| "ok").options("/x", |_| "ok")
        })
        .group("/origin", |group| group.middleware(same_origin()).ws("/live", Live))
        .group("/traced", |group| {
            group.middleware(request_id()).middleware(timing()).get("/x", |_| "ok")
        })
        .group("/outer", |outer| {
            outer
                .middleware(adds("outer"))
                .group("/inner", |inner| inner.middleware(adds("inner")).get("/x", |_| "ok"))
        })
        .get("/events", events)
        .get("/stream", pieces)
        .get("/other-method", |_| "ok")
}

fn vote(event: Event) -> Result<Response> {
    Tally::count(event.param("option")?);
    topics::publish(VOTES, Tally::json()?);
    tally()
}

fn tally() -> Result<Response> {
    Ok(Response::text(Tally::json()?).with_header("content-type", "application/json"))
}

fn environment(event: Event) -> Result<String> {
    let name: String = event.param("name")?;
    std::env::var(name).map_err(|_| HttpError::not_found().into())
}

#[derive(Deserialize)]
struct Asked {
    n: i64,
    #[serde(default)]
    name: String,
}

fn query(event: Event) -> Result<Response> {
    let Asked { n, name } = event.query()?;
    Response::json(&json!({ "n": n, "name": name }))
}

fn cookies(event: Event) -> Response {
    let set = Cookie::new("b", "2")
        .path("/")
        .max_age(Duration::from_secs(60))
        .same_site(SameSite::Lax)
        .http_only();
    Response::text(event.cookie("a").unwrap_or_default()).with_cookie(set)
}

#[derive(Deserialize, Serialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Number {
    n: f64,
}

fn count_values(json: &Value) -> usize {
    1 + match json {
        Value::Array(items) => items.iter().map(count_values).sum(),
        Value::Object(fields) => fields.values().map(count_values).sum(),
        _ => 0,
    }
}

#[derive(Deserialize)]
struct Person {
    name: String,
    age: i64,
}

fn form(event: Event) -> Result<Response> {
    let Person { name, age } = event.form()?;
    Response::json(&json!({ "age": age, "name": name }))
}

fn adds(name: &'static str) -> impl Fn(&Event, Next) -> Result<Outcome> {
    move |event, next| Ok(next.run(event)?.with_added_header("x-order", name))
}

fn events(_: Event) -> Stream {
    Response::sse(async |body| {
        (1..=3).try_for_each(|number| body.event(Sse::data(number.to_string())))?;
        Ok(())
    })
}

fn pieces(_: Event) -> Stream {
    Response::stream(async |body| {
        ["a", "b", "c"].into_iter().try_for_each(|piece| body.send_text(piece))?;
        Ok(())
    })
    .with_header("content-type", "text/plain")
}

/// Hears of votes.
struct Live;

impl Hooks for Live {
    fn open(&self, peer: &Peer) -> Result<()> {
        peer.subscribe(VOTES)?;
        Ok(peer.send_text(Tally::json()?)?)
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        let Message::Text(text) = message else { return Ok(peer.send(&message)?) };
        let answer = match text.split_once(':').unwrap_or((&text, "")) {
            ("who", "") => topics::count(VOTES).to_string(),
            ("topics", "") => peer.topics().join(","),
            ("name", name) => {
                peer.set_context(&Named { name: name.to_owned() })?;
                "ok".to_owned()
            }
            ("name?", "") => peer.context::<Named>().map(|named| named.name).unwrap_or_default(),
            ("say", text) => peer.publish(VOTES, text).to_string(),
            ("buffered", "") => peer.buffered_amount().to_string(),
            ("tick", "") => {
                tick(peer);
                return Ok(());
            }
            ("count", "") => {
                count(peer);
                return Ok(());
            }
            ("close", "") => return Ok(peer.close(4001, "bye")?),
            ("fail", "") => return Err(anyhow!("as told")),
            _ => format!("echo:{text}"),
        };
        Ok(peer.send_text(answer)?)
    }

    fn resume(&self, peer: &Peer) -> Result<()> {
        Ok(peer.send_text("resumed")?)
    }
}

fn tick(peer: &Peer) {
    let sender = peer.sender();
    peer.spawn(async move {
        time::sleep(Duration::from_millis(50)).await;
        sender.send_text("tock")
    });
}

fn count(peer: &Peer) {
    let sender = peer.sender();
    peer.spawn(async move {
        let mut clock = time::interval(Duration::from_millis(20));
        for number in 1..=3 {
            clock.tick().await;
            sender.send_text(number.to_string())?;
        }
        Ok::<_, SendError>(())
    });
}

/// Those in a room hear each other.
struct Room;

impl Room {
    fn topic(peer: &Peer) -> String {
        format!("room:{}", peer.param("id").unwrap_or_default())
    }
}

impl Hooks for Room {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        let options = UpgradeOptions::default();
        let offers_chat = event.ws().requested_protocols().iter().any(|offered| offered == "chat");
        Ok(if offers_chat { options.protocol("chat") } else { options })
    }

    fn open(&self, peer: &Peer) -> Result<()> {
        peer.subscribe(Self::topic(peer))?;
        Ok(peer.send_text(format!("room {}", peer.param("id").unwrap_or_default()))?)
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        topics::publish(Self::topic(peer), message.text());
        Ok(())
    }
}
