//! Waiting until a full outbound queue has room again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::task::{Context, Poll, Waker};

use crate::{SendError, Sender};

thread_local! {
    /// The sockets whose queue a send has found full, and the tasks that wait for them. Never
    /// dropped, as an instance's memory is not.
    static FULL: ManuallyDrop<RefCell<BTreeMap<u32, Vec<Waker>>>> = ManuallyDrop::default();
}

impl Sender {
    /// Waits until the socket's outbound queue has emptied, after a send has found it full
    /// ([`SendError::QueueFull`]), or until the socket has ended. If no send has found it full, it
    /// returns at once. It is for async sessions and tasks; hooks have
    /// [`drain`](crate::Hooks::drain).
    ///
    /// ```
    /// # use lithe_sdk::{Result, SendError, Socket};
    /// /// Sends no faster than the client reads.
    /// async fn download(socket: Socket, parts: Vec<Vec<u8>>) -> Result<()> {
    ///     for part in parts {
    ///         while let Err(error) = socket.send_binary(&part) {
    ///             match error {
    ///                 SendError::QueueFull => socket.wait_for_drain().await,
    ///                 error => return Err(error.into()),
    ///             }
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn wait_for_drain(&self) {
        poll_fn(|cx| poll(self.id(), cx)).await;
    }
}

/// Notes whether a send has found the queue full.
pub(crate) fn note(socket: u32, sent: Result<(), SendError>) -> Result<(), SendError> {
    if sent == Err(SendError::QueueFull) {
        FULL.with(|full| {
            full.borrow_mut().entry(socket).or_default();
        });
    }
    sent
}

/// The queue has emptied, or the socket has ended.
pub(crate) fn over(socket: u32) {
    let waiting = FULL.with(|full| full.borrow_mut().remove(&socket));
    waiting.into_iter().flatten().for_each(Waker::wake);
}

fn poll(socket: u32, cx: &Context<'_>) -> Poll<()> {
    FULL.with(|full| match full.borrow_mut().get_mut(&socket) {
        None => Poll::Ready(()),
        Some(waiting) => {
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            Poll::Pending
        }
    })
}

#[cfg(test)]
mod tests;
