//! The socket's side of a session: one poll sends what is queued, then reads what is ready.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use super::SessionLimits;
use super::closing::Closing;
use super::end::End;
use super::transport::Transport;
use super::wire::Wire;
use crate::capability::Context as PluginContext;
use crate::capability::account::{Account, Held};
use crate::capability::rate::Rate;
use crate::capability::socket::{CloseInfo, Look, Orders, Socket};
use crate::clock;
use crate::config::Limit;
use crate::message::{Borrowed, Messages, Opcode};

/// If more bytes are unsent, the socket is not read: a peer that does not read its answers may not
/// ask for more.
const MAX_UNSENT_WHILE_READING: usize = 64 * 1024;

/// How long a peer may send nothing, after everything is sent, before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);

/// What the session task has to do.
#[derive(Debug)]
pub(crate) enum Wake {
    /// `Bridge::messages` has messages.
    Messages,
    /// There is room for what the guest was refused.
    Drained,
    /// Nothing more will come. `Bridge::messages` may have the last messages.
    End(End),
}

/// A socket and its connection.
pub(crate) struct Bridge<S> {
    pub messages: Messages,
    transport: Transport<S>,
    /// Whether messages have just been left in the guest's queue.
    queued: bool,
    rate: Rate,
    messages_per_second: usize,
    socket: Arc<Socket>,
    /// The socket's plugin.
    plugin: Arc<PluginContext>,
    close_time: Duration,
    /// If more bytes are unsent, the socket is not read.
    max_unsent: usize,
    /// Our close, if the host closes first.
    closing: Option<Closing>,
    /// How long the end may take. None if nothing more can or should be sent.
    end_time: Option<Duration>,
    incoming: Incoming,
}

/// The message that the peer is sending. The sweep closes a socket whose message takes too long.
#[derive(Default)]
struct Incoming {
    /// The number of this message, or of the previous one. It begins with 1.
    number: u32,
    is_incomplete: bool,
}

impl Incoming {
    /// Notes whether a message is incomplete, and whether one has been completed before it. If that
    /// has changed, returns the number of the incomplete message: 0 if no message is incomplete.
    fn change(&mut self, is_incomplete: bool, completed: bool) -> Option<u32> {
        let was_incomplete = std::mem::replace(&mut self.is_incomplete, is_incomplete);
        match (was_incomplete, is_incomplete) {
            (true, true) if !completed => None,
            (_, true) => {
                self.number = self.number.wrapping_add(1).max(1);
                Some(self.number)
            }
            (true, false) => Some(0),
            (false, false) => None,
        }
    }
}

impl<S: Wire> Bridge<S> {
    pub(crate) fn new(
        stream: S,
        read: Bytes,
        socket: Arc<Socket>,
        plugin: Arc<PluginContext>,
        limits: SessionLimits,
    ) -> Self {
        // What is unsent, and the answers to a batch and to its last message, have to fit the queue
        // together.
        let room = limits.outbound.saturating_sub(limits.message) / 2;
        let charge = plugin.account.memory().charge(Held::Messages);
        if let Some(agreed) = &limits.deflate {
            socket.add_weight(agreed.memory());
        }
        Self {
            messages: Messages::of(socket.id),
            transport: Transport::new(stream, read, &limits, room, charge),
            queued: false,
            rate: Rate::default(),
            messages_per_second: limits.messages_per_second,
            max_unsent: MAX_UNSENT_WHILE_READING.min(room),
            socket,
            plugin,
            close_time: limits.close_time,
            closing: None,
            end_time: Some(limits.close_time),
            incoming: Incoming::default(),
        }
    }

    /// The account of the socket's site.
    pub(crate) fn account(&self) -> &Account {
        &self.plugin.account
    }

