//! The commands' side of the API, over the socket that only this user can reach, or over the
//! admin's address with a token.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use lithe_host::internals::admin::Lines;
use lithe_host::internals::files::Folder;
use lithe_host::internals::plugin::{Digest, STATE_FOLDER};
use lithe_host::internals::site::{Given, Report, Status, Terms};

/// What stays as it is in a component's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// Talks to the host that serves a site.
pub(crate) enum Client {
    /// The host serves this folder, alone or among those in the same folder. It runs on this
    /// machine, as this user.
    Here(PathBuf),
    /// The host's admin listens at an address.
    There {
        address: SocketAddr,
        /// The name of the site, as the admin knows it. None for what is about all sites.
        site: Option<String>,
        token: String,
    },
}

/// A connection, and the beginning of the paths that are about the site.
struct Connected<S> {
    stream: S,
    prefix: String,
    token: Option<String>,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no host serves `{}`: start one by `lithe serve`",
        .0.display()
    )]
    NoHost(PathBuf),
    #[error(
        "no host's admin listens on `{0}`: name the address of `admin.listen`, or open the tunnel"
    )]
    NoAdmin(SocketAddr, #[source] std::io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("the host's answer did not arrive")]
    Broken(#[source] anyhow::Error),
}

/// Which requests a canary gets, as the API takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    pub share: Option<String>,
    pub header: Option<String>,
}

impl Client {
    /// Connects to the host on this machine.
    async fn connect_here(site: &Path) -> Result<Connected<UnixStream>, ClientError> {
        if let Some(stream) = connect(site).await {
            return Ok(Connected { stream, prefix: String::new(), token: None });
        }
        let no_host = || ClientError::NoHost(site.to_owned());
        let (parent, name) = site.parent().zip(site.file_name()).ok_or_else(no_host)?;
        let stream = connect(parent).await.ok_or_else(no_host)?;
        Ok(Connected { stream, prefix: prefix(&name.to_string_lossy()), token: None })
    }

    /// The status of the site.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn status(&self) -> Result<Status, ClientError> {
        self.ask(Method::GET, "/status", None, Bytes::new()).await
    }

    /// Deploys these components.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn deploy(
        &self,
        given: &Given,
        canary: &Share,
        terms: Terms,
    ) -> Result<Report, ClientError> {
        let canary = [("share", canary.share.as_deref()), ("header", canary.header.as_deref())];
        let (boundary, form) = form(given);
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.ask(Method::POST, &with_query("/deploy", terms, &canary), Some(kind), form).await
    }

    /// Goes back to a version of a component.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn roll_back(
        &self,
        plugin: &str,
        to: Option<&str>,
        terms: Terms,
    ) -> Result<Report, ClientError> {
        let path = format!("/rollback/{}", utf8_percent_encode(plugin, PATH));
        self.ask(Method::POST, &with_query(&path, terms, &[("to", to)]), None, Bytes::new()).await
    }

    /// Promotes the canary.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn promote(&self, terms: Terms) -> Result<Report, ClientError> {
        self.ask(Method::POST, &with_query("/promote", terms, &[]), None, Bytes::new()).await
    }

    /// Drops the canary.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn drop_canary(&self, terms: Terms) -> Result<Report, ClientError> {
        self.ask(Method::POST, &with_query("/drop", terms, &[]), None, Bytes::new()).await
    }

    /// The lines of the audit, since a moment that the host understands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn audit(&self, since: Option<&str>) -> Result<Lines, ClientError> {
        let path = with_query("/audit", Terms::default(), &[("since", since)]);
        self.ask(Method::GET, &path, None, Bytes::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        kind: Option<String>,
        body: Bytes,
    ) -> Result<T, ClientError> {
        match self {
            Self::Here(site) => Self::connect_here(site).await?.ask(method, path, kind, body).await,
            Self::There { address, site, token } => {
                let stream = TcpStream::connect(address).await;
                let stream = stream.map_err(|error| ClientError::NoAdmin(*address, error))?;
                let prefix = site.as_deref().map(prefix).unwrap_or_default();
                let connected = Connected { stream, prefix, token: Some(token.clone()) };
                connected.ask(method, path, kind, body).await
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connected<S> {
    async fn ask<T: DeserializeOwned>(
        self,
        method: Method,
        path: &str,
        kind: Option<String>,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let broken = |error| ClientError::Broken(error);
        let Self { stream, prefix, token } = self;
        let path = format!("{prefix}{path}");
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "lithe");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request =
            request.body(Full::<Bytes>::from(body)).map_err(|error| broken(error.into()))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.into()))?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| broken(error.into()))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| broken(error.into()))?;
        driving.abort();
        read(status, &body.to_bytes())
    }
}

/// The beginning of the paths that are about this site among others.
fn prefix(site: &str) -> String {
    format!("/sites/{}", utf8_percent_encode(site, PATH))
}

/// A path of the API, with the parameters that are set.
fn with_query(path: &str, terms: Terms, parameters: &[(&str, Option<&str>)]) -> String {
    let is_set = |is_set: bool| is_set.then_some("true");
    let terms = [("dry_run", is_set(terms.dry_run)), ("keep_memory", is_set(terms.keep_memory))];
    let parameters = parameters.iter().chain(&terms).filter_map(|(name, value)| {
        let value = utf8_percent_encode((*value)?, NON_ALPHANUMERIC);
        Some(format!("{name}={value}"))
    });
    match parameters.collect::<Vec<_>>().join("&") {
        none if none.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// Connects to the host that serves what is in this folder, if one does.
async fn connect(folder: &Path) -> Option<UnixStream> {
    let state = Folder::open(folder).and_then(|folder| folder.folder(STATE_FOLDER)).ok()?;
    lithe_host::internals::admin::connect(&state).await.ok()
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, ClientError> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|error| ClientError::Broken(error.into()));
    }
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = error.get("error").and_then(|error| error.as_str());
    Err(ClientError::Refused(message.unwrap_or("the host does not say why").to_owned()))
}

/// A form with a part for each component (RFC 7578), and the boundary between the parts. The
/// boundary is made of the digests of the components, because no component contains its own digest.
fn form(given: &Given) -> (String, Bytes) {
    let digests: Vec<String> = given.values().map(|bytes| Digest::of(bytes).to_string()).collect();
    let boundary = format!("lithe-{:.40}", Digest::of(digests.concat().as_bytes()));
    let mut form = Vec::new();
    for (file, bytes) in given {
        let name = file.replace('\\', "\\\\").replace('"', "\\\"");
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\
             content-type: application/wasm\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, form.into())
}
