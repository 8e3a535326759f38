use std::cell::RefCell;
use std::rc::Rc;

use anyhow::anyhow;

use super::*;
use crate::instance::{Hear, Serve};
use crate::testing::{TestEvent, TestOutcome, move_to_app};
use crate::{Message, Outcome, Peer, Response, Result, UpgradeOptions};

fn get(app: &App, uri: &str) -> TestOutcome {
    TestEvent::get(uri).call_app(app)
}

/// A middleware that leaves its name before and after what it wraps.
fn mark(name: &'static str) -> impl Fn(&Event, Next<'_>) -> Result<Outcome> {
    move |event, next| {
        let before = event.local_str("order").unwrap_or_default();
        event.set_local_str("order", &format!("{before}{name}"));
        let outcome = next.run(event)?;
        let order = format!("{}{name}", outcome.header("x-order").unwrap_or_default());
        Ok(outcome.with_header("x-order", order))
    }
}

fn order(event: Event) -> String {
    event.local_str("order").unwrap_or_default()
}

#[test]
fn a_request_is_dispatched_on_method_and_pattern() {
    let app = App::new()
        .get("/x", |_| "get")
        .post("/x", |_| "post")
        .any("/any/:id", |event: Event| event.param::<String>("id"))
        .get("/any/:id", |_| "get any");
    assert_eq!(get(&app, "/x").text(), "get");
    assert_eq!(TestEvent::post("/x").call_app(&app).text(), "post");
    assert_eq!(TestEvent::post("/any/7").call_app(&app).text(), "7");
    assert_eq!(get(&app, "/any/7").text(), "get any");
    assert_eq!(TestEvent::new("HEAD", "/x").call_app(&app).text(), "get");
    assert_eq!(TestEvent::new("HEAD", "/any/7").call_app(&app).text(), "7");
    assert_eq!(get(&app, "/y").status(), 404);
    let outcome = TestEvent::new("PUT", "/x").call_app(&app);
    assert_eq!((outcome.status(), outcome.header("allow")), (405, Some("GET, POST")));
}

#[test]
fn the_host_is_told_every_route_once() {
    let app = App::new()
        .group("/admin/", |admin| admin.get("/", |_| "").delete("users/:id", |_| ""))
        .get("/chat", |_| "")
        .ws("/chat", Echo)
        .any("/chat", |_| "");
    let routes: Vec<_> = app.routes().collect();
    assert_eq!(
        routes,
        [
            (Some("GET"), "/admin"),
            (Some("DELETE"), "/admin/users/:id"),
            (Some("GET"), "/chat"),
            (None, "/chat")
        ]
    );
}

#[test]
fn a_route_that_the_app_does_not_have_is_a_500() {
    let app = App::new().get("/x", |_| "");
    let outcome = TestEvent::get("/x").route("/y").call(|event| app.serve(event));
    assert_eq!(outcome.status(), 500);
}

#[test]
fn middleware_runs_from_the_app_to_the_most_specific_group() {
    let app = App::new()
        .group("/a", |a| {
            a.get("/", order).middleware(mark("3")).group("/b", |b| {
                b.middleware(mark("5")).middleware(mark("6")).get("/c", order.with(mark("7")))
            })
        })
        .middleware(mark("1"))
        .get("/", order)
        .middleware(mark("2"));
    let both = |uri| {
        let outcome = get(&app, uri);
        (outcome.text(), outcome.header("x-order").unwrap_or_default().to_owned())
    };
    assert_eq!(both("/"), ("12".into(), "21".into()));
    assert_eq!(both("/a"), ("123".into(), "321".into()));
    assert_eq!(both("/a/b/c"), ("123567".into(), "765321".into()));
}