    /// The next event. Sends what is queued while it waits, and reads only while the guest is not
    /// behind. Cancel-safe: what has been read stays in `messages`.
    pub(crate) async fn next(&mut self) -> Wake {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Notes that the messages have been left for the task that runs the guest. That task also
    /// writes the answers.
    pub(crate) fn set_queued(&mut self) {
        self.queued = true;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        self.socket.liveness.set_busy(false);
        // The task is registered and has sent everything. It only has to wait for what comes next.
        if std::mem::take(&mut self.queued) && self.transport.poll_readable(cx).is_pending() {
            return Poll::Pending;
        }
        self.socket.register(cx.waker());
        loop {
            let look = match self.send(cx) {
                Ok(look) => look,
                Err(end) => return Poll::Ready(Wake::End(end)),
            };
            if look.drained {
                return Poll::Ready(Wake::Drained);
            }
            if !self.may_read(&look) {
                ready!(self.poll_caught_up(cx, &look));
                continue;
            }
            if let Some(wake) = ready!(self.poll_receive(cx)) {
                return Poll::Ready(wake);
            }
            // Only control frames came: send their answers, and look again.
        }
    }

    /// Whether the guest and the peer are not behind. After our close, only the peer's answer is
    /// still to come, and it does not have to wait.
    fn may_read(&self, look: &Look) -> bool {
        self.closing.is_some() || !(look.behind || look.buffered > self.max_unsent)
    }

    /// Ready if the guest has caught up since this look, and something has come to read. Otherwise
    /// the task is woken when that is so.
    fn poll_caught_up(&self, cx: &mut Context<'_>, look: &Look) -> Poll<()> {
        let comes = look.behind && self.transport.poll_readable(cx).is_ready();
        match comes && !self.socket.await_delivery() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Reads what is ready. Returns nothing if that was only control frames.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Wake>> {
        let before = self.messages.len();
        let read = self.transport.poll_read(cx, &mut self.messages);
        self.settle();
        if self.transport.take_alive() {
            self.socket.liveness.mark_alive();
        }
        let completed = self.messages.len() > before;
        if let Some(number) = self.incoming.change(self.transport.is_amid_message(), completed) {
            self.socket.liveness.set_message(number);
        }
        let end = self.admit(before, ready!(read));
        self.answer_for_the_guest();
        if end.is_none() && self.messages.is_empty() {
            return Poll::Ready(None);
        }
        // Other tasks must not write before what the decoder has answered.
        let unsent = self.transport.unsent();
        if unsent > 0 {
            self.socket.set_unsent(unsent);
        }
        if let Some(end) = end {
            return Poll::Ready(Some(Wake::End(end)));
        }
        self.socket.liveness.mark_active();
        self.socket.liveness.set_busy(true);
        Poll::Ready(Some(Wake::Messages))
    }

    /// Keeps the messages that the peer may send, of those that have just come behind `before`
    /// others. Returns how the session ends, if it does: `end`, or that there were too many.
    fn admit(&mut self, before: usize, end: Option<End>) -> Option<End> {
        if end.as_ref().is_some_and(End::is_too_large) {
            self.plugin.account.exceed(Limit::Message);
        }
        if self.closing.is_some() {
            // After our close, the guest gets no more messages, only the peer's answer.
            self.messages.clear();
            return end;
        }
        let came = self.messages.len() - before;
        let admitted = self.rate.admit(self.messages_per_second, came);
        if admitted == came {
            return end;
        }
        self.plugin.account.exceed(Limit::MessagesPerSecond);
        self.messages.truncate(before + admitted);
        Some(End::too_many())
    }

    /// Answers the messages that the site's settings answer, without calling the guest.
    fn answer_for_the_guest(&mut self) {
        let (answers, socket) = (&self.plugin.settings.auto_response, &self.socket);
        if answers.is_empty() {
            return;
        }
        let answer = |message: Borrowed<'_>| match message {
            Borrowed::Text(text) => answers.get(text),
            Borrowed::Binary(_) => None,
        };
        for message in self.messages.take().into_messages() {
            match answer(message.borrow()) {
                // If it is refused, the queue's policy decides, and the guest is not involved.
                Some(answer) => drop(socket.send(Opcode::Text, answer.as_bytes())),
                None => self.messages.push(message),
            }
        }
    }

    /// Sends what is queued, as far as the network takes it. Returns the state after that.
    ///
    /// # Errors
    /// The session has to end.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<Look, End> {
        let before = self.transport.unsent();
        let mut flushed = self.transport.poll_flush(cx);
        if self.transport.unsent() < before {
            // The network has room again, so the peer reads.
            self.socket.liveness.mark_alive();
        }
        let look = loop {
            if let Poll::Ready(Err(_)) = flushed {
                return Err(End::Lost);
            }
            // What the network does not take stays in the queue, where the queue's policy applies.
            let (socket, unsent) = (&self.socket, self.transport.unsent());
            let mut look = self.transport.queue(|out| socket.look(unsent, out));
            self.carry_out(&mut look.orders)?;
            if flushed.is_pending() || !(look.took || look.orders.ping || self.send_close()) {
                break look;
            }
            flushed = self.transport.poll_flush(cx);
        };
        self.settle();
        match self.closing.as_mut().is_some_and(|closing| closing.is_over(cx)) {
            true => Err(End::Unanswered),
            false => Ok(look),
        }
    }

