//! The two listeners of the admin's API, and who may use each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::api::{Access, Api};
use super::body::Room;
use super::control::Control;
use crate::config::bytes;
use crate::files;
use crate::log::Seldom;
use crate::pipeline::{Connection, Patience};
use crate::plugin::Digest;
use crate::site::{Root, Sites};
use crate::supervise;

/// The environment variable with the token.
const TOKEN_VARIABLE: &str = "LITHE_ADMIN_TOKEN";

/// The shortest token, in bytes: a shorter one could be guessed.
const MIN_TOKEN: usize = 16;

/// The most connections of each listener at once; more wait.
const MAX_CONNECTIONS: usize = 32;

/// How much of a request's head hyper may buffer.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long the host waits for a client that does not read its answer, and how long it discards
/// what a client still sends after a refusal.
const PATIENCE: Patience =
    Patience { write: Duration::from_secs(30), rest: Duration::from_secs(5) };

/// How long a client may take from a connection's first byte to the end of a request's head.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// The listeners for deploys.
pub struct Listeners {
    control: Control,
    tcp: Option<(TcpListener, SocketAddr, Digest)>,
    max_body: usize,
}

impl Listeners {
    /// Listens where this user's commands look for the site's host, and where `lithe.toml` says.
    ///
    /// # Errors
    /// The address of `admin.listen` cannot be listened on, or it has no token.
    pub async fn open(root: &Root) -> anyhow::Result<Self> {
        let control = Control::open(root.folder()).await;
        let settings = &root.config().admin;
        let tcp = match settings.listen {
            None => None,
            Some(address) => {
                let token = token(root)?;
                let listener = TcpListener::bind(address).await.with_context(|| {
                    format!("cannot listen on `{address}`: choose another `admin.listen`")
                })?;
                let address = listener.local_addr().context("the listener has no address")?;
                Some((listener, address, token))
            }
        };
        Ok(Self { control, tcp, max_body: bytes(settings.body) })
    }

    /// The address where other programs can deploy.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|(_, address, _)| *address)
    }

    /// Serves until the host stops. Requests that have begun by then are answered.
    pub async fn serve(self, sites: Arc<Sites>) {
        // Each listener counts its own connections, so the clients of one cannot block the other.
        let (open_control, open_tcp) = (Open::new(&sites), Open::new(&sites));
        let room = Room::new(self.max_body);
        let api = |access| {
            let (sites, room, unknown) = (sites.clone(), room.clone(), Seldom::default());
            Arc::new(Api { sites, access, room, unknown })
        };
        let user = api(Access::Everyone);
        let control = tokio::sync::Mutex::new(self.control);
        let from_control = || async {
            let mut control = control.lock().await;
            while let Some(permit) = open_control.permit().await {
                match control.accept(sites.changed()).await {
                    Ok(stream) => open_control.spawn(stream, user.clone(), permit),
                    Err(error) => wait_after(&error).await,
                }
            }
            std::future::pending().await
        };
        let from_tcp = || async {
            let Some((listener, _, token)) = &self.tcp else { return std::future::pending().await };
            let api = api(Access::Token(*token));
            while let Some(permit) = open_tcp.permit().await {
                match listener.accept().await {
                    Ok((stream, _)) => open_tcp.spawn(stream, api.clone(), permit),
                    Err(error) => wait_after(&error).await,
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            never = supervise::forever("accepting deploys", from_control) => match never {},
            never = supervise::forever("accepting deploys", from_tcp) => match never {},
            () = sites.server().stopping() => {}
        }
        for open in [open_control, open_tcp] {
            open.tasks.close();
            open.tasks.wait().await;
        }
    }
}

/// The open connections of a listener.
struct Open {
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    sites: Arc<Sites>,
}

impl Open {
    fn new(sites: &Arc<Sites>) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { permits, tasks: TaskTracker::new(), sites: sites.clone() }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.ok()
    }

    fn spawn<S>(&self, stream: S, api: Arc<Api>, permit: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let sites = self.sites.clone();
        self.tasks.spawn(async move {
            let _permit = permit;
            let service = service_fn(|request| {
                let api = api.clone();
                async move { Ok::<_, std::convert::Infallible>(api.handle(request).await) }
            });
            let stream = Connection::new(stream, PATIENCE, sites.server().stop().clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .max_buf_size(MAX_HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = sites.server().stopping() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!("a deploy's connection ended: {error}");
            }
        });
    }
}

async fn wait_after(error: &std::io::Error) {
    tracing::warn!("cannot accept a deploy's connection: {error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// The digest of the site's token. Digests of any two guesses have the same length, so comparing
/// them says nothing about the token's length.
fn token(root: &Root) -> anyhow::Result<Digest> {
    let token = match &root.config().admin.token_file {
        Some(file) => {
            let path = root.folder().join(file);
            let shown = || format!("cannot read `{}`, the `admin.token_file`", path.display());
            // Everybody who can write this file can deploy.
            files::check_operators(&path).with_context(shown)?;
            std::fs::read_to_string(&path).with_context(shown)?
        }
        None => std::env::var(TOKEN_VARIABLE).with_context(|| {
            format!(
                "`admin.listen` needs a token: write one into a file and name it in \
                 `admin.token_file`, or set `{TOKEN_VARIABLE}`"
            )
        })?,
    };
    let token = token.trim();
    if token.len() < MIN_TOKEN {
        bail!("the admin's token has {} characters: use at least {MIN_TOKEN}", token.len());
    }
    Ok(Digest::of(token.as_bytes()))
}
