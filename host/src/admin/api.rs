//! What the API answers.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /status` | what is served, what drains |
//! | `PUT /plugins/FILE` | deploys one component: the body |
//! | `POST /deploy` | deploys several, all or none: a form with a part for each, named by its file |
//! | `POST /rollback/FILE` | goes back to the version before, or to `?to=DIGEST` |
//! | `POST /promote`, `POST /drop` | ends a canary |
//!
//! Where a host serves several sites, `/sites/NAME` comes before each of these, with the name of the site's
//! folder; `GET /sites` names them. `?share=5%25` or `?header=NAME:VALUE` makes a deploy a canary. Answers are JSON.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::time::timeout;

use crate::pipeline::Split;
use crate::plugin::{Digest, VersionError};
use crate::site::{DeployError, Given, Live, NotServed, Report, Sites};

/// Components of one deploy.
const MAX_PARTS: usize = 1_000;

/// From the end of a request's head to the end of its body.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How long the rest of a body is read that nobody wants, so that the answer is.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Answers requests.
pub struct Api {
    pub sites: Arc<Sites>,
    pub access: Access,
    /// The largest body, in bytes.
    pub max_body: usize,
}

/// Who may use it.
pub enum Access {
    /// Whoever reaches the listener.
    Everyone,
    /// Whoever has the token of this digest.
    Token(Digest),
}

/// An error's answer.
struct Refusal {
    status: StatusCode,
    message: String,
    header: Option<(header::HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct ErrorBody<'m> {
    error: &'m str,
}

impl Api {
    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, mut body) = request.into_parts();
        match self.answer(&head, &mut body).await {
            Ok(response) => response,
            Err(refusal) => {
                if head.method != Method::GET {
                    let (path, status) = (head.uri.path(), refusal.status.as_u16());
                    let reason = &*refusal.message;
                    tracing::error!(target: "swap", path, status, "nothing was deployed: {reason}");
                }
                // Whoever is still sending would not read an answer.
                let rest = Limited::new(body, self.max_body).collect();
                let _ = timeout(DRAIN_TIME, rest).await;
                let body = ErrorBody { error: &refusal.message };
                let mut response = json(refusal.status, &body);
                if let Some((name, value)) = refusal.header {
                    response.headers_mut().insert(name, header::HeaderValue::from_static(value));
                }
                response
            }
        }
    }

    async fn answer(
        &self,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        self.check_access(&head.headers)?;
        let path = decoded(head.uri.path())?;
        let query = query(head.uri.query().unwrap_or_default())?;
        let path = path.trim_start_matches('/');
        if path == "sites" && head.method == Method::GET {
            return Ok(json(StatusCode::OK, &self.sites.names()));
        }
        let (live, path) = self.site(path)?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let wanted = match (first, rest) {
            ("status", "") => Method::GET,
            ("plugins", file) if !file.is_empty() => Method::PUT,
            ("rollback", file) if !file.is_empty() => Method::POST,
            ("deploy" | "promote" | "drop", "") => Method::POST,
            _ => return Err(Refusal::new(StatusCode::NOT_FOUND, WHAT_THERE_IS)),
        };
        if head.method != wanted {
            let message = format!("`/{path}` is asked with {wanted}");
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).allow(&wanted));
        }
        let report = match first {
            "status" => return Ok(json(StatusCode::OK, &live.status())),
            "plugins" => {
                let split = split(&query)?;
                let body = self.body(body).await?;
                let given = Given::from([(rest.to_owned(), body)]);
                live.deploy(given, split).await?
            }
            "deploy" => {
                let split = split(&query)?;
                let given = self.form(&head.headers, body).await?;
                live.deploy(given, split).await?
            }
            "rollback" => {
                known(&query, &["to"])?;
                live.roll_back(rest, query.get("to").map(String::as_str)).await?
            }
            "promote" => live.promote().await?,
            _ => live.drop_canary().await?,
        };
        Ok(json::<Report>(StatusCode::OK, &report))
    }

    /// The site that is meant, and the rest of the path.
    fn site<'p>(&self, path: &'p str) -> Result<(Arc<Live>, &'p str), Refusal> {
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
        let token = shown.and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) if Digest::of(token.trim().as_bytes()) == *expected => Ok(()),
            Some(_) => Err(Refusal::unauthorized("the token is wrong")),
            None => Err(Refusal::unauthorized("show the token: `authorization: Bearer TOKEN`")),
        }
    }

    async fn body(&self, body: &mut Incoming) -> Result<Bytes, Refusal> {
        let body = timeout(BODY_TIME, Limited::new(body, self.max_body).collect()).await;
        let body = body.map_err(|_| {
            let message = format!("the body did not arrive in {BODY_TIME:?}");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
        })?;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(self.too_large()),
            Err(error) => Err(Refusal::bad(format!("the body did not arrive: {error}"))),
        }
    }

    /// A form's parts, by their names (RFC 7578).
    async fn form(&self, headers: &HeaderMap, body: &mut Incoming) -> Result<Given, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(kind).map_err(|_| {
            Refusal::bad("send a form, `multipart/form-data`, with a part for each component")
        })?;
        let body = self.body(body).await?;
        let parts = futures_util::stream::once(async { Ok::<_, std::io::Error>(body) });
        let mut parts = multer::Multipart::new(parts, boundary);
        let malformed =
            |error: multer::Error| Refusal::bad(format!("the form is malformed: {error}"));
        let mut given = Given::new();
        while let Some(part) = parts.next_field().await.map_err(malformed)? {
            let name = part.name().map(str::to_owned);
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                return Err(Refusal::bad("a part has no name: name it by the component's file"));
            };
            let bytes = part.bytes().await.map_err(malformed)?;
            if given.insert(name.clone(), bytes).is_some() {
                return Err(Refusal::bad(format!("`{name}` is there twice")));
            }
            if given.len() > MAX_PARTS {
                return Err(Refusal::bad(format!("a deploy has at most {MAX_PARTS} components")));
            }
        }
        match given.is_empty() {
            true => Err(Refusal::bad("the form is empty: send a part for each component")),
            false => Ok(given),
        }
    }

    fn too_large(&self) -> Refusal {
        let message = format!("the body is over {} bytes (`admin.body`)", self.max_body);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }
}