    /// Carries out orders. A close frame waits for what is queued before it.
    ///
    /// # Errors
    /// The session has to end.
    fn carry_out(&mut self, orders: &mut Orders) -> Result<(), End> {
        if orders.terminate {
            return Err(End::Lost);
        }
        if orders.shed {
            self.transport.shed();
            if self.transport.is_amid_message()
                && let Some(frame) = orders.close.take()
            {
                // Nothing can be decoded after a part of a message is dropped.
                self.transport.forget_message();
                return Err(End::Violation { code: frame.code, reason: frame.reason.into() });
            }
        }
        if orders.ping {
            self.transport.ping();
        }
        if let Some(frame) = orders.close.take() {
            self.closing = Some(Closing::new(frame, self.close_time));
        }
        Ok(())
    }

    /// Appends our close frame, if it is to be sent now. Returns whether it was.
    fn send_close(&mut self) -> bool {
        let Some(frame) = self.closing.as_mut().and_then(Closing::take_frame) else { return false };
        self.transport.close(frame.code, &frame.reason);
        true
    }

    /// Charges the site with what the task holds of messages.
    fn settle(&mut self) {
        let held = self.transport.settle();
        self.socket.set_in_session(held);
    }

    /// Waits until the guest has handled the messages in its queue.
    pub(crate) async fn delivered(&mut self) {
        poll_fn(|cx| {
            self.socket.register(cx.waker());
            match self.socket.await_delivery() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Queues the last frame: the answer to the peer's close, or why the session fails.
    pub(crate) fn answer(&mut self, end: End) -> CloseInfo {
        let socket = &self.socket;
        self.transport.queue(|out| *out = socket.take_outbound());
        self.socket.set_closed();
        match &end {
            End::Closed { .. } => self.transport.answer(),
            End::Violation { code, reason } => self.transport.close(*code, reason),
            End::Unanswered if self.transport.unsent() == 0 => self.end_time = Some(LINGER),
            // A peer that has not read until now is not waited for again.
            End::Unanswered | End::Lost => self.end_time = None,
        }
        self.settle();
        end.info()
    }

    /// Sends the last frame and ends our side. Reads and discards what the peer still sends, from
    /// the start until the peer's end or until the time is up. A system that closes a connection
    /// with unread data resets it, and the peer may lose the last frame; and a peer may send
    /// everything before it reads.
    pub(crate) async fn finish(mut self) {
        let Some(time) = self.end_time else { return };
        let mut silence = Box::pin(sleep(LINGER));
        let mut is_shut = false;
        let finished = poll_fn(|cx| {
            if !is_shut {
                let sent = match self.transport.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.transport.poll_shutdown(cx),
                    other => other,
                };
                match sent {
                    Poll::Ready(Ok(())) => is_shut = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            let rest = self.transport.poll_drop_rest(cx);
            if !is_shut {
                return Poll::Pending;
            }
            if self.transport.take_alive() {
                silence.as_mut().reset(clock::after(Instant::now(), LINGER).into());
            }
            match rest {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => silence.as_mut().poll(cx),
            }
        });
        // It does not matter whether the peer ends its side in time.
        let _ = timeout(time, finished).await;
    }
}
