//! Hooks that do what a message, or the request's query, says.
//!
//! Messages: `panic`, `loop`, `memory`, `print`, `exit`, `fail`, `close:CODE:REASON`, `badclose`,
//! `flood:N`, `handles:N` (holds the socket's event that often), `terminate`, `info`, `closed-log`, `attach:TEXT`, `attachment`, `late` (closes with
//! 4000, and sends nevertheless); anything else comes back. How each socket ended, and after how
//! many messages of the instance, is printed. Upgrade queries: `protocol=NAME`,
//! `header=NAME:VALUE`, `attachment=TEXT`, `refuse=STATUS`, `pinned`. Plain GET:
//! `how=panic|loop|memory|print|exit`, otherwise what the instance has counted.

use std::cell::{Cell, RefCell};

use lithe_sdk::anyhow::{Context, bail};
use lithe_sdk::{
    CloseInfo, Event, Hooks, HttpError, Message, Peer, Response, Result, UpgradeOptions, json,
};

#[derive(Default)]
struct Hostile {
    opened: Cell<u32>,
    messages: Cell<u32>,
    closed: RefCell<Vec<CloseInfo>>,
}

#[lithe_sdk::hooks]
impl Hooks for Hostile {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        let mut options = UpgradeOptions::default();
        if let Some(status) = event.query_param_str("refuse") {
            return Err(HttpError::new(status.parse()?, "refused").into());
        }
        if let Some(protocol) = event.query_param_str("protocol") {
            options = options.protocol(protocol);
        }
        if let Some(header) = event.query_param_str("header") {
            let (name, value) = header.split_once(':').context("`header` is NAME:VALUE")?;
            options = options.header(name, value);
        }
        if let Some(attachment) = event.query_param_str("attachment") {
            options = options.attachment(attachment);
        }
        if event.query_param_str("pinned").is_some() {
            options = options.pinned();
        }
        Ok(options)
    }

    fn open(&self, _peer: &Peer) -> Result<()> {
        self.opened.set(self.opened.get() + 1);
        Ok(())
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        self.messages.set(self.messages.get() + 1);
        let text = message.text();
        test_guests_misbehave::by_word(&text);
        let (word, rest) = text.split_once(':').unwrap_or((&text, ""));
        match word {
            "fail" => bail!("as told"),
            "close" => {
                let (code, reason) =
                    rest.split_once(':').context("`close` is close:CODE:REASON")?;
                peer.close(code.parse()?, reason)?;
            }
            "badclose" => {
                for (code, reason) in [(1005, String::new()), (1000, "x".repeat(124))] {
                    match peer.close(code, reason) {
                        Ok(()) => peer.send_text("closed")?,
                        Err(error) => peer.send_text(error.to_string())?,
                    }
                }
            }
            "flood" => {
                let chunk = vec![0; 64 * 1024];
                for _ in 0..rest.parse()? {
                    peer.send_binary(&chunk)?;
                }
            }
            "handles" => {
                let held: Vec<_> = (0..rest.parse()?).map_while(|_: u32| peer.event()).collect();
                peer.send_text(held.len().to_string())?;
            }
            "terminate" => peer.terminate(),
            "late" => {
                peer.close(4000, "")?;
                let late = peer.send_text("too late");
                println!("{}: sent after the close: {late:?}", peer.id());
            }
            "info" => peer.send_text(info(peer).to_string())?,
            "closed-log" => {
                let codes: Vec<_> = self.closed.borrow().iter().map(|info| info.code).collect();
                peer.send_text(json!({ "count": codes.len(), "codes": codes }).to_string())?;
            }
            "attach" => peer.set_attachment(rest)?,
            "attachment" => peer.send_text(String::from_utf8_lossy(&peer.attachment()))?,
            _ => peer.send(&message)?,
        }
        Ok(())
    }

    fn close(&self, _peer: &Peer, info: CloseInfo) -> Result<()> {
        let messages = self.messages.get();
        println!("ended after {messages} messages: {} clean={}", info.code, info.clean);
        self.closed.borrow_mut().push(info);
        Ok(())
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        test_guests_misbehave::by_word(&event.query_param_str("how").unwrap_or_default());
        let closed: Vec<_> = self
            .closed
            .borrow()
            .iter()
            .map(|info| json!({ "code": info.code, "reason": info.reason, "clean": info.clean }))
            .collect();
        Response::json(&json!({
            "opened": self.opened.get(),
            "closed": closed,
            "messages": self.messages.get(),
        }))
    }
}

fn info(peer: &Peer) -> impl std::fmt::Display {
    json!({
        "id": peer.id(),
        "protocol": peer.protocol(),
        "uri": peer.uri(),
        "client_address": peer.client_address(),
        "state": format!("{:?}", peer.state()).to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::TestEvent;

    #[test]
    fn queries_shape_the_upgrade() {
        let hooks = Rc::new(Hostile::default());
        let upgrade = |uri: &str, offered: &[&str]| {
            TestEvent::get(uri).upgrade(offered.iter().copied()).call_hooks(&hooks)
        };
        assert_eq!(upgrade("/?protocol=chat", &["chat"]).protocol().as_deref(), Some("chat"));
        assert_eq!(upgrade("/?protocol=chat", &[]).status(), 500);
        assert_eq!(upgrade("/?header=x-a:b", &[]).header("x-a"), Some("b"));
        assert_eq!(upgrade("/?refuse=418", &[]).status(), 418);
        assert!(upgrade("/?pinned", &[]).is_pinned());
    }

    #[test]
    fn words_are_obeyed() {
        let hooks = Rc::new(Hostile::default());
        let socket = TestEvent::get("/?attachment=a").upgrade([]).call_hooks(&hooks).socket();
        socket.send(["hello".into(), "attachment".into(), "attach:b".into(), "attachment".into()]);
        assert_eq!(socket.sent_text(), ["hello", "a", "b"]);
        socket.send_text("badclose");
        assert_eq!(socket.sent().len(), 2);
        socket.send_text("flood:3");
        assert_eq!(socket.sent().len(), 3);
        socket.send_text("info");
        let info: serde_json::Value = socket.sent()[0].json().unwrap();
        assert_eq!((&info["uri"], &info["state"]), (&json!("/?attachment=a"), &json!("open")));
        socket.send_text("close:4001:bye");
        assert_eq!(socket.closed(), Some((4001, "bye".into())));
        assert_eq!(
            TestEvent::get("/").call_hooks(&hooks).text(),
            r#"{"closed":[{"clean":true,"code":4001,"reason":"bye"}],"messages":8,"opened":1}"#
        );
    }
}
