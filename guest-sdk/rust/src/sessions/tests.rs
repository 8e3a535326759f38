use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use anyhow::bail;

use super::SESSIONS;
use crate::instance::Hear;
use crate::testing::{TestEvent, TestSocket};
use crate::{
    BlockingSocket, CloseError, Message, ReadyState, Result, SendError, Sender, Socket, SocketEvent,
};

fn open<F>(session: F) -> TestSocket
where
    F: AsyncFnOnce(Socket) -> Result<()> + 'static,
{
    TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept()).socket()
}

fn open_blocking(session: impl FnOnce(BlockingSocket) -> Result<()> + 'static) -> TestSocket {
    TestEvent::get("/")
        .upgrade([])
        .call(|event| event.ws().upgrade_blocking(session).accept())
        .socket()
}

/// Sends back what comes, and writes down every event.
async fn echo(mut socket: Socket, seen: Rc<RefCell<Vec<SocketEvent>>>) -> Result<()> {
    while let Some(event) = socket.next().await {
        seen.borrow_mut().push(event.clone());
        match event {
            SocketEvent::Text(text) => socket.send_text(text)?,
            SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
            SocketEvent::Close(_) => {}
        }
    }
    Ok(())
}

fn open_echo() -> (TestSocket, Rc<RefCell<Vec<SocketEvent>>>) {
    let seen = Rc::default();
    (
        open({
            let seen = Rc::clone(&seen);
            async move |socket| echo(socket, seen).await
        }),
        seen,
    )
}

#[test]
fn a_session_that_returns_closes_with_1000() {
    let socket = open(async |socket| Ok(socket.send_text("bye")?));
    assert_eq!(socket.sent_text(), ["bye"]);
    assert_eq!(socket.closed(), Some((1000, String::new())));
}

#[test]
fn a_session_that_fails_closes_with_1011_and_tells_only_the_log() {
    let socket = open(async |_| bail!("the database is gone"));
    assert_eq!(socket.closed(), Some((1011, String::new())));
    assert_eq!(socket.failure().as_deref(), Some("the database is gone"));
}

#[test]
fn a_session_s_own_close_wins_over_its_return() {
    let socket = open(async |socket| Ok(socket.close(4001, "go away")?));
    assert_eq!(socket.closed(), Some((4001, "go away".into())));
}

#[test]
fn messages_of_one_call_and_of_several_arrive_in_order() {
    let (socket, _) = open_echo();
    socket.send([Message::from("a"), Message::from(vec![1]), Message::from("b")]);
    socket.send_text("c");
    assert_eq!(
        socket.sent(),
        [Message::from("a"), Message::from(vec![1]), Message::from("b"), Message::from("c")]
    );
}

#[test]
fn close_arrives_once_and_after_what_came_before() {
    let (socket, seen) = open_echo();
    socket.send_text("a");
    socket.close(1000, "bye");
    socket.disconnect();
    socket.send_text("too late");
    let seen = seen.borrow();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], SocketEvent::Text("a".into()));
    let SocketEvent::Close(info) = &seen[1] else { panic!("{seen:?}") };
    assert_eq!((info.code, info.reason.as_str(), info.clean), (1000, "bye", true));
}

