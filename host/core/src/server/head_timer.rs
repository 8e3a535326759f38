//! The time that a client has for a request's head. hyper sets a timer for each request, and
//! clients rarely need all of the time. So setting it only notes the deadline, and the connection's
//! one timer, when it goes off, is set to the deadline that holds by then.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

use crate::clock;

/// The timer of a connection.
#[derive(Clone, Default)]
pub(crate) struct HeadTimer(Arc<Mutex<Option<Alarm>>>);

type Alarm = Pin<Box<tokio::time::Sleep>>;

/// Waits for a deadline.
struct Waiting {
    deadline: Instant,
    timer: HeadTimer,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(clock::after(Instant::now(), duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Waiting { deadline, timer: self.clone() })
    }
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.into();
        let mut alarm = self.timer.0.lock();
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() == deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_deadline_is_kept_whatever_was_set_before() {
        let timer = HeadTimer::default();
        let began = Instant::now();
        // Answered in time: the timer is set, and dropped.
        assert!(futures_util::poll!(timer.sleep_until(began + SOON)).is_pending());
        timer.sleep_until(began + SOON * 2).await;
        assert!(began.elapsed() >= SOON * 2, "later than the timer was set to");
        assert!(futures_util::poll!(timer.sleep_until(began + LATE)).is_pending());
        timer.sleep_until(began + SOON * 3).await;
        assert!(began.elapsed() < LATE, "earlier");
        timer.sleep_until(began).await;
    }
}
