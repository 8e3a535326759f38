//! The receiving half of an async session's socket, and other ways to receive.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::{CloseInfo, Message, Result, Sender, Socket, SocketEvent};

impl Socket {
    /// The next message, or `None` once the session has ended. Dropping the future loses nothing.
    pub async fn next_message(&mut self) -> Option<Message> {
        self.next().await?.into_message()
    }

    /// Calls `listener` with each message until the session ends, and returns how it ended.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    ///
    /// let outcome = TestEvent::get("/").upgrade([]).call(|event| {
    ///     event
    ///         .ws()
    ///         .upgrade(async |mut socket| {
    ///             let to = socket.sender();
    ///             socket.listen(|message| to.send_text(format!("echo:{}", message.text()))).await?;
    ///             Ok(())
    ///         })
    ///         .accept()
    /// });
    /// let socket = outcome.socket();
    /// socket.send_text("hi");
    /// assert_eq!(socket.sent_text(), ["echo:hi"]);
    /// ```
    ///
    /// # Errors
    /// The first error of the listener.
    pub async fn listen<E: Into<anyhow::Error>>(
        &mut self,
        mut listener: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<CloseInfo> {
        loop {
            match self.next().await {
                Some(SocketEvent::Text(text)) => listener(text.into()).map_err(Into::into)?,
                Some(SocketEvent::Binary(bytes)) => listener(bytes.into()).map_err(Into::into)?,
                Some(SocketEvent::Close(info)) => return Ok(info),
                // The session's end was taken before.
                None => return Ok(CloseInfo { code: 1005, reason: String::new(), clean: false }),
            }
        }
    }

    /// The two halves, for two tasks or for [`select`](crate::task::select) and
    /// [`join`](crate::task::join).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lithe_sdk::{Result, Socket, task, time};
    /// # async fn session(socket: Socket) -> Result<()> {
    /// let (sender, mut receiver) = socket.split();
    /// let talk = async {
    ///     loop {
    ///         sender.send_text("are you there?")?;
    ///         time::sleep(Duration::from_secs(10)).await;
    ///     }
    /// };
    /// let hear = receiver.listen(|message| sender.send_text(format!("you are: {}", message.text())));
    /// match task::select(hear, talk).await {
    ///     task::Either::First(end) => end.map(drop),
    ///     task::Either::Second(failed) => failed,
    /// }
    /// # }
    /// ```
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender(), Receiver { socket: self })
    }
}

/// A stream of the events of [`Socket::next`], for the combinators of other crates.
impl Stream for Socket {
    type Item = SocketEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        // A future for one poll: dropping it loses nothing.
        pin!(self.get_mut().next()).poll(cx)
    }
}

/// The receiving half of an async session's socket, from [`Socket::split`].
#[derive(Debug)]
pub struct Receiver {
    socket: Socket,
}

impl Receiver {
    /// See [`Socket::next`].
    pub async fn next(&mut self) -> Option<SocketEvent> {
        self.socket.next().await
    }

    /// See [`Socket::next_message`].
    pub async fn next_message(&mut self) -> Option<Message> {
        self.socket.next_message().await
    }

    /// See [`Socket::listen`].
    ///
    /// # Errors
    /// The first error of the listener.
    pub async fn listen<E: Into<anyhow::Error>>(
        &mut self,
        listener: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<CloseInfo> {
        self.socket.listen(listener).await
    }
}

impl Stream for Receiver {
    type Item = SocketEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        Pin::new(&mut self.socket).poll_next(cx)
    }
}

#[cfg(test)]
mod tests;
