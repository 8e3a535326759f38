//! A close that the host begins.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::capability::socket::CloseFrame;

/// Our close frame, and how long the peer may take to answer it.
pub(crate) struct Closing {
    /// The frame, until everything that is queued before it is sent.
    frame: Option<CloseFrame>,
    deadline: Pin<Box<Sleep>>,
}

impl Closing {
    /// The time begins now, and not when the frame is sent: a peer that does not read does not get
    /// more of it.
    pub(crate) fn new(frame: CloseFrame, time: Duration) -> Self {
        Self { frame: Some(frame), deadline: Box::pin(sleep(time)) }
    }

    /// Takes the frame out, once.
    pub(crate) fn take_frame(&mut self) -> Option<CloseFrame> {
        self.frame.take()
    }

    /// Whether the time is up. If not, the task is woken when it is.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().poll(cx).is_ready()
    }
}
