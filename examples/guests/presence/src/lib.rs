//! `/presence`: who is online, by `?name=`. Everyone is told when someone comes or goes, and plain
//! HTTP gets the same list.
//!
//! Nothing of it is in this plugin's memory: the sockets are the host's, and each has its name with
//! it. So the instance may go while they stay, and a newer version of the plugin finds them all.

use lithe_sdk::{
    CloseInfo, Event, Hooks, HttpError, Peer, ReadyState, Response, Result, UpgradeOptions, topics,
};
use serde::{Deserialize, Serialize};

const TOPIC: &str = "presence";

/// The longest name, in characters.
const MAX_NAME: usize = 40;

/// What the host keeps with each socket.
#[derive(Serialize, Deserialize)]
struct Visitor {
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Online {
    online: usize,
    names: Vec<String>,
}

impl Online {
    fn now() -> Result<Self> {
        let open =
            topics::sockets().into_iter().filter(|socket| socket.state() == ReadyState::Open);
        let visitors = open.map(|socket| socket.context::<Visitor>());
        let mut names = visitors.map(|visitor| Ok(visitor?.name)).collect::<Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(Self { online: names.len(), names })
    }

    fn tell_everyone() -> Result<()> {
        topics::publish_json(TOPIC, &Self::now()?)?;
        Ok(())
    }
}

#[derive(Default)]
struct Presence;

#[lithe_sdk::hooks]
impl Hooks for Presence {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        let name = event.query_param_str("name").unwrap_or_else(|| "anonymous".into());
        if name.is_empty() || name.chars().count() > MAX_NAME {
            let message = format!("`name` is not 1 to {MAX_NAME} characters long");
            return Err(HttpError::bad_request(message).into());
        }
        Ok(UpgradeOptions::default().context(&Visitor { name })?)
    }

    fn open(&self, peer: &Peer) -> Result<()> {
        peer.subscribe(TOPIC)?;
        Online::tell_everyone()
    }

    fn close(&self, _: &Peer, _: CloseInfo) -> Result<()> {
        Online::tell_everyone()
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        match event.method().as_str() {
            "GET" => Response::json(&Online::now()?),
            _ => Err(HttpError::method_not_allowed("GET").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::{TestEvent, TestSocket};

    /// Each time in a fresh instance, as after hibernation.
    fn instance() -> Rc<Presence> {
        Rc::new(Presence)
    }

    fn join(name: &str) -> TestSocket {
        let uri = format!("/presence?name={name}");
        TestEvent::get(&uri).upgrade([]).call_hooks(&instance()).socket()
    }

    fn online<const N: usize>(names: [&str; N]) -> Online {
        Online { online: N, names: names.map(Into::into).to_vec() }
    }

    fn heard(socket: &TestSocket) -> Vec<Online> {
        socket.sent().iter().map(|message| message.json().expect("who is online")).collect()
    }

    #[test]
    fn everyone_hears_who_comes_and_who_goes() {
        let bob = join("Bob");
        assert_eq!(heard(&bob), [online(["Bob"])]);
        let ann = join("Ann");
        assert_eq!(heard(&bob), [online(["Ann", "Bob"])]);
        assert_eq!(heard(&ann), [online(["Ann", "Bob"])]);
        ann.disconnect();
        assert_eq!(heard(&bob), [online(["Bob"])]);
        assert!(heard(&ann).is_empty());
    }

    #[test]
    fn plain_http_gets_the_same() {
        let get = || TestEvent::get("/presence").call_hooks(&instance());
        assert_eq!(get().text(), r#"{"online":0,"names":[]}"#);
        let _ann = join("Ann");
        assert_eq!(get().json::<Online>(), online(["Ann"]));
        assert_eq!(TestEvent::post("/presence").call_hooks(&instance()).status(), 405);
    }

    #[test]
    fn who_has_accepted_and_never_opened_is_not_there() {
        let ann = join("Ann");
        TestEvent::get("/presence?name=Bob").upgrade([]).call_hooks(&instance()).abandon();
        assert!(heard(&ann).iter().all(|heard| *heard == online(["Ann"])));
    }

    #[test]
    fn a_name_is_decoded_bounded_and_not_demanded() {
        let status = |name: &str| {
            let uri = format!("/presence?name={name}");
            TestEvent::get(&uri).upgrade([]).call_hooks(&instance()).status()
        };
        assert_eq!((status(""), status(&"x".repeat(41)), status(&"x".repeat(40))), (400, 400, 101));
        let nameless = TestEvent::get("/presence").upgrade([]).call_hooks(&instance()).socket();
        let zoe = join("Zo%C3%AB");
        assert_eq!(heard(&zoe), [online(["Zoë", "anonymous"])]);
        drop(nameless);
    }
}
