//! Versions of a plugin that take over from each other, or fail to. Each example is one of them.
//!
//! | message | does |
//! |---|---|
//! | `count` | says how many messages the plugin has echoed; what moves with it |
//! | `sleep:MS` | holds the instance up for so long, and is echoed then |
//! | `trap` | traps |
//! | `fail` | fails the session |
//! | `save:trap`, `save:fail` | has the next `save` trap, or fail |
//! | `save:never` | has each `save` fail until another such message |
//! | `save:refuse`, `save:restore-trap` | has the version that restores it refuse, or trap |
//! | `save:refuse-while:TOPIC` | has `restore` refuse it while the topic has a member |
//! | `save:refuse-in:VERSION` | has `restore` of that version refuse it |
//! | `save:publish` | has the version that restores it publish `restored` in that topic |
//! | `save:SIZE` | has the next `save` hand over that many bytes, and a few more |
//! | `id`, `protocol` | says the socket's |
//! | `attach:TEXT`, `attachment` | leaves a text with the socket, and says it |
//! | `subscribe:TOPIC`, `publish:TOPIC:TEXT` | of the socket; `TEXT` comes as it is |
//! | `close` | closes with 4000 |
//!
//! Anything else comes back as `VERSION:TEXT`. An upgrade takes the queries `resumed` (the version
//! that takes the socket over says `resumed:VERSION`), `resume-trap` (it traps), `pinned`, and
//! `protocol=NAME`. A plain GET is answered with the version; with `count` with the count, with
//! `sleep=MS` after that time, with `error` with 500, and with `trap` not at all.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use lithe_sdk::anyhow::{bail, ensure};
use lithe_sdk::{
    App, BlockingSocket, Event, Hooks, HttpError, Message, Outcome, Peer, Response, Result, Socket,
    SocketEvent, State, UpgradeOptions, topics,
};
use serde::{Deserialize, Serialize};

/// What is left with a socket that wants to hear of a swap.
const RESUMED: &str = "resumed";

/// What is left with a socket that nobody can take over.
const RESUME_TRAP: &str = "resume-trap";

/// The plugin.
pub struct Swap {
    version: &'static str,
    /// What it does before each event.
    before: fn(),
    echoed: Cell<u32>,
    next_save: RefCell<String>,
}

impl Swap {
    pub fn new(version: &'static str, before: fn()) -> Self {
        Self { version, before, echoed: Cell::default(), next_save: RefCell::default() }
    }
}

impl Hooks for Swap {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        (self.before)();
        let mut options = UpgradeOptions::default();
        if let Some(protocol) = event.query_param_str("protocol") {
            options = options.protocol(protocol);
        }
        for word in [RESUMED, RESUME_TRAP] {
            if event.query_param_str(word).is_some() {
                options = options.attachment(word);
            }
        }
        if event.query_param_str("pinned").is_some() {
            options = options.pinned();
        }
        Ok(options)
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        (self.before)();
        let text = message.text();
        let (word, rest) = text.split_once(':').unwrap_or((&text, ""));
        match word {
            "count" => return Ok(peer.send_text(self.echoed.get().to_string())?),
            "id" => return Ok(peer.send_text(peer.id().to_string())?),
            "protocol" => return Ok(peer.send_text(peer.protocol().unwrap_or_default())?),
            "attachment" => {
                return Ok(peer.send_text(String::from_utf8_lossy(&peer.attachment()))?);
            }
            "publish" => {
                let (topic, text) = rest.split_once(':').unwrap_or((rest, ""));
                topics::publish(topic, text);
                return Ok(());
            }
            "close" => return Ok(peer.close(4000, "as told")?),
            "trap" => panic!("as told"),
            "fail" => bail!("as told"),
            "sleep" => sleep(rest.parse()?),
            "save" => *self.next_save.borrow_mut() = rest.to_owned(),
            "attach" => peer.set_attachment(rest)?,
            "subscribe" => peer.subscribe(rest)?,
            _ => {}
        }
        self.echoed.set(self.echoed.get() + 1);
        Ok(peer.send_text(format!("{}:{text}", self.version))?)
    }

    fn resume(&self, peer: &Peer) -> Result<()> {
        match String::from_utf8_lossy(&peer.attachment()).as_ref() {
            RESUMED => peer.send_text(format!("resumed:{}", self.version))?,
            RESUME_TRAP => panic!("as told"),
            _ => {}
        }
        Ok(())
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        (self.before)();
        match event.query_param_str("count") {
            Some(_) => Ok(Response::text(self.echoed.get().to_string())),
            None => answer(self.version, &event),
        }
    }
}

