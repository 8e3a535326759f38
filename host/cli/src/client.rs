//! The commands' side of the API, over the socket that only this user can reach.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use lithe_host::internals::files::Folder;
use lithe_host::internals::plugin::{Digest, STATE_FOLDER};
use lithe_host::internals::site::{Given, Report, SiteDir, Status, Terms};

/// What stays as it is in a component's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// Talks to the host that serves a site, alone or among those in the same folder.
pub(crate) struct Client {
    site: PathBuf,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no host serves `{}`: start one by `lithe serve`",
        .0.display()
    )]
    NoHost(PathBuf),
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
    /// A client for the site's host, which need not run.
    pub(crate) fn new(site: &SiteDir) -> Self {
        Self { site: site.root.clone() }
    }

    /// Connects to the host. Returns the beginning of its paths, too.
    async fn connect(&self) -> Result<(UnixStream, String), ClientError> {
        if let Some(alone) = connect(&self.site).await {
            return Ok((alone, String::new()));
        }
        let no_host = || ClientError::NoHost(self.site.clone());
        let (parent, name) = self.site.parent().zip(self.site.file_name()).ok_or_else(no_host)?;
        let among = connect(parent).await.ok_or_else(no_host)?;
        let name = name.to_string_lossy();
        Ok((among, format!("/sites/{}", utf8_percent_encode(&name, PATH))))
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

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        kind: Option<String>,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let broken = |error| ClientError::Broken(error);
        let (stream, prefix) = self.connect().await?;
        let path = format!("{prefix}{path}");
        let request = Request::builder().method(method).uri(path).header(header::HOST, "lithe");
        let request = match kind {
            Some(kind) => request.header(header::CONTENT_TYPE, kind),
            None => request,
        };
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
