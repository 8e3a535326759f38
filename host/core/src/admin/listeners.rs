//! The two listeners of the admin's API, and who may use each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::api::{Access, Api};
use super::audit::Audit;
use super::body::Room;
use super::control::Control;
use super::tokens::{Peer, Tokens};
use crate::config::bytes;
use crate::log::Seldom;
use crate::pipeline::{self, Connection, Patience};
use crate::site::{Root, Sites};
use crate::supervise;

/// The most connections of each listener at once; more wait.
const MAX_CONNECTIONS: usize = 32;

/// How many wrong tokens the log names at once. It counts the others.
const MAX_TOLD: usize = 8;

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
    tcp: Option<Tcp>,
    max_body: usize,
    audit: Arc<Audit>,
}

/// The listener for everybody who has a token.
struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
    tokens: Arc<ArcSwap<Tokens>>,
    /// The folder in which the tokens' files are named.
    root: PathBuf,
}

impl Listeners {
    /// Listens where this user's commands look for the site's host, and where `lithe.toml` says.
    ///
    /// # Errors
    /// The address of `admin.listen` cannot be listened on, or a token is missing or wrong.
    pub async fn open(root: &Root) -> anyhow::Result<Self> {
        let control = Control::open(root.folder()).await;
        let settings = &root.config().admin;
        let tcp = match settings.listen {
            None => None,
            Some(address) => {
                let (folder, has_many) = (root.folder().to_owned(), root.has_many());
                let (tokens, wrong) =
                    Tokens::read(&folder, root.config(), has_many, &Tokens::default());
                if !wrong.is_empty() {
                    bail!("{}", wrong.join("\n"));
                }
                let listener = TcpListener::bind(address).await.with_context(|| {
                    format!("cannot listen on `{address}`: choose another `admin.listen`")
                })?;
                let address = listener.local_addr().context("the listener has no address")?;
                let tokens = Arc::new(ArcSwap::from_pointee(tokens));
                Some(Tcp { listener, address, tokens, root: folder })
            }
        };
        Ok(Self { control, tcp, max_body: bytes(settings.body), audit: Audit::new(root) })
    }

    /// The address where other programs can deploy.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|tcp| tcp.address)
    }

    /// Serves until the host stops. Requests that have begun by then are answered, and changes that
    /// have begun end, also those whose client has left.
    pub async fn serve(self, sites: Arc<Sites>) {
        // Each listener counts its own connections, so the clients of one cannot block the other.
        let (open_control, open_tcp) = (Open::new(&sites), Open::new(&sites));
        let (room, tasks) = (Room::new(self.max_body), TaskTracker::new());
        let api = |access| {
            let (sites, room, unknown) = (sites.clone(), room.clone(), Seldom::default());
            let (audit, tasks) = (self.audit.clone(), tasks.clone());
            Arc::new(Api { sites, access, room, unknown, audit, tasks })
        };
        let user = api(Access::Everyone);
        let control = tokio::sync::Mutex::new(self.control);
        let from_control = || async {
            let mut control = control.lock().await;
            while let Some(permit) = open_control.permit().await {
                match control.accept(sites.changed()).await {
                    Ok(stream) => {
                        let uid = stream.peer_cred().ok().map(|user| user.uid());
                        open_control.spawn(stream, Peer::Control(uid), user.clone(), permit);
                    }
                    Err(error) => wait_after(&error).await,
                }
            }
            std::future::pending().await
        };
        let from_tcp = || async {
            let Some(Tcp { listener, tokens, .. }) = &self.tcp else {
                return std::future::pending().await;
            };
            let api = api(Access::Token(tokens.clone()));
            while let Some(permit) = open_tcp.permit().await {
                match listener.accept().await {
                    Ok((stream, client)) => {
                        let peer = Peer::Address(pipeline::canonical(client));
                        open_tcp.spawn(stream, peer, api.clone(), permit);
                    }
                    Err(error) => wait_after(&error).await,
                }
            }
            std::future::pending().await
        };
        let following = || async {
            if let Some(tcp) = &self.tcp {
                tcp.follow(&sites).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            never = supervise::forever("reading tokens", following) => match never {},
            never = supervise::forever("accepting deploys", from_control) => match never {},
            never = supervise::forever("accepting deploys", from_tcp) => match never {},
            () = sites.server().stopping() => {}
        }
        // The connections first: they begin the others.
        for tasks in [open_control.tasks, open_tcp.tasks, tasks] {
            tasks.close();
            tasks.wait().await;
        }
    }
}

impl Tcp {
    /// Reads the tokens again whenever the host looks at its settings. A token that is missing,
    /// short or given twice is not accepted until it is right, and the log says so.
    async fn follow(&self, sites: &Sites) {
        let Some(mut rules) = sites.rules() else { return };
        // Something may have changed between the start and now.
        rules.mark_changed();
        let mut told = Vec::new();
        while rules.changed().await.is_ok() {
            let (config, root) = (rules.borrow_and_update().clone(), self.root.clone());
            let before = self.tokens.load_full();
            let read = move || Tokens::read(&root, &config, true, &before);
            let read = tokio::task::spawn_blocking(read);
            let Ok((tokens, wrong)) = read.await else { continue };
            self.tokens.store(Arc::new(tokens));
            let new: Vec<_> = wrong.iter().filter(|wrong| !told.contains(*wrong)).collect();
            for wrong in new.iter().take(MAX_TOLD) {
                tracing::error!("a token is not accepted until it is right: {wrong}");
            }
            if let Some(more @ 1..) = new.len().checked_sub(MAX_TOLD) {
                tracing::error!("{more} more tokens are not accepted until they are right");
            }
            told = wrong;
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

    fn spawn<S>(&self, stream: S, peer: Peer, api: Arc<Api>, permit: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let sites = self.sites.clone();
        self.tasks.spawn(async move {
            let _permit = permit;
            let service = service_fn(|request| {
                let api = api.clone();
                async move { Ok::<_, std::convert::Infallible>(api.handle(request, peer).await) }
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
