//! A streamed response: the guest's side is a session, and the client's side is a body that hyper
//! polls.
//!
//! hyper asks for the next piece when it has sent the last one, which is the backpressure. If it
//! drops the body before its end, the client has left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::{Notify, oneshot};

use super::{ends, run_guest};
use crate::capability::account::{Charge, Held};
use crate::capability::socket::{CloseInfo, Orders, Socket};
use crate::outgoing::Outgoing;
use crate::plugin::{Guest, Session};

/// What a guest sends, as a response's body.
#[derive(Debug)]
pub struct StreamBody {
    socket: Arc<Socket>,
    /// The rest of the piece of which hyper has a part.
    piece: Bytes,
    /// Pieces that hyper has not asked for yet.
    taken: Outgoing,
    /// Charges the site with the pieces that are not shared.
    charge: Charge,
    /// Notified when there is room for what the guest was refused.
    drained: Arc<Notify>,
    /// Gets the end of the stream.
    ended: Option<oneshot::Sender<CloseInfo>>,
    ending: Option<Ending>,
}

/// How many bytes hyper gets at once.
const MAX_PART: usize = 64 * 1024;

/// What follows the last piece.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The body is complete.
    Complete,
    /// The body is cut off after what was sent has gone out.
    CutOffSoon,
    /// The body is cut off, so that the client does not take it for whole.
    CutOff,
}

/// Makes the body of a stream, and the task that runs its guest to the end.
pub fn stream(session: Session, close_time: Duration) -> (StreamBody, impl Future<Output = ()>) {
    let (ended, end) = oneshot::channel();
    let socket = session.socket.clone();
    let drained = Arc::new(Notify::new());
    let (taken, ended) = (Outgoing::default(), Some(ended));
    let charge = session.context().account.memory().charge(Held::Messages);
    let (piece, ending) = (Bytes::new(), None);
    let body = StreamBody { socket, piece, taken, charge, drained: drained.clone(), ended, ending };
    (body, run(session, end, drained, close_time))
}

async fn run(
    session: Session,
    end: oneshot::Receiver<CloseInfo>,
    drained: Arc<Notify>,
    close_time: Duration,
) {
    let socket = session.socket.clone();
    let account = session.context().account.clone();
    // While a client does not read what was sent, its end does not come.
    let end = async {
        tokio::select! {
            info = end => info.unwrap_or_else(|_| CloseInfo::lost()),
            () = account.left() => CloseInfo::lost(),
        }
    };
    socket.set_open(None);
    match session.guest {
        Guest::Shared(handle) => {
            handle.open().await;
            let mut end = std::pin::pin!(end);
            let info = loop {
                tokio::select! {
                    info = &mut end => break info,
                    () = drained.notified() => handle.drain().await,
                }
            };
            socket.set_closed();
            handle.close(info).await;
        }
        Guest::Own { mut instance, permit: _permit } => {
            let mut guest = std::pin::pin!(run_guest(&mut instance, &socket));
            let mut end = std::pin::pin!(end);
            tokio::select! {
                () = &mut guest => {
                    // What the guest has queued still has to be sent.
                    end.await;
                }
                info = &mut end => {
                    socket.set_closed();
                    socket.end_inbox(info);
                    // A guest that does not notice the end is stopped, as in a session.
                    let _ = ends(guest, close_time, &account).await;
                }
            }
            socket.set_closed();
        }
    }
}

impl StreamBody {
    fn end(&mut self, info: CloseInfo) {
        if let Some(ended) = self.ended.take() {
            // The task may be gone when the host stops.
            let _ = ended.send(info);
        }
    }

    /// Takes the next part out. hyper has at most one, so that the rest can still be dropped.
    fn next_part(&mut self) -> Option<Bytes> {
        if self.piece.is_empty() {
            self.piece = self.pop()?;
        }
        Some(self.piece.split_to(self.piece.len().min(MAX_PART)))
    }

    /// Takes the next part, if there is one, and tells the socket what is left.
    fn take_part(&mut self) -> Option<Bytes> {
        if self.left() == 0 {
            self.taken = self.socket.take_outbound();
        }
        let part = self.next_part();
        self.socket.set_unsent(self.left());
        self.socket.set_in_session(self.left());
        if self.socket.take_drained() {
            self.drained.notify_one();
        }
        part
    }