#[test]
fn an_error_goes_to_the_nearest_handler_and_outward() {
    let fail = |status| move |_: Event| Err::<&str, _>(HttpError::new(status, "inside"));
    let tell = |name: &'static str, passes: u16| {
        move |_: &Event, error: HttpError| match error.status == passes {
            true => Err(HttpError::new(passes + 1, format!("{name}+{error}"))),
            false => Ok(Response::text(format!("{name}({error})")).with_status(error.status)),
        }
    };
    let app = App::new().on_error(tell("app", 502)).get("/404", fail(404)).group("/g", |group| {
        group
            .on_error(tell("first", 410))
            .on_error(tell("second", 411))
            .get("/404", fail(404))
            .get("/410", fail(410))
            .get("/own", fail(404).on_error(tell("own", 404)))
            .get("/500", |_| Err::<&str, _>(anyhow!("a secret")))
    });
    let answer = |uri| {
        let outcome = get(&app, uri);
        format!("{} {}", outcome.status(), outcome.text())
    };
    assert_eq!(answer("/404"), "404 app(inside)");
    assert_eq!(answer("/g/404"), "404 first(inside)");
    assert_eq!(answer("/g/410"), "412 app(second+first+inside)");
    assert_eq!(answer("/g/own"), "405 first(own+inside)");
    assert_eq!(answer("/g/500"), "500 first(Internal Server Error)");
}

#[test]
fn middleware_sees_an_error_of_its_group_and_the_answer_of_an_inner_one() {
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let watch = |name: &'static str| {
        let seen = Rc::clone(&seen);
        move |event: &Event, next: Next<'_>| {
            let result = next.run(event);
            let what = result.as_ref().map_or_else(ToString::to_string, |o| o.status().to_string());
            seen.borrow_mut().push(format!("{name} {what}"));
            result
        }
    };
    let app = App::new().middleware(watch("app")).group("/g", |group| {
        group
            .middleware(watch("group"))
            .on_error(|_, error| error.message)
            .get("/", |_| Err::<&str, _>(HttpError::not_found()))
    });
    assert_eq!(get(&app, "/g").status(), 200);
    assert_eq!(*seen.borrow(), ["group Not Found", "app 200"]);
}

