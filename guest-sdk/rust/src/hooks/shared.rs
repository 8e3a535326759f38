//! Hooks that something else holds, too.

use std::rc::Rc;

use crate::{CloseInfo, Event, Hooks, Message, Peer, Response, Result, State, UpgradeOptions};

/// For hooks of an app whose [`State`] is to move:
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// use lithe_sdk::testing::{TestEvent, hand_over};
/// use lithe_sdk::{App, Hooks, Message, Peer, Result, State};
///
/// #[derive(Default)]
/// struct Counter(Cell<u32>);
///
/// impl Hooks for Counter {
///     fn message(&self, peer: &Peer, _: Message) -> Result<()> {
///         self.0.set(self.0.get() + 1);
///         Ok(peer.send_text(self.0.get().to_string())?)
///     }
/// }
///
/// impl State for Counter {
///     type Saved = u32;
///
///     fn save(&self) -> Result<u32> {
///         Ok(self.0.get())
///     }
///
///     fn restore(&self, saved: u32) -> Result<()> {
///         self.0.set(self.0.get() + saved);
///         Ok(())
///     }
/// }
///
/// thread_local! {
///     static COUNTER: Rc<Counter> = Rc::default();
/// }
///
/// #[lithe_sdk::app(websocket, state = COUNTER)]
/// fn app() -> App {
///     App::new().ws("/count", COUNTER.with(Rc::clone))
/// }
///
/// COUNTER.with(|counter| hand_over(&Counter(Cell::new(41)), counter)).unwrap();
/// let socket = TestEvent::get("/count").upgrade([]).call_app(&app()).socket();
/// socket.send_text("one more");
/// assert_eq!(socket.sent_text(), ["42"]);
/// ```
impl<T: Hooks + ?Sized> Hooks for Rc<T> {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        (**self).upgrade(event)
    }

    fn open(&self, peer: &Peer) -> Result<()> {
        (**self).open(peer)
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        (**self).message(peer, message)
    }

    fn drain(&self, peer: &Peer) -> Result<()> {
        (**self).drain(peer)
    }

    fn resume(&self, peer: &Peer) -> Result<()> {
        (**self).resume(peer)
    }

    fn close(&self, peer: &Peer, info: CloseInfo) -> Result<()> {
        (**self).close(peer, info)
    }

    fn error(&self, peer: &Peer, error: &anyhow::Error) {
        (**self).error(peer, error);
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        (**self).fallback(event)
    }
}

impl<T: State> State for Rc<T> {
    type Saved = T::Saved;

    fn save(&self) -> Result<T::Saved> {
        (**self).save()
    }

    fn restore(&self, saved: T::Saved) -> Result<()> {
        (**self).restore(saved)
    }
}
