//! Another version of the plugin takes over.

use std::rc::Rc;

use anyhow::{Context, Error, ensure};

use super::socket::settle;
use crate::export::swap::{restore, save};
use crate::instance::Hear;
use crate::{App, Hooks, Result, State, sys};

/// The site's limit of what is saved, in bytes.
const STATE_LIMIT: usize = 1024 * 1024;

/// Has other hooks take over, as those of another version do. They restore what the hooks before
/// have saved. From then on they hear of every socket that is not pinned, first by
/// [`resume`](Hooks::resume).
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// use lithe_sdk::testing::{TestEvent, swap};
/// use lithe_sdk::{Hooks, Message, Peer, Result, State};
///
/// #[derive(Default)]
/// struct Counter(Cell<u32>);
///
/// #[lithe_sdk::hooks(state)]
/// impl Hooks for Counter {
///     fn message(&self, peer: &Peer, _: Message) -> Result<()> {
///         self.0.set(self.0.get() + 1);
///         Ok(peer.send_text(self.0.get().to_string())?)
///     }
///
///     fn resume(&self, peer: &Peer) -> Result<()> {
///         Ok(peer.send_text("a new version is here")?)
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
/// let (before, after) = (Rc::new(Counter::default()), Rc::new(Counter::default()));
/// let socket = TestEvent::get("/").upgrade([]).call_hooks(&before).socket();
/// socket.send_text("hello");
/// swap(&before, &after).unwrap();
/// socket.send_text("hello");
/// assert_eq!(socket.sent_text(), ["1", "a new version is here", "2"]);
/// ```
///
/// # Errors
/// The state is not saved, or is over the site's limit, 1 MiB by default, or is not restored. The
/// sockets stay with the hooks before, as they do on a host.
pub fn swap<Before, After>(before: &Rc<Before>, after: &Rc<After>) -> Result<()>
where
    Before: Hooks + State,
    After: Hooks + State + 'static,
{
    hand_over(&**before, &**after)?;
    move_to_hooks(after);
    Ok(())
}

/// The first half of a [`swap`], for state that is not in hooks: `before` saves, and `after`
/// restores.
///
/// # Errors
/// The state is not saved, or is over the site's limit, 1 MiB by default, or is not restored.
pub fn hand_over(before: &impl State, after: &impl State) -> Result<()> {
    let saved = save(before).map_err(Error::msg).context("the state is not saved")?;
    let size = saved.len();
    ensure!(size <= STATE_LIMIT, "the state is {size} bytes: the limit is {STATE_LIMIT}");
    restore(after, saved).map_err(Error::msg).context("the state is not restored")
}

/// The other half of a [`swap`]: from now on the hooks hear of every socket that is not pinned.
pub fn move_to_hooks<T: Hooks + 'static>(hooks: &Rc<T>) {
    for socket in sys::movable() {
        let hooks: Rc<dyn Hooks> = hooks.clone();
        sys::with_socket(socket, |socket| socket.hooks = Some(Rc::clone(&hooks)));
        hooks.resumed(socket);
        settle();
    }
}

/// The same for an app: the hooks of its route hear of each socket. If the route has none, the
/// socket closes with 1011.
pub fn move_to_app(app: &App) {
    for socket in sys::movable() {
        let hooks = app.hooks_of(socket);
        sys::with_socket(socket, |socket| socket.hooks = hooks);
        app.resumed(socket);
        settle();
    }
}
