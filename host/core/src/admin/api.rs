//! The API for deploys, and what each request of it does.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /status` | shows what is served and what drains |
//! | `PUT /plugins/FILE` | deploys one component: the body |
//! | `POST /deploy` | deploys several, all or none: a form with a part for each, named by its file |
//! | `POST /rollback/FILE` | goes back to the previous version, or to `?to=DIGEST` |
//! | `POST /promote`, `POST /drop` | ends a canary |
//! | `GET /audit` | shows who has asked for which change, and what came of it; `?since=1h` |
//!
//! If a host serves several sites, each of these paths begins with `/sites/NAME`, the name of the
//! site's folder; `GET /sites` lists the names, and `GET /audit` has the lines of all sites. A
//! token of one site opens only the paths of that site: anything else is 403.
//!
//! `?share=5%25` or `?header=NAME:VALUE` makes a deploy a canary. Each change takes `?dry_run=true`
//! (nothing changes, and the answer says what would) and `?keep_memory=true` (a change that would
//! lose memory is refused). Answers are JSON.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;

use super::answer::{Refusal, json};
use super::audit::{self, Audit, ChangeKind, Line, LinesOf};
use super::body::{Room, Upload, Uploaded, boundary, form};
use super::query::{decoded, query, split, terms};
use super::tokens::{Caller, Peer, Tokens};
use crate::log::Seldom;
use crate::pipeline::{self, Split};
use crate::site::{DeployError, Given, Report, SiteManager, Sites, Terms};

/// Answers the API's requests.
pub(crate) struct Api {
    pub sites: Arc<Sites>,
    pub access: Access,
    /// Limits how often the log reports a request without the right token.
    pub unknown: Seldom,
    pub room: Room,
    pub audit: Arc<Audit>,
    /// The changes and the lines that are written, which go on when their client leaves. The host
    /// waits for them before it ends.
    pub tasks: TaskTracker,
}

/// Who may use a listener.
pub(crate) enum Access {
    /// Everyone who reaches the listener.
    Everyone,
    /// Those who have one of these tokens.
    Token(Arc<ArcSwap<Tokens>>),
}

/// A request of somebody who is known.
struct Asked<'r> {
    head: &'r Parts,
    caller: Caller,
    peer: Peer,
    /// The line of the change that it asks for, until the change has begun.
    line: Option<Line>,
}

