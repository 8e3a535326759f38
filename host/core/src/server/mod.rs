//! The listener: accepts connections, serves HTTP/1.1 on each, and stops gracefully.
//!
//! A failure of one connection never ends the server: after a failed accept it waits a little and
//! goes on, and a failed handshake affects only its own connection.

mod claims;
mod connections;
mod draining;
mod head_timer;
mod host;
mod hosts;
mod record;
mod refusals;
mod served_site;
mod sweep;

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capability::account::HostMemory;
use crate::clock;
use crate::config::{self, Host};
use crate::descriptors::{self, Descriptor};
use crate::log::Seldom;
use crate::pipeline::{self, Body, Connection, MAX_READ_BUFFER, Patience, SiteSnapshot};
use crate::supervise;
pub(crate) use claims::Claims;
use connections::{Clients, Counted};
use head_timer::HeadTimer;
pub(crate) use hosts::NotAlone;
use hosts::{FoundSite, Hosts};
pub(crate) use record::Record;
pub(crate) use served_site::ServedSite;

/// How long the sockets of a removed site have to close.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// The longest wait after a failed accept.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// The most headers of one request. More are answered with 431.
const MAX_HEADERS: usize = 100;

/// The most bytes of one connection that the system may hold unsent.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT_IN_SYSTEM: u32 = 128 * 1024;

