//! The socket in a site's `.lithe` over which this user's commands reach the host.
//!
//! The socket follows the site's folder: the host makes it again when the folder is replaced, as
//! soon as the watcher reports it, or when somebody removes it. If several hosts serve one folder,
//! commands reach the first; when that one ends, they reach another.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::files::{Folder, Identity, Lock};
use crate::plugin::{STATE_FOLDER, state_folder};

/// The socket's file name.
const CONTROL: &str = "control";

/// How often the host checks that its socket is still where commands look for it, when the watcher
/// reports nothing.
const PERIOD: Duration = Duration::from_secs(2);

/// How often, and how many times, the host tries to lock the folder: a deploy may hold the lock.
const LOCK_PERIOD: Duration = Duration::from_millis(20);
const LOCK_TRIES: usize = 100;

/// Listens for this user's commands.
pub(crate) struct Control {
    /// The folder of the site or sites that the host serves.
    folder: PathBuf,
    listening: Option<Listening>,
}

struct Listening {
    listener: UnixListener,
    /// The `.lithe` folder that holds the socket.
    state: Folder,
    identity: Identity,
}

/// Why commands do not reach this host.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("another host serves the same folder, and commands reach that one until it ends")]
    Another,
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Control {
    /// Begins to listen. If that fails, the log says why, and the host tries again from time to
    /// time.
    pub(crate) async fn open(folder: &Path) -> Self {
        let mut control = Self { folder: folder.to_owned(), listening: None };
        if let Err(error) = control.listen().await {
            let advice = match error {
                ControlError::Another => "",
                ControlError::Failed(_) => ": let the host's user write to the site's folder",
            };
            tracing::warn!(
                "`lithe deploy` and `lithe status` do not reach this host: {error}{advice}"
            );
        }
        control
    }

    /// Waits for the next connection. `changed` reports changes in the folder.
    ///
    /// # Errors
    /// The system returns an error instead of a connection.
    pub(crate) async fn accept(&mut self, changed: &Notify) -> io::Result<UnixStream> {
        loop {
            // The folder is checked after the wait, whether or not a change was reported.
            let wait = async { drop(timeout(PERIOD, changed.notified()).await) };
            if let Some(listening) = &self.listening {
                tokio::select! {
                    accepted = listening.listener.accept() => return accepted.map(|(stream, _)| stream),
                    () = wait => {}
                }
                if self.is_found() {
                    continue;
                }
            } else {
                wait.await;
            }
            match self.listen().await {
                Ok(()) => tracing::info!("`lithe deploy` and `lithe status` reach this host now"),
                Err(error) => tracing::debug!("commands do not reach this host: {error}"),
            }
        }
    }

    /// Whether commands find this host's socket.
    fn is_found(&self) -> bool {
        let state = Folder::open(&self.folder).and_then(|site| site.folder(STATE_FOLDER));
        let found = state.ok().and_then(|state| identity(&state).ok());
        found.is_some() && found == self.listening.as_ref().map(|listening| listening.identity)
    }

    async fn listen(&mut self) -> Result<(), ControlError> {
        let site = Folder::open(&self.folder).map_err(anyhow::Error::from)?;
        let state = state_folder(&site)?;
        // Without the lock, one of two hosts could remove the socket that the other has just made.
        let _lock = lock(&state).await?;
        if connect(&state).await.is_ok() {
            return Err(ControlError::Another);
        }
        self.listening = Some(bind(state)?);
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if identity(&self.state).is_ok_and(|found| found == self.identity) {
            // If this fails, the next host removes the socket.
            let _ = self.state.remove(CONTROL);
        }
    }
}

/// Connects to the host that listens in a `.lithe`.
///
/// # Errors
/// No host listens in this folder.
pub async fn connect(state: &Folder) -> io::Result<UnixStream> {
    UnixStream::connect(socket_path(state)).await
}

fn bind(state: Folder) -> anyhow::Result<Listening> {
    use std::os::unix::fs::PermissionsExt as _;
    // A socket that nobody listens on was left by a host that was killed.
    let path = socket_path(&state);
    let listen = || -> anyhow::Result<_> {
        state.remove(CONTROL)?;
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok((listener, identity(&state)?))
    };
    let (listener, identity) = listen()
        .with_context(|| format!("cannot listen at `{}/{CONTROL}`", state.path().display()))?;
    Ok(Listening { listener, state, identity })
}

fn identity(state: &Folder) -> io::Result<Identity> {
    Ok(Identity::of(&state.dir().symlink_metadata(CONTROL)?))
}

/// Locks the folder. Returns nothing if it stays locked: a starting host holds the lock only
/// briefly, so a deploy has it.
async fn lock(state: &Folder) -> anyhow::Result<Option<Lock>> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = state.lock()? {
            return Ok(Some(lock));
        }
        sleep(LOCK_PERIOD).await;
    }
    Ok(None)
}

/// The socket's path through the folder's handle: a socket's address has fewer than 108 bytes
/// (unix(7)), and a site's path may be longer.
fn socket_path(state: &Folder) -> PathBuf {
    use std::os::fd::{AsFd as _, AsRawFd as _};
    let handle = format!("/proc/self/fd/{}", state.dir().as_fd().as_raw_fd());
    let folder = if Path::new(&handle).exists() { handle.as_ref() } else { state.path() };
    folder.join(CONTROL)
}
