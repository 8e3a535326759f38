use super::*;
use crate::testing::{TestEvent, TestOutcome};
use crate::{Response, SocketEvent};

fn plain(event: Event) -> Result<Outcome> {
    event.ws().upgrade(async |_| Ok(())).accept()
}

fn status_of(event: TestEvent) -> u16 {
    event.call(plain).status()
}

#[test]
fn the_checks_come_in_the_contract_s_order() {
    let outcome = TestEvent::post("/").without_upgrades().call(plain);
    assert_eq!((outcome.status(), outcome.header("allow")), (405, Some("GET")));
    assert_eq!(status_of(TestEvent::get("/").without_upgrades()), 501);
    let outcome = TestEvent::get("/").call(plain);
    assert_eq!((outcome.status(), outcome.header("upgrade")), (426, Some("websocket")));
    let outcome = TestEvent::get("/").upgrade([]).header("sec-websocket-version", "8").call(plain);
    assert_eq!((outcome.status(), outcome.header("sec-websocket-version")), (400, Some("13")));
    for key in ["", "short", "!!!!IHNhbXBsZSBub25jZQ=="] {
        assert_eq!(
            status_of(TestEvent::get("/").upgrade([]).header("sec-websocket-key", key)),
            400
        );
    }
    assert_eq!(status_of(TestEvent::get("/").upgrade(["bad proto"])), 400);
    assert_eq!(status_of(TestEvent::get("/").upgrade([])), 101);
}

#[test]
fn a_strict_protocol_must_have_been_offered() {
    let handler = |event: Event| event.ws().upgrade(async |_| Ok(())).protocol("chat").accept();
    let outcome = TestEvent::get("/").upgrade(["superchat", "chat"]).call(handler);
    assert_eq!(outcome.protocol().as_deref(), Some("chat"));
    assert_eq!(TestEvent::get("/").upgrade(["superchat"]).call(handler).status(), 500);
    assert_eq!(TestEvent::get("/").upgrade([]).call(handler).status(), 500);
}

#[test]
fn protocol_from_takes_the_first_of_ours_that_was_offered() {
    let protocol = |offered: &[&str]| {
        TestEvent::get("/")
            .upgrade(offered.iter().copied())
            .call(|event| event.ws().upgrade(async |_| Ok(())).protocol_from(["v2", "v1"]).accept())
            .protocol()
    };
    assert_eq!(protocol(&["v1", "v2"]).as_deref(), Some("v2"));
    assert_eq!(protocol(&["v1", "v3"]).as_deref(), Some("v1"));
    assert_eq!(protocol(&["v3"]), None);
    assert_eq!(protocol(&[]), None);
}

#[test]
fn the_request_shows_what_it_offers() {
    let event = TestEvent::get("/").upgrade(["chat", "superchat"]).build();
    assert!(event.ws().is_supported() && event.ws().is_upgrade_request());
    assert_eq!(event.ws().requested_protocols(), ["chat", "superchat"]);
    let event = TestEvent::get("/").build();
    assert!(!event.ws().is_upgrade_request());
    assert!(event.ws().requested_protocols().is_empty());
    let event = TestEvent::get("/").upgrade([]).header("connection", "keep-alive, UPGRADE").build();
    assert!(event.ws().is_upgrade_request());
}

#[test]
fn headers_and_attachment_go_with_the_upgrade() {
    let outcome = TestEvent::get("/").upgrade([]).call(|event| {
        event
            .ws()
            .upgrade(async |socket: Socket| {
                socket.send_binary(socket.attachment())?;
                socket.set_attachment("new")?;
                socket.send_binary(socket.attachment())?;
                Ok(())
            })
            .header("x-room", "7")
            .attachment("old")
            .accept()
    });
    assert_eq!(outcome.header("X-Room"), Some("7"));
    assert!(outcome.is_pinned());
    assert_eq!(outcome.socket().sent_text(), ["old", "new"]);
}

#[test]
fn a_header_of_the_host_is_the_handler_s_mistake() {
    for (name, value) in
        [("Upgrade", "x"), ("sec-websocket-accept", "x"), ("a b", "c"), ("a", "b\r\nc")]
    {
        let outcome = TestEvent::get("/")
            .upgrade([])
            .call(|event| event.ws().upgrade(async |_| Ok(())).header(name, value).accept());
        assert_eq!(outcome.status(), 500, "{name}");
    }
}

#[test]
fn a_second_upgrade_is_the_handler_s_mistake() {
    let outcome = TestEvent::get("/").upgrade([]).call(|event| {
        let _first = event.ws().upgrade(async |_| Ok(())).accept()?;
        event.ws().upgrade(async |_| Ok(())).accept()
    });
    assert_eq!(outcome.status(), 500);
}

#[test]
fn an_accepted_upgrade_that_is_not_returned_is_dropped() {
    let (dropped, guard) = dropped_flag();
    let outcome: TestOutcome = TestEvent::get("/").upgrade([]).call(|event| {
        let _dropped = event
            .ws()
            .upgrade(async move |_| {
                let _guard = guard;
                Ok(())
            })
            .accept()?;
        anyhow::Ok(Response::text("changed my mind"))
    });
    assert_eq!(outcome.status(), 200);
    assert!(dropped.get());
}

#[test]
fn a_closure_of_the_wrong_kind_is_a_500_before_the_101() {
    let blocking = |event: Event| event.ws().upgrade_blocking(|_| Ok(())).accept();
    let upgrade = || TestEvent::get("/").upgrade([]);
    assert_eq!(upgrade().call_as(Kind::Blocking, plain).status(), 500);
    assert_eq!(upgrade().call_as(Kind::Async, blocking).status(), 500);
    assert_eq!(upgrade().call_as(Kind::Hooks, plain).status(), 500);
    assert_eq!(upgrade().call_as(Kind::Async, plain).status(), 101);
    assert_eq!(upgrade().call_as(Kind::Blocking, blocking).status(), 101);

    let error = plain(TestEvent::get("/").build_as(Kind::Blocking)).unwrap_err();
    assert!(error.to_string().contains("write `upgrade_blocking`"), "{error}");
}

#[test]
fn the_session_sees_the_handshake_s_event() {
    let socket = TestEvent::get("/rooms/7?x=1")
        .param("id", "7")
        .local("user", "ada")
        .upgrade([])
        .call(|event| {
            event
                .ws()
                .upgrade(async |mut socket| {
                    while let Some(SocketEvent::Text(_)) = socket.next().await {
                        let event = socket.event().expect("the socket is open");
                        let (id, user) = (event.param::<u32>("id")?, event.local_str("user"));
                        socket.send_text(format!("{id} {user:?} {}", event.uri()))?;
                    }
                    assert!(socket.event().is_some(), "`close` has not returned");
                    Ok(())
                })
                .accept()
        })
        .socket();
    socket.send_text("who");
    assert_eq!(socket.sent_text(), ["7 Some(\"ada\") /rooms/7?x=1"]);
}

/// A flag, and a guard whose drop sets it.
fn dropped_flag() -> (std::rc::Rc<std::cell::Cell<bool>>, impl Drop) {
    struct Guard(std::rc::Rc<std::cell::Cell<bool>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let flag = std::rc::Rc::new(std::cell::Cell::new(false));
    (flag.clone(), Guard(flag))
}
