//! Tasks that end with their session.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::mem::ManuallyDrop;

use super::{JoinHandle, handle};
use crate::executor::{self, TaskId};
use crate::{ReadyState, Sender};

thread_local! {
    /// By the socket's number. Never dropped, as an instance's memory is not.
    static TASKS: ManuallyDrop<RefCell<BTreeMap<u32, BTreeSet<TaskId>>>> = ManuallyDrop::default();
}

impl Sender {
    /// Starts a task that ends with this socket's session. When an async session returns, or when
    /// the socket has closed, the task is cancelled, and its destructors run. It is for async
    /// sessions and hooks. A task of hooks lives in the instance, so their
    /// [`upgrade`](crate::Hooks::upgrade) should say `pinned`.
    ///
    /// If the socket is gone, the task is cancelled before it begins.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lithe_sdk::{Result, Socket, SocketEvent, time};
    /// # async fn session(mut socket: Socket) -> Result<()> {
    /// let to = socket.sender();
    /// socket.spawn(async move {
    ///     let mut seconds = time::interval(Duration::from_secs(1));
    ///     while to.send_text("tick").is_ok() {
    ///         seconds.tick().await;
    ///     }
    /// });
    /// while let Some(message) = socket.next_message().await {
    ///     socket.send(&message)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (work, handle) = handle::pair(future);
        if self.state() == ReadyState::Closed {
            drop(work);
            return handle;
        }
        let socket = self.id();
        let task = executor::spawn_as(|task| {
            let entry = Entry { socket, task };
            async move {
                // Moved in as a whole, to be dropped with the task.
                let _entry = entry;
                work.await;
            }
        });
        TASKS.with(|tasks| tasks.borrow_mut().entry(socket).or_default().insert(task));
        handle.of(task)
    }
}

/// The session is over: cancels what it has started.
pub(crate) fn end(socket: u32) {
    let tasks = TASKS.with(|tasks| tasks.borrow_mut().remove(&socket));
    tasks.into_iter().flatten().for_each(executor::cancel);
}

/// A task among those of its socket, until it is dropped.
struct Entry {
    socket: u32,
    task: TaskId,
}

impl Drop for Entry {
    fn drop(&mut self) {
        TASKS.with(|tasks| {
            let mut tasks = tasks.borrow_mut();
            if let Some(of_socket) = tasks.get_mut(&self.socket) {
                of_socket.remove(&self.task);
                if of_socket.is_empty() {
                    tasks.remove(&self.socket);
                }
            }
        });
    }
}

/// How many tasks a socket has.
#[cfg(test)]
pub(super) fn count(socket: u32) -> usize {
    TASKS.with(|tasks| tasks.borrow().get(&socket).map_or(0, BTreeSet::len))
}
