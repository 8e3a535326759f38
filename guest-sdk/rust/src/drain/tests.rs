use std::cell::Cell;
use std::rc::Rc;

use crate::testing::{TestEvent, TestSocket};
use crate::{Hooks, Message, Peer, Result, SendError, Sender, Socket, task};

fn open<F>(session: F) -> TestSocket
where
    F: AsyncFnOnce(Socket) -> Result<()> + 'static,
{
    TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept()).socket()
}

#[test]
fn a_full_queue_refuses_and_says_when_it_has_room_again() {
    let socket = open(async |mut socket| {
        socket.next().await;
        for text in ["one", "two", "three"] {
            while socket.send_text(text) == Err(SendError::QueueFull) {
                socket.wait_for_drain().await;
            }
        }
        Ok(())
    });
    socket.limit_outbound(6);
    socket.send_text("go");
    assert_eq!(socket.sent_text(), ["one", "two"]);
    assert_eq!(Sender::new(socket.id()).buffered_amount(), 6);
    socket.drain();
    assert_eq!(socket.sent_text(), ["three"]);
    assert_eq!(socket.closed(), Some((1000, String::new())));
}

#[test]
fn where_no_send_was_refused_there_is_nothing_to_wait_for() {
    let socket = open(async |socket| {
        socket.send_text("a")?;
        socket.wait_for_drain().await;
        Ok(socket.send_text("b")?)
    });
    assert_eq!(socket.sent_text(), ["a", "b"]);
    socket.drain();
}

#[test]
fn all_who_wait_for_the_same_socket_hear_of_it_also_of_its_end() {
    let heard = Rc::new(Cell::new(0));
    let wait = |sender: Sender| {
        let heard = Rc::clone(&heard);
        task::spawn(async move {
            sender.wait_for_drain().await;
            heard.set(heard.get() + 1);
        })
    };
    let fill = || {
        let socket = open(async |mut socket| {
            while socket.next().await.is_some() {}
            Ok(())
        });
        socket.limit_outbound(0);
        let sender = Sender::new(socket.id());
        assert_eq!(sender.send_text("x"), Err(SendError::QueueFull));
        wait(sender);
        wait(sender);
        socket
    };
    fill().drain();
    assert_eq!(heard.get(), 2);
    let socket = fill();
    assert_eq!(heard.get(), 2);
    socket.disconnect();
    assert_eq!(heard.get(), 4);
}

/// Sends bytes until there is no room, and again when there is.
struct Flood;

impl Hooks for Flood {
    fn message(&self, peer: &Peer, _: Message) -> Result<()> {
        self.drain(peer)
    }

    fn drain(&self, peer: &Peer) -> Result<()> {
        loop {
            match peer.send_binary([0; 4]) {
                Err(SendError::QueueFull) => return Ok(()),
                sent => sent?,
            }
        }
    }
}

#[test]
fn hooks_send_on_in_their_drain() {
    let socket = TestEvent::get("/").upgrade([]).call_hooks(&Rc::new(Flood)).socket();
    socket.limit_outbound(10);
    socket.send_text("go");
    assert_eq!(socket.sent().len(), 2);
    socket.drain();
    assert_eq!(socket.sent().len(), 2);
    socket.limit_outbound(100);
    socket.drain();
    assert_eq!(socket.sent().len(), 25);
}
