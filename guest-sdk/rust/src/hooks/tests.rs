use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context, bail};

use super::*;
use crate::testing::{TestEvent, move_to_hooks};

/// Writes down what it is called with.
#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

#[lithe_sdk::hooks]
impl Hooks for Log {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        if event.query_param_str("refuse").is_some() {
            return Err(HttpError::forbidden().into());
        }
        if event.query_param_str("login").is_some() {
            return Ok(Response::redirect("/login").into());
        }
        let mut options = UpgradeOptions::default().protocol_from(["chat"]).header("x-hook", "yes");
        if let Some(attachment) = event.query_param_str("attachment") {
            options = options.attachment(attachment);
        }
        Ok(if event.query_param_str("pinned").is_some() { options.pinned() } else { options })
    }

    fn open(&self, peer: &Peer) -> Result<()> {
        self.add(format!("open {}", peer.uri().context("no uri")?));
        peer.send_text("hello")?;
        Ok(())
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        match &*message.text() {
            "fail" => bail!("as told"),
            "close" => peer.close(4000, "as told")?,
            _ => peer.send(&message)?,
        }
        Ok(())
    }

    fn resume(&self, peer: &Peer) -> Result<()> {
        self.add(format!("resume {}", peer.uri().context("no uri")?));
        match peer.attachment().as_slice() {
            b"fail" => bail!("as told"),
            _ => Ok(peer.send_text("welcome")?),
        }
    }

    fn close(&self, peer: &Peer, info: CloseInfo) -> Result<()> {
        let uri = peer.uri().context("the request is known until `close` returns")?;
        self.add(format!("close {uri} {}", info.code));
        Ok(())
    }

    fn error(&self, _: &Peer, error: &anyhow::Error) {
        self.add(format!("error {error}"));
    }
}

#[test]
fn every_hook_is_called_in_order() {
    let hooks = Rc::new(Log::default());
    let outcome = TestEvent::get("/x").upgrade(["chat"]).call_hooks(&hooks);
    assert_eq!(outcome.header("x-hook"), Some("yes"));
    assert_eq!(outcome.protocol().as_deref(), Some("chat"));
    assert!(!outcome.is_pinned());
    let socket = outcome.socket();
    socket.send_text("a");
    socket.send_binary([7]);
    assert_eq!(socket.sent(), [Message::from("hello"), Message::from("a"), Message::from(vec![7])]);
    socket.close(1000, "");
    drop(socket);
    assert_eq!(hooks.take(), ["open /x", "close /x 1000"]);
}

#[test]
fn hooks_are_pinned_only_if_they_say_so() {
    let hooks = Rc::new(Log::default());
    assert!(TestEvent::get("/?pinned").upgrade([]).call_hooks(&hooks).is_pinned());
}

#[test]
fn the_upgrade_hook_may_refuse() {
    let hooks = Rc::new(Log::default());
    assert_eq!(TestEvent::get("/?refuse").upgrade([]).call_hooks(&hooks).status(), 403);
    assert!(hooks.take().is_empty());
}

#[test]
fn the_upgrade_hook_may_answer_with_a_response() {
    let hooks = Rc::new(Log::default());
    let outcome = TestEvent::get("/?login").upgrade([]).call_hooks(&hooks);
    assert_eq!((outcome.status(), outcome.header("location")), (302, Some("/login")));
    assert!(!outcome.is_upgrade() && hooks.take().is_empty());
}

#[test]
fn a_failing_hook_runs_error_then_closes_with_1011_and_drops_what_had_arrived() {
    let hooks = Rc::new(Log::default());
    let socket = TestEvent::get("/").upgrade([]).call_hooks(&hooks).socket();
    socket.send(["fail".into(), "after".into()]);
    assert_eq!(socket.sent_text(), ["hello"]);
    assert_eq!(socket.closed(), Some((1011, String::new())));
    assert_eq!(socket.failure().as_deref(), Some("as told"));
    assert_eq!(hooks.take(), ["open /", "error as told", "close / 1011"]);
}

#[test]
fn a_send_after_the_own_close_is_no_failure() {
    let hooks = Rc::new(Log::default());
    let socket = TestEvent::get("/").upgrade([]).call_hooks(&hooks).socket();
    socket.send(["close".into(), "after".into()]);
    assert_eq!(socket.closed(), Some((4000, "as told".into())));
    assert_eq!(hooks.take(), ["open /", "close / 4000"]);
}

#[test]
fn a_handshake_that_is_not_completed_gets_close_without_open() {
    let hooks = Rc::new(Log::default());
    TestEvent::get("/").upgrade([]).call_hooks(&hooks).abandon();
    assert_eq!(hooks.take(), ["close / 1006"]);
}

#[test]
fn the_default_fallback_says_how_it_wants_to_be_asked() {
    let hooks = Rc::new(Log::default());
    let outcome = TestEvent::get("/").call_hooks(&hooks);
    assert_eq!((outcome.status(), outcome.header("upgrade")), (426, Some("websocket")));
    let outcome = TestEvent::post("/").upgrade([]).call_hooks(&hooks);
    assert_eq!((outcome.status(), outcome.header("allow")), (405, Some("GET")));
}

#[test]
fn another_version_hears_of_each_socket_once_and_then_of_its_events() {
    let (before, after) = (Rc::new(Log::default()), Rc::new(Log::default()));
    let open = |uri| TestEvent::get(uri).upgrade([]).call_hooks(&before).socket();
    let (moved, pinned, gone) = (open("/a"), open("/?pinned"), open("/b"));
    drop(gone);
    before.take();
    move_to_hooks(&after);
    for socket in [&moved, &pinned] {
        socket.send_text("hi");
    }
    assert_eq!(moved.sent_text(), ["hello", "welcome", "hi"]);
    assert_eq!(pinned.sent_text(), ["hello", "hi"]);
    drop((moved, pinned));
    assert_eq!(after.take(), ["resume /a", "close /a 1006"]);
    assert_eq!(before.take(), ["close /?pinned 1006"]);
}

#[test]
fn a_socket_that_connects_moves_too() {
    let (before, after) = (Rc::new(Log::default()), Rc::new(Log::default()));
    let outcome = TestEvent::get("/").upgrade([]).call_hooks(&before);
    move_to_hooks(&after);
    let socket = outcome.socket();
    assert_eq!(socket.sent_text(), ["welcome", "hello"]);
    assert_eq!(after.take(), ["resume /", "open /"]);
    assert!(before.take().is_empty());
}

#[test]
fn a_resume_that_fails_closes_with_1011() {
    let (before, after) = (Rc::new(Log::default()), Rc::new(Log::default()));
    let request = TestEvent::get("/?attachment=fail").upgrade([]);
    let socket = request.call_hooks(&before).socket();
    move_to_hooks(&after);
    assert_eq!(socket.closed(), Some((1011, String::new())));
    assert_eq!(socket.failure().as_deref(), Some("as told"));
    let uri = "/?attachment=fail";
    let expected = [format!("resume {uri}"), "error as told".into(), format!("close {uri} 1011")];
    assert_eq!(after.take(), expected);
}
