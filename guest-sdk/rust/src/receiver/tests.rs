use std::future::poll_fn;

use anyhow::bail;

use super::*;
use crate::task::{Either, select};
use crate::testing::{TestEvent, TestSocket};

fn open<F>(session: F) -> TestSocket
where
    F: AsyncFnOnce(Socket) -> Result<()> + 'static,
{
    TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept()).socket()
}

#[test]
fn a_listener_hears_messages_and_then_how_it_ended() {
    let socket = open(async |mut socket| {
        let to = socket.sender();
        let info = socket.listen(|message| to.send(&message)).await?;
        assert_eq!((info.code, info.reason.as_str()), (4000, "bye"));
        assert_eq!(socket.listen(|_| bail!("there is no more")).await?.code, 1005);
        Ok(())
    });
    socket.send(["a".into(), vec![1].into()]);
    assert_eq!(socket.sent(), [Message::from("a"), Message::from(vec![1])]);
    socket.close(4000, "bye");
    assert_eq!(socket.failure(), None);
}

#[test]
fn a_listener_s_error_is_the_session_s() {
    let socket = open(async |mut socket| {
        socket.listen(|_| bail!("I do not like it")).await?;
        Ok(())
    });
    socket.send_text("a");
    assert_eq!(socket.failure().as_deref(), Some("I do not like it"));
}

#[test]
fn the_halves_of_a_socket_serve_two_tasks() {
    let socket = open(async |socket| {
        let (sender, mut receiver) = socket.split();
        let hearing = sender.spawn(async move {
            let mut count = 0;
            while let Some(message) = receiver.next_message().await {
                count += 1;
                sender.send_json(&(count, message.json::<u8>()?))?;
                if message.text() == "0" {
                    break;
                }
            }
            anyhow::Ok(count)
        });
        let count = hearing.await??;
        Ok(sender.send_text(format!("{count} in all"))?)
    });
    socket.send(["7".into(), "0".into()]);
    assert_eq!(socket.sent_text(), ["[1,7]", "[2,0]", "2 in all"]);
}

#[test]
fn a_socket_is_a_stream_to_other_crates() {
    let socket = open(async |mut socket| {
        let mut stream = Pin::new(&mut socket);
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            if let Some(text) = event.as_text() {
                stream.send_text(text)?;
            }
        }
        Ok(())
    });
    socket.send_text("a");
    socket.send_text("b");
    assert_eq!(socket.sent_text(), ["a", "b"]);
}

#[test]
fn nothing_is_lost_between_two_sockets_that_are_waited_for_together() {
    let (to_first, first) = relay();
    let socket = open(async move |mut socket| {
        let mut first = first.take().expect("it has opened");
        loop {
            match select(first.next_message(), socket.next_message()).await {
                Either::First(Some(message)) => {
                    socket.send_text(format!("1:{}", message.text()))?
                }
                Either::Second(Some(message)) => {
                    socket.send_text(format!("2:{}", message.text()))?
                }
                Either::First(None) | Either::Second(None) => return Ok(()),
            }
        }
    });
    to_first.send(["a".into(), "b".into()]);
    socket.send_text("c");
    to_first.send_text("d");
    assert_eq!(socket.sent_text(), ["1:a", "1:b", "2:c", "1:d"]);
}

/// A session that hands its receiving half to another.
fn relay() -> (TestSocket, std::rc::Rc<std::cell::Cell<Option<Receiver>>>) {
    let slot = std::rc::Rc::new(std::cell::Cell::new(None));
    let to = std::rc::Rc::clone(&slot);
    let socket = open(async move |socket| {
        let (_, receiver) = socket.split();
        to.set(Some(receiver));
        std::future::pending().await
    });
    (socket, slot)
}
