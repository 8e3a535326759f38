//! `lithe routes`.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;

use crate::RoutesOptions;
use crate::serve::{block_on, loader, progress};
use crate::table::aligned;
use lithe_host::internals::pipeline::SiteSnapshot;
use lithe_host::internals::runtime::Pool;
use lithe_host::internals::runtime::exports::Exports;
use lithe_host::internals::site::{self, Loading, Root, SiteDir};
use lithe_router::Path;

pub(crate) fn run(options: &RoutesOptions) -> anyhow::Result<()> {
    site::find(&options.site)?;
    let site = SiteDir::open(&options.site)?;
    block_on(async {
        let loader = loader(&options.cache, &Root::One(Box::new(site.clone())))?;
        let on_compile = progress()();
        let loading = Loading { loader: &loader, before: None, on_compile: &*on_compile };
        let snapshot = site.load(&loading).await?;
        drop(on_compile);
        let table = table(&snapshot);
        std::io::stdout().write_all(table.as_bytes()).context("cannot write to standard output")
    })
}

/// A line for each route: method, pattern, component, and what runs around it, in order.
fn table(snapshot: &SiteSnapshot) -> String {
    let head = ["METHOD", "PATTERN", "COMPONENT", "MIDDLEWARE", "ERRORS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (method, pattern, handler) in snapshot.router.iter() {
        let pattern = pattern.to_string();
        // What applies to the pattern's text also applies to every path that it matches: scopes are
        // folders, and a folder's name stands for itself.
        let path = Path::parse(&pattern).ok();
        let asked = method.cloned().unwrap_or(http::Method::GET);
        let scoped = path.map(|path| {
            let middleware = snapshot.middleware_for(&asked, &path);
            (names(&middleware), names(&snapshot.errors_for(&asked, &path)))
        });
        let (middleware, errors) = scoped.unwrap_or_default();
        let method = method.map_or("any", http::Method::as_str).to_owned();
        let component = handler.context().plugin.to_string();
        rows.push(vec![method, pattern, component, middleware, errors]);
    }
    aligned(&rows)
}

fn names<E: Exports>(plugins: &[Arc<Pool<E>>]) -> String {
    let names: Vec<&str> = plugins.iter().map(|plugin| &*plugin.context().plugin).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" > ") }
}
