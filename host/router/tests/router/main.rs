//! The router as its users see it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics if something is not as expected"
)]

mod files;
// By path: the fuzz package, which has the same properties as a target, is outside of the
// workspace.
#[path = "../../../fuzz/router/mod.rs"]
mod fuzzed;
mod matching;
mod portable;
mod properties;
mod refusals;
mod scoped;
mod totals;

use http::Method;

use lithe_router::{Found, Path, Pattern, RouteFile, Router};

/// A table of patterns for any method; one with a method is written `GET /users`.
fn table(patterns: &[&'static str]) -> Router<&'static str> {
    filled(Router::default(), patterns)
}

fn filled(mut router: Router<&'static str>, patterns: &[&'static str]) -> Router<&'static str> {
    for text in patterns {
        let (method, pattern) = match text.split_once(' ') {
            Some((method, pattern)) => (Some(method.parse().unwrap()), pattern),
            None => (None, *text),
        };
        router.insert(method, Pattern::parse(pattern).unwrap(), *text).unwrap();
    }
    router
}

/// A table of files below `routes/`, without their extension.
fn site(stems: &[&'static str]) -> Router<&'static str> {
    let mut router = Router::default();
    for stem in stems {
        let file = RouteFile::parse(stem).unwrap();
        router.insert(file.method, file.pattern, *stem).unwrap();
    }
    router
}

/// What a lookup finds: the route and its parameters, `405` and what is allowed, or `404`.
fn found(router: &Router<&str>, method: &Method, path: &str) -> String {
    match router.find(method, &Path::parse(path).unwrap()) {
        Found::Route { value, params, .. } => {
            params.iter().fold((*value).to_owned(), |text, (k, v)| format!("{text} {k}={v}"))
        }
        Found::OtherMethods { allow } => {
            allow.iter().fold("405".to_owned(), |text, m| format!("{text} {m}"))
        }
        Found::Nothing => "404".to_owned(),
        Found::TooCostly => "414".to_owned(),
    }
}

fn get(router: &Router<&str>, path: &str) -> String {
    found(router, &Method::GET, path)
}
