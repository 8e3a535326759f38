//! What moves with a plugin when another version takes over.

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;

/// Memory that survives a swap: the instance of the version before saves its essence, and the instance
/// that takes over restores it, between two events and before the first of its own.
///
/// The component's attribute says where it is: `#[hooks(state)]` for the hooks themselves, and
/// `state = NAME` for a value in a `thread_local!`, with `#[hooks]`, `#[handler(websocket)]` and
/// `#[app(websocket)]`.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use lithe_sdk::testing::{self, TestEvent};
/// use lithe_sdk::{Hooks, Message, Peer, Result, State};
///
/// #[derive(Default)]
/// struct Guestbook {
///     names: RefCell<Vec<String>>,
/// }
///
/// #[lithe_sdk::hooks(state)]
/// impl Hooks for Guestbook {
///     fn message(&self, peer: &Peer, message: Message) -> Result<()> {
///         self.names.borrow_mut().push(message.text().into_owned());
///         Ok(peer.send_text(self.names.borrow().join(", "))?)
///     }
/// }
///
/// impl State for Guestbook {
///     type Saved = Vec<String>;
///
///     fn save(&self) -> Vec<String> {
///         self.names.borrow().clone()
///     }
///
///     fn restore(&self, saved: Vec<String>) -> Result<()> {
///         self.names.borrow_mut().extend(saved);
///         Ok(())
///     }
/// }
///
/// let (before, after) = (Rc::new(Guestbook::default()), Rc::new(Guestbook::default()));
/// let socket = TestEvent::get("/").upgrade([]).call_hooks(&before).socket();
/// socket.send_text("Ann");
/// testing::swap(&before, &after).unwrap();
/// socket.send_text("Bob");
/// assert_eq!(socket.sent_text(), ["Ann", "Ann, Bob"]);
/// ```
///
/// What each socket needs for itself is better left with it, as its [`context`](crate::Sender::context):
/// that moves by itself, and outlives a trap too. Tasks, timers and what is [pinned](crate::UpgradeOptions::pinned)
/// do not move: see [`Hooks::resume`](crate::Hooks::resume).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no state that could move to another version",
    note = "`state` needs an `impl lithe_sdk::State for {Self}`"
)]
pub trait State {
    /// What is handed over: as JSON, anything that serde can serialize and deserialize; or
    /// [`SavedBytes`].
    ///
    /// The versions before and after read each other's (a roll back is a swap, too), so a new field
    /// should be `#[serde(default)]`.
    type Saved: Saved;

    /// The essence of this instance's memory: at most the site's limit, 1 MiB by default.
    ///
    /// The instance may be called again, for sockets that stay with it, or because the other version
    /// has refused.
    fn save(&self) -> Self::Saved;

    /// What an instance of the other version has saved.
    ///
    /// It is called before anything else, but also later, and more than once, where several instances
    /// become one: so add it to what is there, and do not replace that.
    ///
    /// # Errors
    /// This version cannot go on from there: then the other one does, and the log says why. So does it
    /// where the value cannot be read.
    fn restore(&self, saved: Self::Saved) -> Result<()>;
}

/// What [`State::save`] may hand over: anything that serde can serialize and deserialize, as JSON; or
/// [`SavedBytes`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed to another version",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, or use `SavedBytes`"
)]
pub trait Saved: Sized {
    #[doc(hidden)]
    fn to_bytes(self) -> Result<Vec<u8>>;

    #[doc(hidden)]
    fn from_bytes(bytes: Vec<u8>) -> Result<Self>;
}

impl<T: Serialize + DeserializeOwned> Saved for T {
    fn to_bytes(self) -> Result<Vec<u8>> {
        serde_json::to_vec(&self).context("what `save` returns has no JSON form")
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        serde_json::from_slice(&bytes)
            .context("what the other version has saved is not the JSON that this one expects")
    }
}

/// State in a format of your own, in place of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedBytes(pub Vec<u8>);

impl Saved for SavedBytes {
    fn to_bytes(self) -> Result<Vec<u8>> {
        Ok(self.0)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Ok(Self(bytes))
    }
}
