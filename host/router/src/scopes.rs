//! What runs for a part of a site: middleware and error handlers.

use http::Method;

use super::path::Path;
use super::pattern::Pattern;
use super::search;
use super::tree::{Node, Tree, variants};

/// Values by scope and method. Unlike routes, all values that fit a path apply, and they do not
/// conflict.
#[derive(Clone, Debug)]
pub struct Scopes<T> {
    tree: Tree,
    values: Vec<T>,
}

/// Paths are case-sensitive.
impl<T> Default for Scopes<T> {
    fn default() -> Self {
        Self::new(true)
    }
}

impl<T> Scopes<T> {
    /// Starts without values. Without `case_sensitive`, ASCII letters match in upper and lower
    /// case.
    pub fn new(case_sensitive: bool) -> Self {
        let tree = Tree { root: Node::default(), case_sensitive };
        Self { tree, values: Vec::new() }
    }

    /// Adds a value for the paths that the pattern matches; `/users/**` matches `/users` too.
    pub fn insert(&mut self, method: Option<Method>, pattern: &Pattern, value: T) {
        for variant in variants(pattern, false) {
            self.tree.insert(self.values.len(), method.as_ref(), variant);
        }
        self.values.push(value);
    }

    /// The values that apply to a request, from broad to specific; within one scope, in the order
    /// in which they were added. A value for GET applies to HEAD, too, because a GET route may
    /// answer it, and a guard of one must guard the other.
    pub fn matching<'s>(
        &'s self,
        method: &Method,
        path: &Path<'_>,
    ) -> impl DoubleEndedIterator<Item = &'s T> + use<'s, T> {
        let applies = |scope: Option<&Method>| {
            scope.is_none_or(|scope| {
                scope == method || (*method == Method::HEAD && *scope == Method::GET)
            })
        };
        let mut entries = Vec::new();
        // Most sites have no scopes, and every request comes here.
        let ends = match self.values.is_empty() {
            true => Vec::new(),
            false => search::all(&self.tree, path),
        };
        for end in ends {
            // A scope with an optional part may fit in two ways: the broadest counts.
            if applies(end.method.as_ref()) && !entries.contains(&end.entry) {
                entries.push(end.entry);
            }
        }
        entries.into_iter().map(|entry| &self.values[entry])
    }
}
