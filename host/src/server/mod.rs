//! The listener: accepts connections, serves HTTP/1.1 on each, and stops gracefully.
//!
//! Nothing that happens to one connection ends the server: a failed accept waits a little and goes
//! on, a failed handshake is that connection's.

mod connections;
mod draining;
mod head_timer;
mod hosts;
mod served;
mod starting;
mod sweep;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderValue, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{self, Host};
use crate::pipeline::{self, Connection, Tenant};
use connections::{Clients, Counted};
use head_timer::HeadTimer;
use hosts::Hosts;
pub use hosts::HostsError;
pub use served::Served;
pub use starting::Starting;

/// What hyper may buffer of a request's head. It only keeps one connection from filling memory: the
/// site's own bounds on the target and the headers are below it, and answer more precisely.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Headers of one request. Over it: 431.
const MAX_HEADERS: usize = 100;

/// Bytes of one connection that the system has taken and not sent, over which it takes no more.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT_IN_SYSTEM: u32 = 128 * 1024;

/// A listener's sites, one or many. They come, change and go while others are served.
pub struct Server {
    hosts: ArcSwap<Hosts>,
    /// Held by whoever changes `hosts`.
    changing: Mutex<()>,
    settings: config::Server,
    clients: Arc<Clients>,
    waiting: starting::Waiting,
    /// Connections in HTTP, and sessions.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    /// Serves nothing yet.
    pub fn new(settings: config::Server) -> Arc<Self> {
        Arc::new(Self {
            hosts: ArcSwap::default(),
            changing: Mutex::default(),
            settings,
            clients: Arc::default(),
            waiting: starting::Waiting::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The listener's own bounds.
    pub fn settings(&self) -> &config::Server {
        &self.settings
    }

    /// Serves a site for these hosts, and for no others any more; without any, for all.
    ///
    /// # Errors
    /// Another site has one of them; nothing has changed.
    pub fn serve_hosts(&self, site: &Arc<Served>, hosts: &[Host]) -> Result<(), HostsError> {
        let _changing = self.changing.lock();
        self.hosts.store(Arc::new(self.hosts.load().with(site, hosts)?));
        Ok(())
    }

    /// Serves a site no more; its sockets close with 1001.
    pub fn remove(&self, site: &Arc<Served>) {
        let changing = self.changing.lock();
        self.hosts.store(Arc::new(self.hosts.load().without(site)));
        drop(changing);
        site.close_sockets(1001, "the site is served no more");
    }

    /// Every site.
    pub fn sites(&self) -> Vec<Arc<Served>> {
        self.hosts.load().sites().to_vec()
    }

    /// Whether it has begun to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Done when it begins to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Accepts connections until `stopping` is done, then stops gracefully: requests in flight are
    /// finished, sockets close with 1001, and what is not done in `shutdown_time` is dropped.
    pub async fn run(self: &Arc<Self>, listener: TcpListener, stopping: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(self.settings.connections));
        tokio::select! {
            () = self.accept(&listener, permits) => {}
            () = sweep::run(self) => {}
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

    async fn accept(self: &Arc<Self>, listener: &TcpListener, permits: Arc<Semaphore>) {
        let mut backoff = Backoff::default();
        loop {
            // Closed nowhere; were it, accepting would be over.
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, client)) => {
                    backoff = Backoff::default();
                    let Some(counted) = self.clients.connect(client.ip(), permit, &self.settings)
                    else {
                        continue;
                    };
                    let server = self.clone();
                    self.tasks.spawn(async move { server.serve(stream, client, counted).await });
                }
                Err(error) if is_connection_error(&error) => {}
                Err(error) => {
                    let wait = backoff.next();
                    tracing::error!(
                        "cannot accept a connection, trying again in {wait:?}: {error}"
                    );
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, client: SocketAddr, counted: Counted) {
        if let Err(error) = set_options(&stream) {
            tracing::debug!(%client, "cannot set a connection's options: {error}");
        }
        let connection = Connection::new(stream, self.settings.write_time);
        let counted = Arc::new(counted);
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let (server, counted) = (&self, counted.clone());
            async move {
                let site = server.hosts.load().find(&request).cloned();
                let Some(site) = site else {
                    let starting = server.waiting.answer(&request);
                    return Ok(starting.unwrap_or_else(|| unknown_host(&request)));
                };
                let tenant = site.choose(request.headers());
                if !counted.count_for(&tenant.account, tenant.limits.connections) {
                    return Ok(too_many_connections(&tenant));
                }
                let (tasks, stop) = (server.tasks.clone(), server.stop.clone());
                let sessions = pipeline::Sessions { tasks, stop, counted };
                Ok::<_, std::convert::Infallible>(
                    pipeline::handle(tenant, request, client, sessions).await,
                )
            }
        });
        let connection = http1::Builder::new()
            .timer(HeadTimer::default())
            .header_read_timeout(self.settings.header_time)
            .max_buf_size(MAX_HEAD_BYTES)
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
}

/// The site has as many connections as it may; this one is closed.
fn too_many_connections(tenant: &Tenant) -> hyper::Response<pipeline::Body> {
    let limit = tenant.limits.connections;
    let message = format!("the site has {limit} connections open (`limits.connections`)");
    let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// No site answers for the request's host (RFC 9110, section 15.5.20), or it names none.
fn unknown_host<B>(request: &hyper::Request<B>) -> hyper::Response<pipeline::Body> {
    match hosts::host_of(request) {
        Some(host) => {
            let message = format!("no site answers for `{host}` here");
            pipeline::refuse(StatusCode::MISDIRECTED_REQUEST, message)
        }
        None => pipeline::refuse(StatusCode::BAD_REQUEST, "`host` must be there once".to_owned()),
    }
}

/// Small frames must not wait for one another. And what a peer does not read waits with us, where it
/// is bounded and where it shows when the peer reads on: by default the system takes megabytes.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT_IN_SYSTEM)?;
    Ok(())
}

/// Waits longer after each failed accept: 5 ms, doubling to 1 s.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(5))
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Duration::from_secs(1));
        now
    }
}

/// The connection was gone before it was accepted: nothing to wait for.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
