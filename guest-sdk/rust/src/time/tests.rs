use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use super::*;
use crate::task::{JoinHandle, spawn};
use crate::testing::{TestEvent, advance, timers};
use crate::{Result, Socket};

const SECOND: Duration = Duration::from_secs(1);

/// What happened, and how many milliseconds after the start.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<(u128, &'static str)>>>);

impl Log {
    fn add(&self, what: &'static str) {
        self.0.borrow_mut().push((sys::monotonic().as_millis(), what));
    }

    fn take(&self) -> Vec<(u128, &'static str)> {
        self.0.take()
    }

    fn after(&self, wait: Duration, what: &'static str) -> JoinHandle<()> {
        let log = self.clone();
        spawn(async move {
            sleep(wait).await;
            log.add(what);
        })
    }
}

#[test]
fn waits_end_in_order_and_each_at_its_own_time() {
    let log = Log::default();
    log.after(2 * SECOND, "second");
    log.after(SECOND, "first");
    log.after(2 * SECOND, "second too");
    log.after(3 * SECOND, "third");
    advance(Duration::from_millis(2500));
    assert_eq!(log.take(), [(1000, "first"), (2000, "second"), (2000, "second too")]);
    advance(Duration::from_millis(500));
    assert_eq!(log.take(), [(3000, "third")]);
}

#[test]
fn however_many_wait_the_host_keeps_one_timer_and_in_the_end_none() {
    let log = Log::default();
    let tasks: Vec<_> = (1..=100).map(|seconds| log.after(seconds * SECOND, "up")).collect();
    assert_eq!(timers(), 1);
    advance(50 * SECOND);
    assert_eq!((log.take().len(), timers()), (50, 1));
    tasks.iter().for_each(JoinHandle::cancel);
    assert_eq!(timers(), 0);
    advance(100 * SECOND);
    assert!(log.take().is_empty());
}

#[test]
fn a_later_wait_takes_over_where_the_earliest_is_dropped() {
    let log = Log::default();
    let first = log.after(SECOND, "first");
    log.after(2 * SECOND, "second");
    assert_eq!(timers(), 1);
    first.cancel();
    advance(2 * SECOND);
    assert_eq!(log.take(), [(2000, "second")]);
    assert_eq!(timers(), 0);
}

#[test]
fn an_earlier_wait_goes_before_one_that_the_host_was_asked_for() {
    let log = Log::default();
    log.after(2 * SECOND, "second");
    assert_eq!(timers(), 1);
    log.after(SECOND, "first");
    advance(2 * SECOND);
    assert_eq!(log.take(), [(1000, "first"), (2000, "second")]);
}

#[test]
fn parts_of_a_millisecond_are_rounded_up_and_ages_do_not_overflow() {
    assert_eq!(queue::millis(Duration::ZERO), 0);
    assert_eq!(queue::millis(Duration::from_nanos(1)), 1);
    assert_eq!(queue::millis(Duration::from_micros(1001)), 2);
    assert_eq!(queue::millis(Duration::MAX), u32::MAX);
    let log = Log::default();
    log.after(Duration::MAX, "never");
    log.after(Duration::from_secs(60 * 24 * 60 * 60), "in sixty days");
    advance(Duration::from_secs(61 * 24 * 60 * 60));
    assert_eq!(log.take(), [(60 * 24 * 60 * 60 * 1000, "in sixty days")]);
}

#[test]
fn a_time_limit_ends_only_what_is_too_slow() {
    let log = Log::default();
    let quick = spawn(timeout(SECOND, async { 7 }));
    let slow = spawn({
        let log = log.clone();
        async move {
            let result = timeout(SECOND, pending::<()>()).await;
            log.add("up");
            result
        }
    });
    let both = spawn(async { (quick.await, slow.await) });
    advance(2 * SECOND);
    assert_eq!(log.take(), [(1000, "up")]);
    assert!(both.is_finished());
    let outcome = spawn(async move {
        assert_eq!(both.await, Ok((Ok(Ok(7)), Ok(Err(Elapsed)))));
    });
    advance(Duration::ZERO);
    assert!(outcome.is_finished());
}