impl Api {
    /// Answers one request.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Full<Bytes>> {
        let (head, incoming) = request.into_parts();
        let mut upload = Upload::new(incoming);
        let answered = match self.caller(&head.headers) {
            Err(unknown) => Err(unknown),
            Ok(caller) => {
                let mut asked = Asked { head: &head, caller, peer, line: None };
                let answered = self.answer(&mut asked, &mut upload).await;
                if let (Err(refusal), Some(mut line)) = (&answered, asked.line) {
                    let why = &refusal.message;
                    match refusal.status {
                        // The line's site is the token's, which is not what the path names.
                        StatusCode::FORBIDDEN => line.refuse_path(head.uri.path(), why),
                        _ => line.refuse(why),
                    }
                    let audit = self.audit.clone();
                    let written = self.tasks.spawn(async move {
                        if let Err(error) = audit.write_refusal(line).await {
                            tracing::error!("a refusal is not in the audit: {error:#}");
                        }
                    });
                    // A task that has panicked has said so.
                    let _ = written.await;
                }
                answered
            }
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(refusal) => {
                self.log_refusal(&head, &refusal);
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

    fn log_refusal(&self, head: &Parts, refusal: &Refusal) {
        // Those who may not ask must not be able to fill the log, nor have a site charged for it.
        // Only changes are counted (`Asked::note_change`), so the log has nothing else.
        let may_not_ask = matches!(
            refusal.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        );
        let decoded = decoded(head.uri.path()).unwrap_or_default();
        let decoded = decoded.trim_start_matches('/');
        let is_change = change_of(&head.method, decoded).is_some();
        if !is_change || (may_not_ask && !self.unknown.is_due()) {
            return;
        }
        let (path, status) = (head.uri.path(), refusal.status.as_u16());
        let reason = &*refusal.message;
        let site = match may_not_ask {
            true => None,
            false => self.site(decoded).ok().map(|(manager, _)| manager.name()),
        };
        tracing::error!(
            target: "swap", site = site.as_deref(), path, status,
            "nothing was deployed: {reason}"
        );
    }

    async fn answer(
        &self,
        asked: &mut Asked<'_>,
        upload: &mut Upload<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        let head = asked.head;
        let path = decoded(head.uri.path())?;
        let path = path.trim_start_matches('/');
        asked.note_change(path)?;
        if let Caller::Site(token) = &asked.caller {
            token.check_path(path)?;
        }
        let query = query(head.uri.query().unwrap_or_default())?;
        if query.get("dry_run").is_some_and(|dry| dry != "false") {
            // What changes nothing has no line.
            asked.line = None;
        }
        match (path, &head.method) {
            ("sites", &Method::GET) => return Ok(json(StatusCode::OK, &self.sites.names())),
            ("audit" | "audit/", &Method::GET) => {
                return self.lines(LinesOf::Everybody, &query).await;
            }
            _ => {}
        }
        let named = path.strip_prefix("sites/").and_then(|path| path.split_once('/'));
        if let (Some((site, "audit" | "audit/")), &Method::GET) = (named, &head.method) {
            if let Caller::Site(token) = &asked.caller {
                token.count()?;
            }
            return self.lines(LinesOf::Site(site.to_owned()), &query).await;
        }
        let (manager, path) = self.site(path)?;
        if let Some(line) = asked.line.as_mut().filter(|line| line.site.is_empty()) {
            line.site = self.sites.names().pop().unwrap_or_default();
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let wanted = match (first, rest) {
            ("status" | "audit", "") => Method::GET,
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
                let body = upload.read(&head.headers, &self.room, &asked.caller).await?;
                let given = Given::from([(rest.to_owned(), body.bytes.clone())]);
                self.deploy(asked, manager, given, body, split, terms).await?
            }
            "deploy" => {
                let (split, terms) = (split(&query)?, terms(&query, &["share", "header"])?);
                let boundary = boundary(&head.headers)?;
                let body = upload.read(&head.headers, &self.room, &asked.caller).await?;
                let given = form(boundary, body.bytes.clone()).await?;
                self.deploy(asked, manager, given, body, split, terms).await?
            }
            "rollback" => {
                let terms = terms(&query, &["to"])?;
                let (plugin, to) = (rest.to_owned(), query.get("to").cloned());
                if let Some(line) = &mut asked.line {
                    line.name(std::iter::once((rest, None)));
                }
                let change = async move { manager.roll_back(&plugin, to.as_deref(), terms).await };
                self.make(asked, change).await?
            }
            "promote" => {
                let terms = terms(&query, &[])?;
                self.make(asked, async move { manager.promote(terms).await }).await?
            }
            "drop" => {
                let terms = terms(&query, &[])?;
                self.make(asked, async move { manager.drop_canary(terms).await }).await?
            }
            _ => return Err(Refusal::new(StatusCode::NOT_FOUND, ENDPOINTS)),
        };
        Ok(json::<Report>(StatusCode::OK, &report))
    }

    async fn deploy(
        &self,
        asked: &mut Asked<'_>,
        manager: Arc<SiteManager>,
        given: Given,
        body: Uploaded,
        split: Option<Split>,
        terms: Terms,
    ) -> Result<Report, Refusal> {
        if let Some(mut line) = asked.line.take() {
            let own = given.clone();
            let named = tokio::task::spawn_blocking(move || {
                line.name_given(&own);
                line
            });
            asked.line = Some(named.await.map_err(|_| failed())?);
        }
        let change = async move {
            // Its bytes take their room until the change ends, even if the client leaves.
            let _body = body;
            manager.deploy(given, split, terms).await
        };
        self.make(asked, change).await
    }

    /// Makes a change, and writes its line. If that is not possible, it does not make the change.
    /// It goes on when its client leaves.
    async fn make(
        &self,
        asked: &mut Asked<'_>,
        change: impl Future<Output = Result<Report, DeployError>> + Send + 'static,
    ) -> Result<Report, Refusal> {
        let Some(mut line) = asked.line.take() else {
            return Ok(tokio::spawn(change).await.map_err(|_| failed())??);
        };
        let audit = self.audit.clone();
        let made = self.tasks.spawn(async move {
            let reserved = audit.reserve().await.map_err(|error| {
                let message = format!(
                    "nothing is changed, because its line cannot be written: {error:#}; make room, or name another \
                     file in `admin.audit`"
                );
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
            })?;
            let mut made = tokio::spawn(change).await;
            if let Ok(ended) = &made {
                line.end(ended);
            }
            if let Err(error) = audit.write_change(line, reserved).await {
                tracing::error!("a change is not in the audit: {error:#}");
                if let Ok(Ok(report)) = &mut made {
                    report.warnings.push(format!("the change is not in the audit: {error:#}"));
                }
            }
            Ok(made.map_err(|_| failed())??)
        });
        made.await.map_err(|_| failed())?
    }

    /// The lines of the audit.
    async fn lines(
        &self,
        of: LinesOf,
        query: &HashMap<String, String>,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        if let Some(name) = query.keys().find(|name| *name != "since") {
            let message = format!("`{name}` is not a parameter here: the parameter is `since`");
            return Err(Refusal::bad(message));
        }
        let since = match query.get("since") {
            None => None,
            Some(text) => Some(audit::since(text).ok_or_else(|| {
                Refusal::bad(format!(
                    "`{text}` is not a time: write one such as `1h`, `2026-01-31` or `2026-01-31T12:00:00Z`"
                ))
            })?),
        };
        match self.audit.read(of, since).await {
            Ok(lines) => Ok(json(StatusCode::OK, &lines)),
            Err(error) => {
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
            }
        }
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

    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        match &self.access {
            Access::Everyone => Ok(Caller::Control),
            Access::Token(tokens) => tokens.load().caller(headers),
        }
    }
}

impl Asked<'_> {
    /// Begins the line of the change that the path asks for, if it does.
    fn note_change(&mut self, path: &str) -> Result<(), Refusal> {
        let Some((site, kind)) = change_of(&self.head.method, path) else { return Ok(()) };
        // What a site's token asks of another site is of its own site.
        let site = match &self.caller {
            Caller::Site(token) => {
                token.count()?;
                &*token.site
            }
            Caller::Control | Caller::Operator => site,
        };
        self.line = Some(Line::of(&self.caller, self.peer, site, kind));
        Ok(())
    }
}

/// The change that a request asks for, and the name of its site: empty if the path has none.
fn change_of<'p>(method: &Method, path: &'p str) -> Option<(&'p str, ChangeKind)> {
    let (site, path) = match path.strip_prefix("sites/") {
        Some(path) => path.split_once('/').unwrap_or((path, "")),
        None => ("", path),
    };
    let (first, _) = path.split_once('/').unwrap_or((path, ""));
    let kind = match (first, method) {
        ("plugins", &Method::PUT) | ("deploy", &Method::POST) => ChangeKind::Deploy,
        ("rollback", &Method::POST) => ChangeKind::Rollback,
        ("promote", &Method::POST) => ChangeKind::Promote,
        ("drop", &Method::POST) => ChangeKind::Drop,
        _ => return None,
    };
    Some((site, kind))
}

const ENDPOINTS: &str = "the API has GET /status, PUT /plugins/FILE, POST /deploy, \
                         POST /rollback/FILE, POST /promote, POST /drop and GET /audit";

/// The answer if a task has panicked.
fn failed() -> Refusal {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the change has failed in the host: `lithe status` says what is served",
    )
}