#[test]
fn what_fails_in_middleware_takes_the_same_way() {
    let app = App::new().group("/g", |group| {
        group
            .middleware(|_: &Event, _: Next<'_>| Err::<Outcome, _>(HttpError::forbidden()))
            .on_error(|_, error| format!("sorry: {error}"))
            .get("/", |_| -> &'static str { panic!("the handler is not asked") })
    });
    assert_eq!(get(&app, "/g").text(), "sorry: Forbidden");
}

/// Echoes, and says which room it is in.
struct Echo;

impl Hooks for Echo {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        let room = event.param_str("id").unwrap_or_default();
        Ok(UpgradeOptions::default().attachment(room))
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        peer.send_text(format!("{}:", String::from_utf8_lossy(&peer.attachment())))?;
        Ok(peer.send(&message)?)
    }
}

#[test]
fn sockets_of_hooks_and_of_sessions_live_in_one_app() {
    let app = App::new()
        .middleware(mark("1"))
        .ws("/rooms/:id", Echo)
        .get("/rooms/:id", |_| "a page")
        .get("/session", |event: Event| {
            event.ws().upgrade(async |socket| Ok(socket.send_text("session")?)).accept()
        });
    let upgrade = |uri| TestEvent::get(uri).upgrade([]).call_app(&app);
    let outcome = upgrade("/rooms/7");
    assert!(!outcome.is_pinned());
    assert_eq!(outcome.header("x-order"), Some("1"));
    let room = outcome.socket();
    room.send_text("hi");
    assert_eq!(room.sent_text(), ["7:", "hi"]);
    let session = upgrade("/session").socket();
    assert_eq!(session.sent_text(), ["session"]);
    assert_eq!(session.closed(), Some((1000, String::new())));
    assert_eq!(get(&app, "/rooms/7").text(), "a page");
}

#[test]
fn a_socket_is_known_by_its_pattern_to_an_instance_that_has_not_accepted_it() {
    let app = || App::new().ws("/rooms/:id", Echo);
    let socket = TestEvent::get("/rooms/7").upgrade([]).call_app(&app()).socket();
    let fresh = app();
    fresh.received(socket.id(), vec!["hi".into()]);
    assert_eq!(socket.sent_text(), ["7:", "hi"]);
    assert!(fresh.sockets.borrow().contains_key(&socket.id()));
    fresh.closed(socket.id(), crate::CloseInfo { code: 1000, reason: String::new(), clean: true });
    assert!(fresh.sockets.borrow().is_empty());
}

/// Says who has taken the socket over.
struct Resumes(&'static str);

impl Hooks for Resumes {
    fn resume(&self, peer: &Peer) -> Result<()> {
        Ok(peer.send_text(self.0)?)
    }
}

#[test]
fn each_socket_of_another_version_is_its_route_s() {
    let before =
        App::new().ws("/a", Echo).ws("/b", Echo).ws("/gone", Echo).any("/async", |event: Event| {
            event
                .ws()
                .upgrade(async |mut socket| {
                    while socket.next().await.is_some() {}
                    Ok(())
                })
                .accept()
        });
    let open = |uri| TestEvent::get(uri).upgrade([]).call_app(&before).socket();
    let sockets = ["/a", "/b", "/gone", "/async"].map(open);
    move_to_app(&App::new().ws("/a", Resumes("a")).ws("/b", Resumes("b")));
    let heard = sockets.each_ref().map(|socket| socket.sent_text().concat());
    assert_eq!(heard, ["a", "b", "", ""]);
    let closed = sockets.each_ref().map(|socket| socket.closed().map(|(code, _)| code));
    assert_eq!(closed, [None, None, Some(1011), None]);
    let reason = "no hooks of this version hear this socket";
    assert_eq!(sockets[2].failure().as_deref(), Some(reason));
}

#[test]
fn without_an_upgrade_sockets_answer_only_where_nothing_else_does() {
    let app = App::new()
        .ws("/hooks", Echo)
        .ws_with("/listen", |_, _| Ok(()))
        .post("/listen", |_| "posted");
    assert_eq!(get(&app, "/hooks").status(), 426);
    assert_eq!(TestEvent::post("/hooks").call_app(&app).header("allow"), Some("GET"));
    assert_eq!(get(&app, "/listen").status(), 426);
    assert_eq!(TestEvent::post("/listen").call_app(&app).text(), "posted");
}

#[test]
fn the_oldest_style_listens_adds_and_closes() {
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let app = App::new().ws_with("/legacy", {
        let log = Rc::clone(&log);
        move |ws, event| {
            ws.add_stream(["hello", "there"])?;
            ws.add(event.uri())?;
            let log = Rc::clone(&log);
            ws.on_done(move |info| log.borrow_mut().push(format!("done {}", info.code)));
            ws.listen(move |message| {
                match &*message.text() {
                    "close" => ws.close(),
                    "fail" => return Err(anyhow!("as told")),
                    "other" => ws.listen(move |_| Ok(ws.add("other listener")?)),
                    _ => ws.add(message)?,
                }
                Ok(())
            });
            Ok(())
        }
    });
    let open = || TestEvent::get("/legacy?x").upgrade([]).call_app(&app).socket();
    let socket = open();
    assert_eq!(socket.sent_text(), ["hello", "there", "/legacy?x"]);
    socket.send(["a".into(), Message::from(vec![1])]);
    assert_eq!(socket.sent(), [Message::from("a"), Message::from(vec![1])]);
    socket.send_text("close");
    assert_eq!(socket.closed(), Some((1000, String::new())));

    let socket = open();
    socket.send_text("fail");
    assert_eq!(socket.closed(), Some((1011, String::new())));
    assert_eq!(socket.failure().as_deref(), Some("as told"));

    let socket = open();
    socket.send(["other".into(), "x".into()]);
    assert_eq!(socket.sent_text().last().map(String::as_str), Some("other listener"));
    drop(socket);
    assert_eq!(*log.borrow(), ["done 1000", "done 1006"]);
}

#[test]
fn a_socket_to_which_nothing_listens_stays_open() {
    let app = App::new().ws_with("/", |_, _| Ok(()));
    let socket = TestEvent::get("/").upgrade([]).call_app(&app).socket();
    socket.send_text("is anyone there");
    assert!(!socket.is_closed());
}

#[test]
#[should_panic(expected = "two routes for GET of `/a/:id`")]
fn a_route_that_is_there_already_is_refused() {
    let _ = App::new().get("/a/:id", |_| "").group("a", |a| a.get(":id/", |_| ""));
}

#[test]
#[should_panic(expected = "pattern `/a/:` is malformed")]
fn a_malformed_pattern_is_refused() {
    let _ = App::new().get("/a/:", |_| "");
}

#[test]
#[should_panic(expected = "need `#[lithe_sdk::app(websocket)]`")]
fn sockets_in_a_plain_app_are_refused() {
    let app = App::new().ws("/", Echo);
    let _ = crate::export::checked_app(app, crate::ws::Kind::Plain);
}