#[test]
fn an_interval_keeps_its_rhythm_and_does_not_make_up_for_ticks_that_were_missed() {
    let log = Log::default();
    let ticking = log.clone();
    spawn(async move {
        let mut interval = interval(SECOND);
        // Half a second of each period is work, and once there is far too much of it.
        for work in [500, 500, 2700, 0] {
            interval.tick().await;
            ticking.add("tick");
            sleep(Duration::from_millis(work)).await;
        }
        interval.tick().await;
        ticking.add("last");
    });
    advance(10 * SECOND);
    let times: Vec<_> = log.take().into_iter().map(|(at, _)| at).collect();
    // The late one comes as soon as the host has had its turn, which takes a millisecond here.
    assert_eq!(times, [1000, 2000, 3000, 5701, 6701]);
}

#[test]
fn a_tick_that_nobody_waited_for_to_its_end_is_not_lost() {
    let log = Log::default();
    let ticking = log.clone();
    spawn(async move {
        let mut interval = interval(2 * SECOND);
        assert_eq!(timeout(SECOND, interval.tick()).await, Err(Elapsed));
        interval.tick().await;
        ticking.add("tick");
    });
    advance(2 * SECOND);
    assert_eq!(log.take(), [(2000, "tick")]);
}

#[test]
fn a_period_of_nothing_is_a_millisecond() {
    let log = Log::default();
    let ticking = log.clone();
    spawn(async move {
        let mut interval = interval(Duration::ZERO);
        loop {
            interval.tick().await;
            ticking.add("tick");
        }
    });
    advance(Duration::from_millis(3));
    assert_eq!(log.take(), [(1, "tick"), (2, "tick"), (3, "tick")]);
}

#[test]
fn what_a_session_waits_for_ends_with_the_session() {
    async fn session(socket: Socket) -> Result<()> {
        let mut seconds = interval(SECOND);
        loop {
            seconds.tick().await;
            socket.send_text("tick")?;
        }
    }
    let open =
        || TestEvent::get("/").upgrade([]).call(|event| event.ws().upgrade(session).accept());
    let (ann, bob) = (open().socket(), open().socket());
    advance(2 * SECOND);
    assert_eq!(ann.sent_text(), ["tick", "tick"]);
    ann.close(1000, "");
    advance(SECOND);
    assert_eq!((ann.sent().len(), bob.sent().len()), (0, 3));
    assert_eq!((ann.failure(), timers()), (None, 1));
    bob.disconnect();
    assert_eq!(timers(), 0);
}

#[test]
fn the_time_of_day_goes_with_the_test() {
    let before = now();
    advance(90 * SECOND);
    assert_eq!(now(), before + 90 * SECOND);
}

#[test]
fn a_blocking_session_sees_how_long_its_client_was_silent() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let socket = TestEvent::get("/")
        .upgrade([])
        .call(move |event| {
            event
                .ws()
                .upgrade_blocking(move |mut socket| {
                    loop {
                        let received = socket.receive_timeout(SECOND);
                        log.borrow_mut().push(match &received {
                            Ok(Some(event)) => event.as_text().unwrap_or("close").to_owned(),
                            Ok(None) => "none".to_owned(),
                            Err(Elapsed) => "up".to_owned(),
                        });
                        if received == Ok(None) {
                            return Ok(());
                        }
                    }
                })
                .accept()
        })
        .socket();
    socket.send_text("a");
    advance(Duration::from_millis(2500));
    socket.send_text("b");
    advance(SECOND);
    socket.close(1000, "");
    assert_eq!(*seen.borrow(), ["a", "up", "up", "b", "close", "none"]);
}