#[test]
fn a_lost_connection_is_1006_and_not_clean() {
    let (socket, seen) = open_echo();
    socket.disconnect();
    let seen = seen.borrow();
    let [SocketEvent::Close(info)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((info.code, info.clean), (1006, false));
    assert_eq!(socket.closed(), None);
}

#[test]
fn a_session_that_waits_for_something_else_is_dropped_at_its_close() {
    let dropped = Rc::new(Cell::new(false));
    struct Guard(Rc<Cell<bool>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let guard = Guard(Rc::clone(&dropped));
    let socket = open(async move |_| {
        let _guard = guard;
        std::future::pending().await
    });
    assert!(!dropped.get());
    socket.close(1000, "");
    assert!(dropped.get());
}

#[test]
fn messages_after_a_session_s_return_are_ignored() {
    let id = {
        let socket = open(async |_| Ok(()));
        SESSIONS.with(|sessions| sessions.received(socket.id(), vec!["late".into()]));
        socket.id()
    };
    SESSIONS.with(|sessions| sessions.received(id, vec!["later".into()]));
    SESSIONS.with(|sessions| sessions.received(4_000_000_000, vec!["never".into()]));
}

#[test]
fn a_handshake_that_is_not_completed_drops_the_closure_without_running_it() {
    let (ran, token) = (Rc::new(Cell::new(false)), Rc::new(()));
    let outcome = TestEvent::get("/").upgrade([]).call({
        let (ran, token) = (Rc::clone(&ran), Rc::clone(&token));
        |event| {
            event
                .ws()
                .upgrade(async move |_| {
                    let _token = token;
                    ran.set(true);
                    Ok(())
                })
                .accept()
        }
    });
    outcome.abandon();
    assert!(!ran.get());
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn open_without_an_accepted_session_fails_the_socket() {
    let (socket, _) = open_echo();
    // A fresh instance after a swap would know nothing of the socket.
    drop(SESSIONS.with(|sessions| sessions.remove(socket.id())));
    SESSIONS.with(|sessions| sessions.opened(socket.id()));
    assert!(socket.failure().unwrap().contains("no session of this instance"));
}

#[test]
fn what_is_sent_to_a_closed_socket_is_an_error_and_not_a_failure() {
    let kept: Rc<Cell<Option<Sender>>> = Rc::default();
    let socket = open({
        let kept = Rc::clone(&kept);
        async move |mut socket| {
            kept.set(Some(socket.sender()));
            while let Some(event) = socket.next().await {
                if event == SocketEvent::Text("close".into()) {
                    socket.close(1000, "")?;
                    socket.send_text("after")?;
                }
            }
            Ok(())
        }
    });
    socket.send_text("close");
    assert_eq!(socket.closed(), Some((1000, String::new())));
    assert_eq!(socket.failure(), None);
    let sender = kept.get().unwrap();
    assert_eq!(sender.send_text("later"), Err(SendError::Closed));
    assert_eq!(sender.state(), ReadyState::Closed);
    assert!(sender.event().is_none());
}

#[test]
fn a_bad_close_leaves_the_socket_usable() {
    let socket = open(async |mut socket| {
        assert_eq!(socket.close(1005, ""), Err(CloseError::InvalidCode(1005)));
        assert_eq!(socket.close(1000, "x".repeat(124)), Err(CloseError::ReasonTooLong));
        assert_eq!(socket.state(), ReadyState::Open);
        socket.send_text("still here")?;
        socket.next().await;
        Ok(())
    });
    assert_eq!(socket.sent_text(), ["still here"]);
    assert!(!socket.is_closed());
}

#[test]
fn terminate_ends_without_a_close_frame() {
    let socket = open(async |mut socket| {
        socket.terminate();
        let Some(SocketEvent::Close(info)) = socket.next().await else { bail!("no close") };
        assert_eq!(info.code, 1006);
        assert_eq!(socket.next().await, None);
        Ok(())
    });
    assert!(socket.is_closed());
    assert_eq!((socket.closed(), socket.failure()), (None, None));
}

#[test]
fn sessions_reach_each_other_by_senders_and_by_wakers() {
    #[derive(Default)]
    struct Turn {
        taken: Cell<bool>,
        waiting: RefCell<Option<Waker>>,
    }
    let turn = Rc::new(Turn::default());
    let waits = open({
        let turn = Rc::clone(&turn);
        async move |socket| {
            poll_fn(|cx| {
                turn.waiting.replace(Some(cx.waker().clone()));
                if turn.taken.get() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            Ok(socket.send_text("my turn")?)
        }
    });
    let to = Sender::new(waits.id());
    let wakes = open(async move |mut socket| {
        socket.next().await;
        to.send_text("from the other")?;
        turn.taken.set(true);
        turn.waiting.take().expect("the first session waits").wake();
        Ok(())
    });
    assert!(waits.sent().is_empty());
    wakes.send_text("go");
    assert_eq!(waits.sent_text(), ["from the other", "my turn"]);
    assert_eq!(waits.closed(), Some((1000, String::new())));
}

#[test]
fn a_plain_request_wakes_a_session_of_its_instance() {
    let (called, waker) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(None::<Waker>)));
    let socket = open({
        let (called, waker) = (Rc::clone(&called), Rc::clone(&waker));
        async move |socket| {
            poll_fn(|cx| {
                waker.replace(Some(cx.waker().clone()));
                if called.get() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            Ok(socket.send_text("someone called")?)
        }
    });
    let _answer = TestEvent::get("/").call(|_| {
        called.set(true);
        waker.take().expect("the session waits").wake();
        "ok"
    });
    assert_eq!(socket.sent_text(), ["someone called"]);
}

#[test]
fn a_session_that_ends_another_gets_it_closed_in_the_same_turn() {
    let (victim, seen) = open_echo();
    let other = Sender::new(victim.id());
    let _killer = open(async move |_| Ok(other.close(4000, "out")?));
    assert_eq!(victim.closed(), Some((4000, "out".into())));
    assert!(matches!(seen.borrow().as_slice(), [SocketEvent::Close(_)]));
}

#[test]
fn a_blocking_session_gets_everything_and_then_its_close() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let socket = open_blocking({
        let seen = Rc::clone(&seen);
        move |mut socket| {
            while let Some(event) = socket.next() {
                if let SocketEvent::Text(text) = &event {
                    socket.send_text(format!("echo:{text}"))?;
                }
                seen.borrow_mut().push(event);
            }
            Ok(())
        }
    });
    socket.send_text("a");
    socket.send_binary([1]);
    assert!(socket.sent().is_empty(), "it has not run yet");
    socket.close(1001, "bye");
    assert_eq!(socket.sent_text(), ["echo:a"]);
    assert_eq!(seen.borrow().len(), 3);
    assert_eq!(socket.closed(), Some((1001, "bye".into())));
}

#[test]
fn a_blocking_session_ends_as_an_async_one_does() {
    let socket = open_blocking(|_| Ok(()));
    socket.disconnect();
    assert_eq!(socket.closed(), Some((1000, String::new())));

    let socket = open_blocking(|_| bail!("no"));
    socket.disconnect();
    assert_eq!(socket.closed(), Some((1011, String::new())));
    assert_eq!(socket.failure().as_deref(), Some("no"));
}
