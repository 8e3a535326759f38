//! `lithe routes`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;

use super::RoutesOptions;
use super::serve::{block_on, load, loader};
use crate::pipeline::Tenant;
use crate::plugin::Plugin;
use crate::router::Path;
use crate::site::Site;

pub fn run(options: &RoutesOptions) -> anyhow::Result<()> {
    let site = Site::open(&options.site)?;
    block_on(async {
        let loader = loader(options.cache.clone())?;
        let tenant = load(&site, &loader, None).await?;
        let table = table(&tenant);
        std::io::stdout().write_all(table.as_bytes()).context("cannot write to standard output")
    })
}

/// A line for each route: method, pattern, component, and what runs around it, in order.
fn table(tenant: &Tenant) -> String {
    let mut rows =
        vec![["METHOD", "PATTERN", "COMPONENT", "MIDDLEWARE", "ERRORS"].map(str::to_owned)];
    for (method, pattern, plugin) in tenant.router.iter() {
        let pattern = pattern.to_string();
        // What applies to the pattern's own text applies to every path that it matches: scopes are
        // folders, and a folder's name stands for itself.
        let path = Path::parse(&pattern).ok();
        let asked = method.cloned().unwrap_or(http::Method::GET);
        let scoped = path.map(|path| {
            let middleware = tenant.middleware_for(&asked, &path);
            (names(&middleware), names(&tenant.errors_for(&asked, &path)))
        });
        let (middleware, errors) = scoped.unwrap_or_default();
        let method = method.map_or("any", http::Method::as_str).to_owned();
        rows.push([method, pattern, plugin.context().plugin.to_string(), middleware, errors]);
    }
    aligned(&rows)
}

fn names(plugins: &[Arc<Plugin>]) -> String {
    let names: Vec<&str> = plugins.iter().map(|plugin| &*plugin.context().plugin).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" > ") }
}

fn aligned(rows: &[[String; 5]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for [method, pattern, component, middleware, errors] in rows {
        let [a, b, c, d] = widths;
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{method:a$}  {pattern:b$}  {component:c$}  {middleware:d$}  {errors}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned);
        let text = aligned(&[row(["M", "/", "c", "d", "e"]), row(["GET", "/abc", "x", "-", "-"])]);
        assert_eq!(text, "M    /     c  d  e\nGET  /abc  x  -  -\n");
    }
}