impl State for Swap {
    type Saved = Saved;

    fn save(&self) -> Result<Saved> {
        ensure!(*self.next_save.borrow() != "never", "never, as told");
        let fault = self.next_save.take();
        assert_ne!(fault, "trap", "as told");
        ensure!(fault != "fail", "not now, as told");
        let ballast = "x".repeat(fault.parse().unwrap_or_default());
        Ok(Saved { echoed: self.echoed.get(), fault, ballast })
    }

    fn restore(&self, saved: Saved) -> Result<()> {
        if let Some(topic) = saved.fault.strip_prefix("refuse-while:") {
            ensure!(topics::count(topic) == 0, "`{topic}` has a member, as told");
        }
        if let Some(version) = saved.fault.strip_prefix("refuse-in:") {
            ensure!(version != self.version, "refused in {version}, as told");
        }
        match saved.fault.as_str() {
            "refuse" => bail!("refused as told"),
            "publish" => {
                topics::publish("restored", "restored");
            }
            "restore-trap" => panic!("as told"),
            _ => {}
        }
        self.echoed.set(self.echoed.get() + saved.echoed);
        Ok(())
    }
}

/// What moves.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    echoed: u32,
    /// What the version that restores it is to do.
    fault: String,
    ballast: String,
}

/// The app of the versions with several routes: `/app/hooks` is as above; `/app/async` echoes with
/// the version, in async sessions.
pub fn app(swap: Rc<Swap>) -> App {
    let version = swap.version;
    App::new().ws("/app/hooks", swap).get("/app/async", move |event: Event| {
        let echo = async move |mut socket: Socket| {
            while let Some(message) = socket.next_message().await {
                socket.send_text(format!("{version}:{}", message.text()))?;
            }
            Ok(())
        };
        event.ws().upgrade(echo).accept()
    })
}

/// The handler of the versions with blocking sessions: they know `sleep:MS` and `trap`, and a plain
/// GET is answered as above.
///
/// # Errors
/// The event cannot be upgraded.
pub fn session(version: &'static str, event: &Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(answer(version, event)?.into());
    }
    event.ws().upgrade_blocking(move |socket| echo(version, socket)).accept()
}

fn echo(version: &str, mut socket: BlockingSocket) -> Result<()> {
    while let Some(event) = socket.next() {
        let SocketEvent::Text(text) = event else { continue };
        assert_ne!(text, "trap", "as told");
        if let Some(time) = text.strip_prefix("sleep:") {
            sleep(time.parse()?);
        }
        socket.send_text(format!("{version}:{text}"))?;
    }
    Ok(())
}

fn answer(version: &str, event: &Event) -> Result<Response> {
    if event.method() != "GET" {
        return Err(HttpError::method_not_allowed("GET").into());
    }
    if let Some(time) = event.query_param("sleep")? {
        sleep(time);
    }
    assert!(event.query_param_str("trap").is_none(), "as told");
    ensure!(event.query_param_str("error").is_none(), "as told");
    Ok(Response::text(version))
}

fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Makes the crate a version of that name, with hooks; and with something that it does before each
/// event.
#[macro_export]
macro_rules! version {
    ($version:literal) => {
        $crate::version!($version, || {});
    };
    ($version:literal, $before:expr) => {
        use lithe_sdk::{Event, Hooks, Message, Peer, Response, Result, State, UpgradeOptions};
        use test_guests_swap::{Saved, Swap};

        struct Version(Swap);

        impl Default for Version {
            fn default() -> Self {
                Self(Swap::new($version, $before))
            }
        }

        #[lithe_sdk::hooks(state)]
        impl Hooks for Version {
            fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
                self.0.upgrade(event)
            }

            fn message(&self, peer: &Peer, message: Message) -> Result<()> {
                self.0.message(peer, message)
            }

            fn resume(&self, peer: &Peer) -> Result<()> {
                self.0.resume(peer)
            }

            fn fallback(&self, event: Event) -> Result<Response> {
                self.0.fallback(event)
            }
        }

        impl State for Version {
            type Saved = Saved;

            fn save(&self) -> Result<Saved> {
                self.0.save()
            }

            fn restore(&self, saved: Saved) -> Result<()> {
                self.0.restore(saved)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    use lithe_sdk::testing::{TestEvent, TestSocket, hand_over, move_to_app, swap};

    fn version(version: &'static str) -> Rc<Swap> {
        Rc::new(Swap::new(version, || {}))
    }

    fn open(uri: &str, version: &Rc<Swap>) -> TestSocket {
        TestEvent::get(uri).upgrade(["chat"]).call_hooks(version).socket()
    }

    fn said(socket: &TestSocket, word: &str) -> Vec<String> {
        socket.send_text(word);
        socket.sent_text()
    }

    #[test]
    fn words_are_obeyed() {
        let v1 = version("v1");
        let socket = open("/?protocol=chat&resumed", &v1);
        assert_eq!(said(&socket, "1"), ["v1:1"]);
        assert_eq!(said(&socket, "subscribe:news"), ["v1:subscribe:news"]);
        assert_eq!(said(&socket, "publish:news:hi"), ["hi"]);
        assert_eq!(said(&socket, "count"), ["2"]);
        assert_eq!(said(&socket, "protocol"), ["chat"]);
        assert_eq!(said(&socket, "attachment"), ["resumed"]);
        let get = |uri: &str| TestEvent::get(uri).call_hooks(&v1).text();
        assert_eq!(
            (get("/"), get("/?sleep=1"), get("/?count")),
            ("v1".into(), "v1".into(), "2".into())
        );
        assert_eq!(TestEvent::post("/").call_hooks(&v1).status(), 405);
        assert!(TestEvent::get("/?pinned").upgrade([]).call_hooks(&v1).is_pinned());
        socket.send_text("close");
        assert_eq!(socket.closed(), Some((4000, "as told".into())));
    }

    #[test]
    fn a_swap_takes_the_count_along() {
        let (v1, v2) = (version("v1"), version("v2"));
        let (told, untold) = (open("/?resumed", &v1), open("/", &v1));
        assert_eq!(said(&untold, "1"), ["v1:1"]);
        swap(&v1, &v2).unwrap();
        assert_eq!(told.sent_text(), ["resumed:v2"]);
        assert_eq!(said(&untold, "2"), ["v2:2"]);
        assert_eq!(said(&untold, "count"), ["2"]);
    }

    #[test]
    fn a_swap_can_be_refused() {
        let (v1, v2) = (version("v1"), version("v2"));
        let socket = open("/", &v1);
        socket.send_text("save:refuse");
        assert!(hand_over(&*v1, &*v2).unwrap_err().to_string().contains("not restored"));
        socket.send_text("save:fail");
        assert!(hand_over(&*v1, &*v2).unwrap_err().to_string().contains("not saved"));
        socket.send_text("save:2000000");
        assert!(hand_over(&*v1, &*v2).unwrap_err().to_string().contains("the limit is"));
        assert!(hand_over(&*v1, &*v2).is_ok());
    }

    #[test]
    fn of_an_app_only_the_sockets_of_hooks_move() {
        let [v1, v2] = ["v1", "v2"].map(|name| app(version(name)));
        let open = |uri| TestEvent::get(uri).upgrade([]).call_app(&v1).socket();
        let (moved, pinned) = (open("/app/hooks?resumed"), open("/app/async"));
        move_to_app(&v2);
        assert_eq!(said(&moved, "1"), ["resumed:v2", "v2:1"]);
        assert_eq!(said(&pinned, "1"), ["v1:1"]);
        assert_eq!(TestEvent::get("/app/hooks").call_app(&v2).text(), "v2");
    }

    #[test]
    fn blocking_sessions_echo() {
        let call = |event| session("v1", &event);
        let socket = TestEvent::get("/").upgrade([]).call(call).socket();
        socket.send_text("1");
        socket.close(1000, "");
        assert_eq!(socket.sent_text(), ["v1:1"]);
        assert_eq!(TestEvent::get("/").call(call).text(), "v1");
    }
}