/// A listener's sites, one or many. Sites come, change and go while others are served.
pub struct Server {
    hosts: ArcSwap<Hosts>,
    /// Locked for each change of `hosts`.
    claims: Mutex<Claims>,
    settings: config::ServerConfig,
    memory: Arc<HostMemory>,
    clients: Arc<Clients>,
    /// Connections that speak HTTP, and sessions.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    /// Starts without any site. The claims say which site has which host.
    pub fn new(
        settings: config::ServerConfig,
        mut claims: Claims,
        memory: Arc<HostMemory>,
    ) -> Arc<Self> {
        let hosts = Hosts::default().owned_by(claims.assign(clock::unix_seconds()));
        Arc::new(Self {
            hosts: ArcSwap::from_pointee(hosts),
            claims: Mutex::new(claims),
            settings,
            memory,
            clients: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The listener's own bounds.
    pub fn settings(&self) -> &config::ServerConfig {
        &self.settings
    }

    /// What the host holds in memory for all sites.
    pub fn memory(&self) -> &Arc<HostMemory> {
        &self.memory
    }

    /// Serves a site for those of these hosts that it gets, and no longer for others; for all hosts
    /// if it names none. The log says which hosts it does not get, and why.
    ///
    /// # Errors
    /// It names no hosts, and is not the only site. Nothing has changed.
    pub fn serve_hosts(&self, site: &Arc<ServedSite>, hosts: &[Host]) -> Result<(), NotAlone> {
        self.change_hosts(|claims| {
            let mut all = self.hosts.load().with(site, hosts.is_empty())?;
            if claims.ask(site.folder(), hosts) {
                all = all.owned_by(claims.assign(clock::unix_seconds()));
            }
            self.hosts.store(Arc::new(all));
            Ok(())
        })
    }

    /// Gives hosts to sites, by the names of their folders, as the operator says now.
    pub fn give_hosts<'h>(&self, given: impl IntoIterator<Item = (&'h Host, &'h str)>) {
        self.change_hosts(|claims| {
            if claims.give(given) {
                self.assign_hosts(claims);
            }
        });
    }

    /// Notes that the site in this folder is about to be served, so that its hosts are kept for it.
    pub fn expect(&self, folder: &Arc<str>, hosts: &[Host]) {
        self.change_hosts(|claims| {
            if claims.ask(folder, hosts) {
                self.assign_hosts(claims);
            }
        });
    }

    /// Notes that these folders exist. What their sites ask for is not known yet, but their names
    /// are theirs.
    pub fn announce(&self, folders: &[Arc<str>]) {
        self.change_hosts(|claims| {
            if claims.announce(folders) {
                self.assign_hosts(claims);
            }
        });
    }

    /// Notes that this folder is gone. After a while, other sites may have its hosts.
    pub fn forget(&self, folder: &str) {
        self.change_hosts(|claims| {
            if claims.forget(folder) {
                self.assign_hosts(claims);
            }
        });
    }

    /// Releases the hosts whose sites have not asked for them for long enough. This has to be
    /// called periodically, because no other event marks that moment.
    pub fn release_hosts(&self) {
        self.change_hosts(|claims| {
            if claims.is_due(clock::unix_seconds()) {
                self.assign_hosts(claims);
            }
        });
    }

    fn assign_hosts(&self, claims: &mut Claims) {
        let owners = claims.assign(clock::unix_seconds());
        self.hosts.store(Arc::new(Hosts::clone(&self.hosts.load()).owned_by(owners)));
    }

    /// Stops serving a site. Its sockets close with 1001. What is left of it after a short time is
    /// dropped, whatever its settings say.
    pub fn remove(&self, site: &Arc<ServedSite>) {
        self.change_hosts(|_| self.hosts.store(Arc::new(self.hosts.load().without(site))));
        site.close_sockets(1001, "the site is no longer served");
        let site = site.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LEAVE_TIME).await;
            site.leave();
        });
    }

    /// Makes one change at a time. It may write to the disk, so a thread that waits here hands its
    /// requests to another one.
    fn change_hosts<T>(&self, change: impl FnOnce(&mut Claims) -> T) -> T {
        block_in_place(|| change(&mut self.claims.lock()))
    }

    /// Every site.
    pub fn sites(&self) -> Vec<Arc<ServedSite>> {
        self.hosts.load().sites().cloned().collect()
    }

    /// Whether the server has begun to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Cancelled when the server begins to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Completes when the server begins to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Accepts connections until `stopping` completes, then stops gracefully: requests in flight
    /// finish, and sockets close with 1001. What is not done within `shutdown_time` is dropped.
    pub async fn run(self: &Arc<Self>, listener: TcpListener, stopping: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(self.settings.connections));
        let origin = Instant::now();
        let accepting = || self.accept(&listener, permits.clone());
        tokio::select! {
            never = supervise::forever("accepting", accepting) => match never {},
            never = supervise::forever("the sweep", || sweep::run(self, origin)) => match never {},
            () = stopping => {}
        }
        drop(listener);
        self.stop.cancel();
        for site in self.sites() {
            site.close_sockets(1001, "the server is stopping");
        }
        self.tasks.close();
        let deadline = self.settings.shutdown_time;
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            let open = self.tasks.len();
            tracing::warn!("stopping with {open} connections open after {deadline:?}");
        }
    }

    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        permits: Arc<Semaphore>,
    ) -> Infallible {
        let mut backoff = Backoff::default();
        let (reports, failed) = (Seldom::default(), Seldom::default());
        loop {
            // The semaphore is never closed.
            let Ok(permit) = permits.clone().acquire_owned().await else {
                return std::future::pending().await;
            };
            let Some(descriptor) = one_descriptor(&reports).await else {
                return std::future::pending().await;
            };
            let permits = (permit, descriptor);
            match listener.accept().await {
                Ok((stream, client)) => {
                    let client = pipeline::canonical(client);
                    backoff = Backoff::default();
                    let Some(counted) = self.clients.connect(client.ip(), permits, &self.settings)
                    else {
                        continue;
                    };
                    let server = self.clone();
                    self.tasks.spawn(async move { server.serve(stream, client, counted).await });
                }
                Err(error) if is_connection_error(&error) => {}
                Err(error) => {
                    let wait = backoff.next();
                    if failed.is_due() {
                        tracing::error!("cannot accept a connection, trying again: {error}");
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, client: SocketAddr, counted: Counted) {
        if let Err(error) = set_options(&stream) {
            tracing::debug!(%client, "cannot set a connection's options: {error}");
        }
        let patience = Patience { write: self.settings.write_time, rest: self.settings.body_time };
        let connection = Connection::new(stream, patience, self.stop.clone());
        let counted = Arc::new(counted);
        let service = service_fn(|request| self.answer(request, client, &counted));
        let connection = http1::Builder::new()
            .timer(HeadTimer::default())
            .header_read_timeout(self.settings.header_time)
            .max_buf_size(MAX_READ_BUFFER)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = &mut connection => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%client, "connection ended: {:#}", anyhow::Error::new(error));
        }
    }

    fn answer(
        &self,
        mut request: Request<Incoming>,
        client: SocketAddr,
        counted: &Arc<Counted>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let (version, unread) = (request.version(), !request.body().is_end_stream());
        let answered = match self.find(&mut request, counted) {
            Ok(snapshot) => {
                let (tasks, stop) = (self.tasks.clone(), self.stop.clone());
                let sessions = pipeline::Sessions { tasks, stop, connection: counted.clone() };
                Either::Left(pipeline::handle(snapshot, request, client, sessions))
            }
            Err(mut refusal) => {
                if unread {
                    pipeline::end_connection(&mut refusal);
                }
                Either::Right(ready(*refusal))
            }
        };
        answered.map(move |mut response| {
            pipeline::fit(&mut response, version);
            Ok(response)
        })
    }

    /// Finds the site that answers a request.
    ///
    /// # Errors
    /// The answer if no site does.
    fn find<B>(
        &self,
        request: &mut Request<B>,
        counted: &Counted,
    ) -> Result<Arc<SiteSnapshot>, Box<Response<Body>>> {
        if let Err(error) = host::normalize(request) {
            let refusal = pipeline::refuse(StatusCode::BAD_REQUEST, error.to_string());
            return Err(Box::new(refusal));
        }
        if let Some(answer) = refusals::for_the_server(request) {
            return Err(Box::new(answer));
        }
        let site = match self.hosts.load().find(|| host::of(request)) {
            FoundSite::Site(site) => site,
            FoundSite::NotServed => return Err(Box::new(refusals::not_served())),
            FoundSite::Nobody => return Err(Box::new(refusals::unknown_host(request))),
        };
        let snapshot = site.choose(request.headers());
        match counted.count_for(&snapshot.account, snapshot.limits.connections) {
            true => Ok(snapshot),
            false => Err(Box::new(refusals::too_many_connections(&snapshot))),
        }
    }
}

/// A descriptor for the next connection. If none is left, clients wait in the system's accept queue
/// until something is closed.
async fn one_descriptor(reports: &Seldom) -> Option<Descriptor> {
    if let Some(descriptor) = descriptors::try_one() {
        return Some(descriptor);
    }
    if reports.is_due() {
        let count = descriptors::count();
        tracing::warn!(
            "cannot accept a connection until one is closed: all {count} file descriptors are in use that \
             the process has for connections and files; raise its limit of open files (`ulimit -n`)"
        );
    }
    descriptors::one().await
}

/// Sets `TCP_NODELAY`, because small frames must not wait for one another, and `TCP_NOTSENT_LOWAT`:
/// what a peer does not read has to wait with the host, where it is bounded and where the host
/// notices when the peer reads on. By default the system takes megabytes.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT_IN_SYSTEM)?;
    Ok(())
}

/// Waits longer after each failed accept: 5 ms, doubling up to 100 ms. The system may have what it
/// lacks at any moment, and ten tries a second cost nothing.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(5))
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = now.saturating_mul(2).min(MAX_WAIT);
        now
    }
}

/// Whether the connection ended before it was accepted, so that waiting is not needed.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
