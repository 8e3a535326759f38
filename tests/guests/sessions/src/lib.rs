//! Sessions that use time, tasks, topics and full queues, as a message or a request says:
//!
//! | route | |
//! |---|---|
//! | `GET /counts` | what the instance has counted |
//! | `GET /answer?bytes=&header=` | as many bytes, and as many in a header |
//! | `GET /answer?fail=` | an error with as many bytes |
//! | `POST /publish?topic=` | the body to the topic; answers how many heard it |
//! | `GET /members?topic=` | how many subscribe to it; without a topic, how many sockets there are |
//! | `POST /later?topic=&ms=` | the body to the topic, after that time |
//! | `/rooms/:id`, `GET /rooms/:id/members?topic=`, `GET /rooms/:id/answer?bytes=` | as `/hooks`, `/members` and `/answer`, for the scope `param:id` |
//! | `/hooks` | hooks that are not pinned: `hooks.rs` says which words they know |
//! | `/async` | async sessions: `session.rs` says which words they know |

mod hooks;
mod session;

use std::cell::Cell;
use std::time::Duration;

use lithe_sdk::{App, Event, HttpError, Message, Response, Result, json, task, time, topics};

/// What the instance has counted.
#[derive(Default)]
struct Counts {
    opened: Cell<u32>,
    messages: Cell<u32>,
    closed: Cell<u32>,
    drained: Cell<u32>,
    ticks: Cell<u32>,
}

thread_local! {
    static COUNTS: Counts = Counts::default();
}

fn count(which: impl FnOnce(&Counts) -> &Cell<u32>) -> u32 {
    COUNTS.with(|counts| {
        let cell = which(counts);
        cell.set(cell.get() + 1);
        cell.get()
    })
}

#[lithe_sdk::app(websocket)]
fn app() -> App {
    App::new()
        .get("/counts", counts)
        .get("/answer", answer)
        .get("/rooms/:id/answer", answer)
        .post("/publish", |event: Event| -> Result<String> {
            Ok(topics::publish(topic(&event), event.text()?).to_string())
        })
        .get("/members", members)
        .get("/rooms/:id/members", members)
        .ws("/rooms/:id", hooks::Words)
        .post("/later", later)
        .ws("/hooks", hooks::Words)
        .get("/async", |event: Event| event.ws().upgrade(session::run).accept())
}

fn counts(_event: Event) -> Result<Response> {
    COUNTS.with(|counts| {
        Response::json(&json!({
            "opened": counts.opened.get(),
            "messages": counts.messages.get(),
            "closed": counts.closed.get(),
            "drained": counts.drained.get(),
            "ticks": counts.ticks.get(),
        }))
    })
}

fn answer(event: Event) -> Result<Response> {
    let large = |name| Ok::<_, HttpError>("x".repeat(event.query_param(name)?.unwrap_or_default()));
    match large("fail")? {
        text if text.is_empty() => {
            Ok(Response::text(large("bytes")?).with_header("x-large", large("header")?))
        }
        text => Err(HttpError::new(400, text).into()),
    }
}

fn members(event: Event) -> String {
    match event.query_param_str("topic") {
        Some(topic) => topics::count(topic).to_string(),
        None => topics::sockets().len().to_string(),
    }
}

fn topic(event: &Event) -> String {
    event.query_param_str("topic").unwrap_or_default()
}

fn later(event: Event) -> Result<&'static str, HttpError> {
    let (topic, text) = (topic(&event), event.text()?);
    let delay = Duration::from_millis(event.query_param("ms")?.unwrap_or_default());
    task::spawn(async move {
        time::sleep(delay).await;
        topics::publish(topic, text);
    });
    Ok("later")
}

/// A word, and what follows its colon.
fn split(message: &Message) -> (String, String) {
    let text = message.text();
    let (word, rest) = text.split_once(':').unwrap_or((&text, ""));
    (word.to_owned(), rest.to_owned())
}

fn millis(text: &str) -> Result<Duration> {
    Ok(Duration::from_millis(text.parse()?))
}

/// `COUNT:SIZE`: so many messages of that size, each beginning with its number as four bytes.
fn numbered(text: &str) -> Result<impl Iterator<Item = Vec<u8>>> {
    let (count, size) = text.split_once(':').unwrap_or((text, "4"));
    let (count, size): (u32, usize) = (count.parse()?, size.parse()?);
    Ok((0..count).map(move |number| {
        let mut message = number.to_be_bytes().to_vec();
        message.resize(size.max(4), 0);
        message
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestSocket, advance};

    fn open(uri: &str) -> TestSocket {
        TestEvent::get(uri).upgrade([]).call_app(&app()).socket()
    }

    fn said(socket: &TestSocket, word: &str) -> Vec<String> {
        socket.send_text(word);
        socket.sent_text()
    }

    #[test]
    fn hooks_obey_words_about_topics() {
        let app = app();
        let open = || TestEvent::get("/hooks").upgrade([]).call_app(&app).socket();
        let (ann, bob) = (open(), open());
        for socket in [&ann, &bob] {
            assert_eq!(said(socket, "subscribe:news"), ["ok"]);
        }
        assert_eq!(said(&ann, "publish:news:a"), ["a", "heard by 2"]);
        assert_eq!(said(&ann, "others:news:b"), ["heard by 1"]);
        assert_eq!(bob.sent_text(), ["a", "b"]);
        let posted = TestEvent::post("/publish?topic=news").body("c").call_app(&app);
        assert_eq!(posted.text(), "2");
    }

    #[test]
    fn hooks_wait_for_time() {
        let socket = open("/hooks");
        socket.send_text("once:20");
        socket.send_text("every:50");
        advance(Duration::from_millis(100));
        assert_eq!(socket.sent_text(), ["tick 20", "tick 50", "tick 50"]);
        socket.send_text("cancel");
        advance(Duration::from_millis(100));
        assert!(socket.sent().is_empty());
    }

    #[test]
    fn sessions_wait_for_several_things_at_once() {
        let socket = open("/async");
        socket.send_text("select:100");
        assert_eq!(said(&socket, "hello"), ["hello came first"]);
        socket.send_text("select:100");
        advance(Duration::from_millis(100));
        assert_eq!(socket.sent_text(), ["time came first"]);
        socket.send_text("timeout:100");
        advance(Duration::from_millis(100));
        assert_eq!(socket.sent_text(), ["too late"]);
        socket.send_text("join:100:50");
        advance(Duration::from_millis(99));
        assert!(socket.sent().is_empty());
        advance(Duration::from_millis(1));
        assert_eq!(socket.sent_text(), ["both"]);
    }
}