    /// Decides what follows the last piece, if the orders end the stream.
    fn set_ending(&mut self, orders: &Orders) {
        if let Some(close) = &orders.close {
            let complete = matches!(close.code, 1000 | 1001 | 1012 | 3000..=4999);
            self.ending = Some(if complete { Ending::Complete } else { Ending::CutOffSoon });
        }
        // Being told again does not delay the end.
        if orders.terminate && !matches!(self.ending, Some(Ending::CutOff)) {
            self.ending = Some(Ending::CutOffSoon);
        }
    }

    /// Ends the body, if it is to end.
    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.ending {
            None => Poll::Pending,
            Some(Ending::Complete) => {
                self.end(CloseInfo { code: 1000, reason: String::new(), clean: true });
                Poll::Ready(None)
            }
            Some(Ending::CutOffSoon) => {
                // hyper writes when it waits. If the body fails, hyper drops what it has not
                // written, even the head.
                self.ending = Some(Ending::CutOff);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ending::CutOff) => {
                self.end(CloseInfo::lost());
                Poll::Ready(Some(Err(io::Error::other("the stream was cut off"))))
            }
        }
    }

    /// How many bytes hyper has not asked for yet.
    fn left(&self) -> usize {
        self.piece.len() + self.taken.len()
    }

    /// Takes the next piece out. It is charged until hyper has sent it. A shared piece has a charge
    /// already.
    fn pop(&mut self) -> Option<Bytes> {
        let before = self.taken.own_len();
        let piece = self.taken.pop();
        let left = self.taken.own_len();
        self.charge.set_about(left);
        match self.charge.memory().charge_about(Held::Messages, before - left) {
            Some(charge) => piece.map(|piece| charge.with(piece)),
            None => piece,
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        this.socket.register(cx.waker());
        let orders = this.socket.take_orders();
        if orders.shed {
            (this.piece, this.taken) = (Bytes::new(), Outgoing::default());
        }
        let part = this.take_part();
        this.set_ending(&orders);
        match part {
            Some(part) if !orders.terminate => Poll::Ready(Some(Ok(Frame::data(part)))),
            _ => this.poll_end(cx),
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.end(CloseInfo::lost());
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::capability::account::Account;
    use crate::capability::socket::SocketKind;
    use crate::capability::sockets::{NewSocket, Sockets};
    use crate::config::Limits;

    /// The body of an open stream, which is charged to this account.
    fn body(account: &Account) -> StreamBody {
        let new = NewSocket { kind: SocketKind::Stream, ..NewSocket::sample() };
        let socket = Sockets::default().accept(new, &Limits::default()).expect("there is room");
        socket.set_open(None);
        let charge = account.memory().charge(Held::Messages);
        let (taken, drained) = (Outgoing::default(), Arc::default());
        let piece = Bytes::new();
        StreamBody { socket, piece, taken, charge, drained, ended: None, ending: None }
    }

    fn poll(body: &mut StreamBody) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_not_sent_yet_is_charged_and_what_is_shared_is_not_charged_again() {
        let account = Account::new("site".into());
        let held = || account.memory().held(Held::Messages);
        let mut body = body(&account);
        body.taken.append(|own| own.resize(4096, b'a'));
        body.taken.share(Bytes::from(vec![b'b'; 100_000]));
        body.taken.append(|own| own.resize(8192, b'c'));
        let mut next = || match poll(&mut body) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().expect("it is data"),
            other => panic!("{other:?}"),
        };
        let first = next();
        assert_eq!((first.len(), held()), (4096, 4096 + 8192));
        drop(first);
        assert_eq!((next().len(), held()), (MAX_PART, 8192));
        assert_eq!((next().len(), held()), (100_000 - MAX_PART, 8192));
        let last = next();
        assert_eq!((last.len(), held()), (8192, 8192));
        drop(last);
        assert_eq!(held(), 0);
    }

    #[test]
    fn a_guest_that_terminates_again_and_again_does_not_put_the_end_off() {
        let mut body = body(&Account::new("site".into()));
        let mut poll = || {
            body.socket.terminate();
            poll(&mut body)
        };
        assert!(poll().is_pending(), "what was sent goes out first");
        assert!(matches!(poll(), Poll::Ready(Some(Err(_)))));
    }
}
