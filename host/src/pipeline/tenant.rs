//! What the pipeline knows of a site.

use std::sync::Arc;
use std::time::Duration;

use super::public::Public;
use crate::config::Limits;
use crate::plugin::Plugin;
use crate::router::Router;

/// A loaded site. Replaced whole when something in it changes; a request keeps the one that it began
/// with.
pub struct Tenant {
    pub name: Arc<str>,
    pub limits: Limits,
    /// From the end of a request's head to the end of its body.
    pub body_time: Duration,
    pub router: Router<RouteEntry>,
    pub public: Public,
    /// Every plugin once.
    pub plugins: Vec<Arc<Plugin>>,
}

/// What a route leads to.
pub struct RouteEntry {
    /// The component's file inside the site.
    pub file: String,
    pub plugin: Arc<Plugin>,
}
