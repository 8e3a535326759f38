use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::testing::{TestEvent, TestSocket, advance};
use crate::{Hooks, Message, Peer, Result, Sender, Socket, UpgradeOptions, time};

/// Counts how many there are.
#[derive(Clone, Default)]
struct Alive(Rc<()>);

impl Alive {
    fn count(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }
}

fn open<F>(session: F) -> TestSocket
where
    F: AsyncFnOnce(Socket) -> Result<()> + 'static,
{
    TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept()).socket()
}

/// Runs it to its end.
fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let output = Rc::new(Cell::new(None));
    let to = Rc::clone(&output);
    spawn(async move { to.set(Some(future.await)) });
    executor::run();
    output.take().expect("the future does not wait for anything")
}

#[test]
fn a_task_s_output_is_its_handle_s() {
    assert_eq!(run(spawn(async { 7 })), Ok(7));
}

#[test]
fn a_cancelled_task_tells_the_one_that_waits_and_runs_its_destructors() {
    let alive = Alive::default();
    let (inside, handle) = (alive.clone(), Rc::new(RefCell::new(None)));
    handle.replace(Some(spawn(async move {
        let _inside = inside;
        pending::<()>().await;
    })));
    executor::run();
    let task = handle.take().unwrap();
    assert_eq!((alive.count(), task.is_finished()), (1, false));
    task.cancel();
    task.cancel();
    assert_eq!((alive.count(), task.is_finished()), (0, true));
    assert_eq!(run(task), Err(Cancelled));
}

#[test]
fn a_task_goes_on_without_its_handle_and_after_the_session_that_started_it() {
    let done = Rc::new(Cell::new(false));
    let to = Rc::clone(&done);
    let socket = open(async move |_| {
        drop(spawn(async move {
            time::sleep(Duration::from_secs(1)).await;
            to.set(true);
        }));
        Ok(())
    });
    assert!(socket.is_closed());
    advance(Duration::from_secs(1));
    assert!(done.get());
}

#[test]
fn yielding_takes_turns() {
    let turns = Rc::new(RefCell::new(String::new()));
    let task = |name| {
        let turns = Rc::clone(&turns);
        async move {
            for _ in 0..3 {
                turns.borrow_mut().push(name);
                yield_now().await;
            }
        }
    };
    assert_eq!(run(join(spawn(task('a')), spawn(task('b')))), (Ok(()), Ok(())));
    assert_eq!(*turns.borrow(), "ababab");
}

#[test]
fn select_takes_the_first_that_is_done_and_drops_the_other() {
    let alive = Alive::default();
    let inside = alive.clone();
    let never = async move {
        let _inside = inside;
        pending::<u8>().await
    };
    assert_eq!(run(select(never, async { 7 })), Either::Second(7));
    assert_eq!(alive.count(), 0);
    assert_eq!(run(select(async { 1 }, async { 2 })), Either::First(1));
}

#[test]
fn join_waits_for_both_and_polls_neither_after_its_end() {
    let slow = async {
        yield_now().await;
        yield_now().await;
        1
    };
    assert_eq!(run(join(async { 'a' }, slow)), ('a', 1));
}

#[test]
fn a_session_s_task_is_cancelled_when_the_session_returns() {
    let alive = Alive::default();
    let inside = alive.clone();
    let socket = open(async move |mut socket| {
        socket.spawn(async move {
            let _inside = inside;
            pending::<()>().await;
        });
        socket.next().await;
        Ok(())
    });
    assert_eq!(alive.count(), 1);
    socket.send_text("return");
    assert_eq!(socket.closed(), Some((1000, String::new())));
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_session_s_task_is_cancelled_when_the_client_leaves() {
    let alive = Alive::default();
    let inside = alive.clone();
    let socket = open(async move |socket| {
        let task = socket.spawn(async move {
            let _inside = inside;
            pending::<()>().await;
        });
        Ok(task.await?)
    });
    assert_eq!(alive.count(), 1);
    socket.disconnect();
    assert_eq!((alive.count(), socket.failure()), (0, None));
}

#[test]
fn a_task_for_each_message_leaves_nothing_behind() {
    let socket = open(async |mut socket| {
        while let Some(message) = socket.next_message().await {
            let to = socket.sender();
            socket.spawn(async move { to.send(&message) });
        }
        Ok(())
    });
    for _ in 0..3 {
        socket.send(["a".into(), "b".into()]);
    }
    assert_eq!(socket.sent_text(), ["a", "b", "a", "b", "a", "b"]);
    assert_eq!(scope::count(socket.id()), 0);
}

#[test]
fn a_socket_that_is_gone_starts_no_task() {
    let socket = open(async |_| Ok(()));
    let sender = Sender::new(socket.id());
    let task = sender.spawn(async { panic!("it must not run") });
    assert!(task.is_finished());
    executor::run();
    assert_eq!(scope::count(socket.id()), 0);
}

#[derive(Default)]
struct Clock(Alive);

impl Hooks for Clock {
    fn upgrade(&self, _: &crate::Event) -> Result<UpgradeOptions> {
        Ok(UpgradeOptions::default().pinned())
    }

    fn message(&self, peer: &Peer, _: Message) -> Result<()> {
        let (to, inside) = (peer.sender(), self.0.clone());
        peer.spawn(async move {
            let _inside = inside;
            let mut seconds = time::interval(Duration::from_secs(1));
            while to.send_text("tick").is_ok() {
                seconds.tick().await;
            }
        });
        Ok(())
    }
}

#[test]
fn hooks_start_tasks_that_end_with_the_socket() {
    let clock = Rc::new(Clock::default());
    let socket = TestEvent::get("/").upgrade([]).call_hooks(&clock).socket();
    socket.send_text("start");
    advance(Duration::from_secs(2));
    assert_eq!(socket.sent_text(), ["tick", "tick", "tick"]);
    assert_eq!(clock.0.count(), 1);
    socket.disconnect();
    assert_eq!(clock.0.count(), 0);
    assert_eq!(crate::testing::timers(), 0);
}