const WHAT_THERE_IS: &str = "there is GET /status, PUT /plugins/FILE, POST /deploy, \
                             POST /rollback/FILE, POST /promote and POST /drop";

fn decoded(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Refusal::bad(format!("`{text}` is not UTF-8")))
}

fn query(text: &str) -> Result<HashMap<String, String>, Refusal> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| Ok((decoded(name)?, decoded(value)?))).collect()
}

fn known(query: &HashMap<String, String>, names: &[&str]) -> Result<(), Refusal> {
    match query.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let names = names.join("`, `");
            Err(Refusal::bad(format!("`{name}` is no parameter here: there is `{names}`")))
        }
    }
}

fn split(query: &HashMap<String, String>) -> Result<Option<Split>, Refusal> {
    known(query, &["share", "header"])?;
    let split = match (query.get("share"), query.get("header")) {
        (None, None) => return Ok(None),
        (Some(share), None) => Split::share(share),
        (None, Some(header)) => Split::header(header),
        (Some(_), Some(_)) => {
            return Err(Refusal::bad("a canary has a `share` or a `header`, not both"));
        }
    };
    split.map(Some).map_err(|error| Refusal::bad(error.to_string()))
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Full<Bytes>> {
    // What is serialized here has text for keys, and no failing parts.
    let mut text = serde_json::to_vec(body).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn unauthorized(message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, message);
        refusal.header = Some((header::WWW_AUTHENTICATE, "Bearer"));
        refusal
    }

    fn allow(mut self, method: &Method) -> Self {
        let name = match *method {
            Method::GET => "GET",
            Method::PUT => "PUT",
            _ => "POST",
        };
        self.header = Some((header::ALLOW, name));
        self
    }
}

impl From<NotServed> for Refusal {
    fn from(error: NotServed) -> Self {
        let status = match error {
            NotServed::Unknown(_) | NotServed::Several => StatusCode::NOT_FOUND,
            NotServed::Starting | NotServed::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<DeployError> for Refusal {
    fn from(error: DeployError) -> Self {
        let status = match &error {
            DeployError::Stopping | DeployError::Busy | DeployError::Aside(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            DeployError::Gone => StatusCode::NOT_FOUND,
            DeployError::Canary | DeployError::NoCanary | DeployError::Hosts(_) => {
                StatusCode::CONFLICT
            }
            DeployError::NoPlugin(_) => StatusCode::NOT_FOUND,
            DeployError::Version(VersionError::Gone(_) | VersionError::Damaged(_)) => {
                StatusCode::GONE
            }
            DeployError::Version(VersionError::Ambiguous { .. }) => StatusCode::BAD_REQUEST,
            DeployError::Version(_) => StatusCode::NOT_FOUND,
            DeployError::Swap(_) | DeployError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, format!("{:#}", anyhow::Error::new(error)))
    }
}
