//! The API for deploys, and what each request of it does.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /status` | shows what is served and what drains |
//! | `PUT /plugins/FILE` | deploys one component: the body |
//! | `POST /deploy` | deploys several, all or none: a form with a part for each, named by its file |
//! | `POST /rollback/FILE` | goes back to the previous version, or to `?to=DIGEST` |
//! | `POST /promote`, `POST /drop` | ends a canary |
//!
//! If a host serves several sites, each of these paths begins with `/sites/NAME`, the name of the
//! site's folder; `GET /sites` lists the names. `?share=5%25` or `?header=NAME:VALUE` makes a
//! deploy a canary. Each change takes `?dry_run=true` (nothing changes, and the answer says what
//! would) and `?keep_memory=true` (a change that would lose memory is refused). Answers are JSON.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::answer::{Refusal, json};
use super::body::{Room, Upload, boundary, form};
use super::query::{decoded, query, split, terms};
use crate::log::Seldom;
use crate::pipeline;
use crate::plugin::Digest;
use crate::site::{DeployError, Given, Report, SiteManager, Sites};

/// Answers the API's requests.
pub(crate) struct Api {
    pub sites: Arc<Sites>,
    pub access: Access,
    /// Limits how often the log reports a request without the right token.
    pub unknown: Seldom,
    pub room: Room,
}

/// Who may use a listener.
pub(crate) enum Access {
    /// Everyone who reaches the listener.
    Everyone,
    /// Those who have the token of this digest.
    Token(Digest),
}

impl Api {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, incoming) = request.into_parts();
        let mut upload = Upload::new(incoming);
        let mut response = match self.answer(&head, &mut upload).await {
            Ok(response) => response,
            Err(refusal) => {
                // A client without the token must not be able to fill the log.
                let is_unknown = refusal.status == StatusCode::UNAUTHORIZED;
                if head.method != Method::GET && (!is_unknown || self.unknown.is_due()) {
                    let (path, status) = (head.uri.path(), refusal.status.as_u16());
                    let reason = &*refusal.message;
                    let site = decoded(path).ok().and_then(|path| {
                        let (manager, _) = self.site(path.trim_start_matches('/')).ok()?;
                        Some(manager.name().clone())
                    });
                    tracing::error!(
                        target: "swap", site = site.as_deref(), path, status,
                        "nothing was deployed: {reason}"
                    );
                }
                refusal.into_response()
            }
        };
        // A client without the token must not be able to keep one of the listener's few
        // connections.
        if upload.is_unread() || response.status() == StatusCode::UNAUTHORIZED {
            pipeline::end_connection(&mut response);
        }
        response
    }

    async fn answer(
        &self,
        head: &Parts,
        upload: &mut Upload<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        self.check_access(&head.headers)?;
        let path = decoded(head.uri.path())?;
        let query = query(head.uri.query().unwrap_or_default())?;
        let path = path.trim_start_matches('/');
        if path == "sites" && head.method == Method::GET {
            return Ok(json(StatusCode::OK, &self.sites.names()));
        }
        let (manager, path) = self.site(path)?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let wanted = match (first, rest) {
            ("status", "") => Method::GET,
            ("plugins", file) if !file.is_empty() => Method::PUT,
            ("rollback", file) if !file.is_empty() => Method::POST,
            ("deploy" | "promote" | "drop", "") => Method::POST,
            _ => return Err(Refusal::new(StatusCode::NOT_FOUND, ENDPOINTS)),
        };
        if head.method != wanted {
            let message = format!("`/{path}` takes {wanted}");
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).allow(&wanted));
        }
        let report = match first {
            "status" => return Ok(json(StatusCode::OK, &manager.status())),
            "plugins" => {
                let (split, terms) = (split(&query)?, terms(&query, &["share", "header"])?);
                let body = upload.read(&head.headers, &self.room).await?;
                let given = Given::from([(rest.to_owned(), body.bytes.clone())]);
                to_its_end(async move { manager.deploy(given, split, terms).await }).await?
            }
            "deploy" => {
                let (split, terms) = (split(&query)?, terms(&query, &["share", "header"])?);
                let boundary = boundary(&head.headers)?;
                let body = upload.read(&head.headers, &self.room).await?;
                let given = form(boundary, body.bytes.clone()).await?;
                to_its_end(async move { manager.deploy(given, split, terms).await }).await?
            }
            "rollback" => {
                let terms = terms(&query, &["to"])?;
                let (plugin, to) = (rest.to_owned(), query.get("to").cloned());
                to_its_end(async move { manager.roll_back(&plugin, to.as_deref(), terms).await })
                    .await?
            }
            "promote" => {
                let terms = terms(&query, &[])?;
                to_its_end(async move { manager.promote(terms).await }).await?
            }
            _ => {
                let terms = terms(&query, &[])?;
                to_its_end(async move { manager.drop_canary(terms).await }).await?
            }
        };
        Ok(json::<Report>(StatusCode::OK, &report))
    }

    /// Finds the site that the path names. Returns the rest of the path, too.
    fn site<'p>(&self, path: &'p str) -> Result<(Arc<SiteManager>, &'p str), Refusal> {
        match path.strip_prefix("sites/") {
            Some(path) => {
                let (name, rest) = path.split_once('/').unwrap_or((path, ""));
                Ok((self.sites.get(name)?, rest))
            }
            None => Ok((self.sites.only()?, path)),
        }
    }

    fn check_access(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Access::Token(expected) = &self.access else { return Ok(()) };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        // RFC 9110, section 11.1: the scheme's case does not matter.
        let token = shown.and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token.map(|(_, token)| token) {
            Some(token) if Digest::of(token.trim().as_bytes()) == *expected => Ok(()),
            Some(_) => Err(Refusal::unauthorized("the token is wrong")),
            None => Err(Refusal::unauthorized("show the token: `authorization: Bearer TOKEN`")),
        }
    }
}

const ENDPOINTS: &str = "the API has GET /status, PUT /plugins/FILE, POST /deploy, \
                         POST /rollback/FILE, POST /promote and POST /drop";

/// Runs a change in a task of its own, so that it goes on when its client leaves.
async fn to_its_end(
    change: impl Future<Output = Result<Report, DeployError>> + Send + 'static,
) -> Result<Report, Refusal> {
    match tokio::spawn(change).await {
        Ok(changed) => Ok(changed?),
        Err(_) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the change has failed in the host: `lithe status` says what is served",
        )),
    }
}
