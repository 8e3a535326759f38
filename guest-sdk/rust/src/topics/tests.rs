use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::testing::{TestEvent, TestSocket, advance};
use crate::{Hooks, Message, Peer, Socket, task, time};

/// Subscribes to `news`, and does what the messages say.
async fn session(mut socket: Socket) -> Result<()> {
    socket.subscribe("news")?;
    while let Some(message) = socket.next_message().await {
        match &*message.text() {
            "leave" => socket.unsubscribe("news"),
            "close" => socket.close(1000, "")?,
            text => {
                let heard = socket.publish("news", text);
                socket.send_text(format!("{heard} heard it"))?;
            }
        }
    }
    Ok(())
}

fn join() -> TestSocket {
    TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept()).socket()
}

#[test]
fn all_others_hear_what_a_socket_publishes() {
    let (ann, bob, eve) = (join(), join(), join());
    ann.send_text("hi");
    assert_eq!(ann.sent_text(), ["2 heard it"]);
    assert_eq!((bob.sent_text(), eve.sent_text()), (vec!["hi".into()], vec!["hi".into()]));
}

#[test]
fn who_has_left_the_topic_or_is_gone_hears_nothing() {
    let (ann, bob, eve) = (join(), join(), join());
    bob.send_text("leave");
    eve.disconnect();
    assert_eq!(publish("news", "all"), 1);
    assert_eq!(ann.sent_text(), ["all"]);
    assert!(bob.sent().is_empty() && eve.sent().is_empty());
    assert_eq!((count("news"), count("nothing")), (1, 0));
    assert_eq!(members("news"), [Sender::new(ann.id())]);
    assert!(!Sender::new(bob.id()).is_subscribed("news"));
    assert_eq!(sockets(), [Sender::new(ann.id()), Sender::new(bob.id())]);
}

#[test]
fn a_closing_socket_is_not_counted() {
    let (ann, bob) = (join(), join());
    let session = task::spawn(async { publish("news", "x") });
    bob.send_text("close");
    assert_eq!(count("news"), 1);
    assert_eq!(ann.sent_text(), ["x"]);
    assert!(session.is_finished());
}

#[test]
fn handlers_and_tasks_publish_too() {
    let ann = join();
    let outcome = TestEvent::post("/").call(|_| publish("news", [1, 2]).to_string());
    assert_eq!(outcome.text(), "1");
    task::spawn(async {
        time::sleep(Duration::from_secs(1)).await;
        publish_json("news", &[3])
    });
    advance(Duration::from_secs(1));
    assert_eq!(ann.sent(), [Message::from(vec![1, 2]), Message::from("[3]")]);
}

#[test]
fn subscribing_twice_is_once_and_the_bounds_say_what_to_do() {
    let ann = join();
    let sender = Sender::new(ann.id());
    sender.subscribe("news").unwrap();
    assert_eq!(publish("news", "once"), 1);
    assert_eq!(ann.sent_text(), ["once"]);
    assert!(sender.is_subscribed("news") && !sender.is_subscribed("arts"));
    sender.subscribe("arts").unwrap();
    assert_eq!(sender.topics(), ["arts", "news"]);
    sender.unsubscribe("arts");
    assert_eq!(sender.topics(), ["news"]);
    for topic in 1..64 {
        sender.subscribe(format!("topic {topic}")).unwrap();
    }
    let error = sender.subscribe("one too many").unwrap_err();
    assert_eq!(error, SubscribeError::TooMany(64));
    assert!(error.to_string().contains("unsubscribe it from some"), "{error}");
    sender.subscribe("news").unwrap();
    assert_eq!(sender.subscribe("x".repeat(257)), Err(SubscribeError::NameTooLong));
    drop(ann);
    assert_eq!(sender.subscribe("news"), Err(SubscribeError::Closed));
    assert_eq!(sender.topics(), [""; 0]);
}

#[test]
fn a_subscription_after_the_client_has_left_is_no_failure() {
    let socket = TestEvent::get("/")
        .upgrade([])
        .call(|event| {
            event
                .ws()
                .upgrade(async |mut socket| {
                    while socket.next().await.is_some() {}
                    Err(SubscribeError::Closed.into())
                })
                .accept()
        })
        .socket();
    socket.disconnect();
    assert_eq!(socket.failure(), None);
}

struct Peers;

impl Hooks for Peers {
    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        for other in peer.peers() {
            other.send(&message)?;
        }
        Ok(())
    }
}

#[test]
fn a_peer_knows_all_peers() {
    let hooks = Rc::new(Peers);
    let join = || TestEvent::get("/").upgrade([]).call_hooks(&hooks).socket();
    let (ann, bob) = (join(), join());
    ann.send_text("hi");
    assert_eq!((ann.sent_text(), bob.sent_text()), (vec!["hi".into()], vec!["hi".into()]));
}
