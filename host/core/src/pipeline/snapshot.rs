//! What the pipeline knows about a site.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ipnet::IpNet;

use super::public::Public;
use crate::capability::account::Account;
use crate::config::{Deflate, Limits, ProxyHeader};
use crate::lease::Lease;
use crate::plugin::{ErrorHandler, Handler, Middleware, PluginVersion, Share};
use lithe_router::{Path, Router, Scopes};

/// A loaded site. A change replaces all of it; a request keeps the snapshot that it started with.
#[derive(Clone)]
pub struct SiteSnapshot {
    pub name: Arc<str>,
    pub limits: Limits,
    /// What the site has used of its limits.
    pub account: Arc<Account>,
    /// Its share of the machine, if it has neighbours.
    pub share: Option<Arc<Share>>,
    /// Compression of WebSocket messages.
    pub deflate: Deflate,
    /// How long a client may take from the end of a request's head to the end of its body.
    pub body_time: Duration,
    /// Networks whose proxies are trusted to name the client.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they name the client.
    pub proxy_header: ProxyHeader,
    pub router: Router<Arc<Handler>>,
    /// Middleware for every request, in order.
    pub global: Vec<Arc<Middleware>>,
    pub middleware: Scopes<Arc<Middleware>>,
    pub errors: Scopes<Arc<ErrorHandler>>,
    pub public: Public,
    /// Every plugin once.
    pub plugins: Vec<SitePlugin>,
}

/// A plugin as a site has it.
#[derive(Clone)]
pub struct SitePlugin {
    /// A request holds the snapshot, and may make a socket of any plugin.
    pub version: Lease<PluginVersion>,
    /// The files that it is in: at least one.
    pub files: Vec<String>,
    /// Whether the site requires that its memory moves. A version that serves may have been made
    /// under another setting.
    pub requires_state: bool,
}

impl SiteSnapshot {
    /// The same site, with the limits that take effect without a new version from `lower`.
    pub fn with_site_limits_of(&self, lower: &Limits) -> Self {
        Self { limits: self.limits.with_site_limits_of(lower), ..self.clone() }
    }

    /// The plugin of this name: that of its file, or of `[build]` if it has several files.
    pub fn plugin(&self, name: &str) -> Option<&Arc<PluginVersion>> {
        self.versions().find(|plugin| *plugin.context().plugin == *name)
    }

    /// The version of every plugin.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<PluginVersion>> {
        self.plugins.iter().map(|own| &*own.version)
    }

    /// The middleware for a request: global, then scoped, from broad to specific.
    pub fn middleware_for(&self, method: &Method, path: &Path<'_>) -> Vec<Arc<Middleware>> {
        self.global.iter().chain(self.middleware.matching(method, path)).cloned().collect()
    }

    /// The error handlers for a request, nearest first.
    pub fn errors_for(&self, method: &Method, path: &Path<'_>) -> Vec<Arc<ErrorHandler>> {
        self.errors.matching(method, path).rev().cloned().collect()
    }
}
