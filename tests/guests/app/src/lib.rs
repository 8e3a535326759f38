//! One component with several routes:
//!
//! | route | answers |
//! |---|---|
//! | `GET /app` | the routes, as JSON |
//! | `GET /app/items/:id` | `item ID` for a number, 400 otherwise, 404 for 0 |
//! | `POST /app/items` | 201, the body back |
//! | any `/app/any/:path*` | method and `path` |
//! | `GET /app/fail`, `/app/panic` | an error without an HTTP answer; a trap |
//! | `GET /app/inner/order` | who ran before it; `x-order` says who ran after |
//! | `GET /app/inner/fail`, `/app/inner/teapot` | 418 and 404, answered by the group and by the app |
//! | `GET /app/inner/ws` | an echo, as an async session; its 101 has `x-order` |
//! | `GET /app/hooks/:room` | an echo that says the room, as hooks; a page to plain requests |
//! | `GET /app/legacy` | an echo in the oldest style |
//! | `GET /app/stream` | `one`, `two`, `three`, piece by piece |

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use lithe_sdk::anyhow::bail;
use lithe_sdk::{
    App, Event, Hooks, HttpError, Message, Next, Outcome, Peer, Response, Result, SocketEvent,
    Stream, UpgradeOptions, json,
};

#[lithe_sdk::app(websocket)]
fn app() -> App {
    App::new().group("/app", |app| {
        app.middleware(mark("app"))
            .on_error(|_, error| {
                Response::json(&json!({ "by": "app", "message": error.message }))
                    .map(|response| response.with_status(error.status))
            })
            .get("/", |event: Event| format!("the app at {}", event.path()))
            .get("/items/:id", item)
            .post("/items", |event: Event| Ok::<_, HttpError>(created(event.text()?)))
            .any("/any/:path*", |event: Event| {
                format!("{} {}", event.method(), event.param_str("path").unwrap_or_default())
            })
            .get("/fail", |_| -> Result<Response> { bail!("a secret of the guest") })
            .get("/panic", |_| -> Response { panic!("as told") })
            .ws("/hooks/:room", Room)
            .get("/hooks/:room", |_| Response::html("<h1>a page</h1>"))
            .ws_with("/legacy", |ws, _| {
                ws.add_stream(["connected", "in the oldest style"])?;
                ws.listen(move |message| match &*message.text() {
                    "close" => {
                        ws.close();
                        Ok(())
                    }
                    _ => Ok(ws.add(message)?),
                });
                Ok(())
            })
            .get("/stream", stream)
            .group("/inner", |inner| {
                inner
                    .middleware(mark("inner"))
                    .on_error(|_, error| match error.status {
                        418 => Ok(Response::text("answered by the group").with_status(418)),
                        _ => Err(error),
                    })
                    .get("/order", |event: Event| event.local_str("order").unwrap_or_default())
                    .get("/teapot", |_| Err::<&str, _>(HttpError::new(418, "a teapot")))
                    .get("/fail", |_| Err::<&str, _>(HttpError::not_found()))
                    .get("/ws", echo)
            })
    })
}

fn item(event: Event) -> Result<String> {
    match event.param::<u32>("id")? {
        0 => Err(HttpError::not_found().into()),
        id => Ok(format!("item {id}")),
    }
}

fn created(text: String) -> Response {
    Response::text(text).with_status(201)
}

fn stream(_event: Event) -> Stream {
    Response::stream(async |body| {
        ["one", "two", "three"].into_iter().try_for_each(|piece| body.send_text(piece))?;
        Ok(())
    })
    .with_header("content-type", "text/plain; charset=utf-8")
}

fn echo(event: Event) -> Result<Outcome> {
    event
        .ws()
        .upgrade(async |mut socket| {
            while let Some(event) = socket.next().await {
                match event {
                    SocketEvent::Text(text) => socket.send_text(text)?,
                    SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
                    SocketEvent::Close(_) => {}
                }
            }
            Ok(())
        })
        .accept()
}

/// Leaves its name in the local `order` before, and in the header `x-order` after.
fn mark(name: &'static str) -> impl Fn(&Event, Next) -> Result<Outcome> {
    move |event, next| {
        let before = event.local_str("order").unwrap_or_default();
        event.set_local_str("order", &format!("{before}{name} "));
        Ok(next.run(event)?.with_added_header("x-order", name))
    }
}

struct Room;

impl Hooks for Room {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        Ok(UpgradeOptions::default().attachment(event.param::<String>("room")?))
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        let room = peer.attachment();
        peer.send_text(format!("{}: {}", String::from_utf8_lossy(&room), message.text()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestOutcome};

    fn get(uri: &str) -> TestOutcome {
        TestEvent::get(uri).call_app(&app())
    }

    fn upgrade(uri: &str) -> TestOutcome {
        TestEvent::get(uri).upgrade([]).call_app(&app())
    }

    #[test]
    fn requests_reach_their_handlers() {
        assert_eq!(get("/app").text(), "the app at /app");
        assert_eq!(get("/app/items/7").text(), "item 7");
        assert_eq!(TestEvent::new("PUT", "/app/any/a/b").call_app(&app()).text(), "PUT a/b");
        let created = TestEvent::post("/app/items").body("new").call_app(&app());
        assert_eq!((created.status(), created.text().as_str()), (201, "new"));
        assert_eq!(get("/app/stream").stream().text(), "onetwothree");
    }

    #[test]
    fn errors_go_to_the_group_and_then_to_the_app() {
        for (uri, status, by_app) in [
            ("/app/items/0", 404, true),
            ("/app/items/x", 400, true),
            ("/app/fail", 500, true),
            ("/app/inner/teapot", 418, false),
            ("/app/inner/fail", 404, true),
        ] {
            let outcome = get(uri);
            assert_eq!(outcome.status(), status, "{uri}");
            if by_app {
                let body: serde_json::Value = outcome.json();
                assert_eq!(body["by"], "app", "{uri}");
            }
        }
    }

    #[test]
    fn middleware_wraps_answers_and_upgrades() {
        let order = get("/app/inner/order");
        assert_eq!(order.text(), "app inner ");
        for outcome in [order, upgrade("/app/inner/ws")] {
            let after: Vec<_> = outcome.headers().iter().map(|(_, value)| value.as_str()).collect();
            assert!(after.ends_with(&["inner", "app"]), "{after:?}");
        }
    }

    #[test]
    fn every_style_of_socket_talks() {
        let say = |uri: &str| {
            let socket = upgrade(uri).socket();
            socket.send_text("hi");
            socket.sent_text().pop()
        };
        assert_eq!(say("/app/inner/ws").as_deref(), Some("hi"));
        assert_eq!(say("/app/hooks/7").as_deref(), Some("7: hi"));
        assert_eq!(say("/app/legacy").as_deref(), Some("hi"));
        assert_eq!(get("/app/hooks/7").text(), "<h1>a page</h1>");
    }
}
