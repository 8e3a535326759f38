//! The state that moves when another version of the plugin takes over.

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;

/// Memory that survives a swap. The instance of the version before saves what matters of it,
/// between two events. The instance that takes over restores it before its own first event.
///
/// The component's attribute names the state: `#[hooks(state)]` for the hooks themselves, and
/// `state = NAME` for a value in a `thread_local!`, with `#[hooks]`, `#[handler(websocket)]` and
/// `#[app(websocket)]`. A component with an instance for each request, or for each connection, has
/// no memory that could move.
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
///     fn save(&self) -> Result<Vec<String>> {
///         Ok(self.names.borrow().clone())
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
/// A state needs both functions:
///
/// ```compile_fail,E0046
/// # struct Guestbook;
/// # use lithe_sdk::{Result, State};
/// impl State for Guestbook {
///     type Saved = Vec<String>;
///
///     fn save(&self) -> Result<Vec<String>> {
///         Ok(Vec::new())
///     }
/// }
/// ```
///
/// The host does the same with an instance that it drops because it was idle: the next instance
/// restores what that one has saved. A trap loses what is only in memory.
///
/// Leave what each socket needs for itself with the socket, as its
/// [`context`](crate::Sender::context): that moves by itself, and outlives a trap, too. Tasks,
/// timers and [pinned](crate::UpgradeOptions::pinned) sockets do not move.
/// [`Hooks::resume`](crate::Hooks::resume) may start tasks again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no state that could move to another version",
    note = "`state` needs an `impl lithe_sdk::State for {Self}`"
)]
pub trait State {
    /// The type that is handed over: anything that serde can serialize and deserialize, as JSON; or
    /// [`SavedBytes`].
    ///
    /// Older and newer versions read each other's state, for a roll back is a swap, too. So a new
    /// field should be `#[serde(default)]`.
    type Saved: Saved;

    /// Saves what matters of this instance's memory: at most the site's limit, 1 MiB by default.
    ///
    /// The host may call the instance again, for sockets that stay with it, or because the other
    /// version has refused. It also calls `save` in a dry run of a deploy. So leave the memory as it
    /// is.
    ///
    /// # Errors
    /// It cannot be saved now. Then the instance goes on with its memory, no other version takes
    /// over, and the deploy and the log say why. The same happens if the value cannot be read again,
    /// such as one with a float that is not finite. A panic is a trap: it loses the memory.
    fn save(&self) -> Result<Self::Saved>;

    /// Restores what an instance of the other version has saved.
    ///
    /// The host calls it before anything else. If several instances become one, it calls it again
    /// later. So add `saved` to the state, and do not replace the state.
    ///
    /// # Errors
    /// This version cannot go on from there. Then the other version goes on, and the log says why.
    /// The same happens if the value cannot be read.
    fn restore(&self, saved: Self::Saved) -> Result<()>;
}

/// What [`State::save`] may return: anything that serde can serialize and deserialize, as JSON; or
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
        let bytes = serde_json::to_vec(&self).context("what `save` returns has no JSON form")?;
        drop(self);
        // JSON has no `NaN`, and its reader takes at most 128 levels. If an idle instance saved what
        // cannot be read, its memory would be lost.
        serde_json::from_slice::<T>(&bytes)
            .context("`restore` could not read what `save` returns")?;
        Ok(bytes)
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

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;
    use crate::export::swap::{restore, save};
    use crate::testing::hand_over;

    /// Any state that is replaced as a whole.
    #[derive(Default)]
    struct Holds<T>(RefCell<T>);

    impl<T: Saved + Clone> State for Holds<T> {
        type Saved = T;

        fn save(&self) -> Result<T> {
            Ok(self.0.borrow().clone())
        }

        fn restore(&self, saved: T) -> Result<()> {
            self.0.replace(saved);
            Ok(())
        }
    }

    fn holds<T>(value: T) -> Holds<T> {
        Holds(RefCell::new(value))
    }

    #[test]
    fn state_is_json() {
        assert_eq!(save(&holds("a b".to_owned())).unwrap(), br#""a b""#);
        let after = holds(0);
        assert_eq!(restore(&after, b"7".to_vec()), Ok(()));
        assert_eq!(after.0.take(), 7);
    }

    #[test]
    fn bytes_are_as_they_are() {
        let before = holds(SavedBytes(vec![0, 255]));
        assert_eq!(save(&before).unwrap(), [0, 255]);
        let after = Holds::<SavedBytes>::default();
        hand_over(&before, &after).unwrap();
        assert_eq!(after.0.take(), before.0.take());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_says_where() {
        let error = restore(&holds(0), br#""text""#.to_vec()).unwrap_err();
        assert!(error.contains("not the JSON that this one expects: invalid type"), "{error}");
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn what_has_no_json_form_is_an_error_and_not_a_panic() {
        let error = save(&holds(BTreeMap::from([([1], 2)]))).unwrap_err();
        assert!(error.contains("has no JSON form: key must be a string"), "{error}");
    }

    #[test]
    fn what_could_not_be_restored_is_not_saved() {
        let error = save(&holds(f64::NAN)).unwrap_err();
        assert!(error.contains("`restore` could not read what `save` returns"), "{error}");
        assert_eq!(save(&holds(0.5)).unwrap(), b"0.5");
    }

    /// A state that cannot be saved now.
    struct Busy;

    impl State for Busy {
        type Saved = ();

        fn save(&self) -> Result<()> {
            anyhow::bail!("a game is being played")
        }

        fn restore(&self, (): ()) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_saved_is_not_handed_over() {
        let error = hand_over(&Busy, &Busy).unwrap_err();
        assert_eq!(format!("{error:#}"), "the state is not saved: a game is being played");
    }

    #[test]
    fn what_is_over_the_limit_is_not_handed_over() {
        let after = holds(String::new());
        let error = hand_over(&holds("x".repeat(1024 * 1024)), &after).unwrap_err();
        assert_eq!(error.to_string(), "the state is 1048578 bytes: the limit is 1048576");
        assert_eq!(after.0.take(), "");
    }

    thread_local! {
        static COUNT: Count = Count::default();
    }

    #[derive(Default)]
    struct Count(Cell<u32>);

    impl State for Count {
        type Saved = u32;

        fn save(&self) -> Result<u32> {
            Ok(self.0.get())
        }

        fn restore(&self, saved: u32) -> Result<()> {
            self.0.set(self.0.get() + saved);
            Ok(())
        }
    }

    #[lithe_sdk::handler(websocket, state = COUNT)]
    fn count(_event: crate::Event) -> String {
        COUNT.with(|count| {
            count.0.set(count.0.get() + 1);
            count.0.get().to_string()
        })
    }

    #[test]
    fn a_thread_local_may_have_the_state() {
        let call = || crate::testing::TestEvent::get("/").call(count).text();
        assert_eq!(call(), "1");
        COUNT.with(|after| hand_over(&Count(Cell::new(5)), after)).unwrap();
        assert_eq!(call(), "7");
    }
}
