//! The table of routes.

use std::sync::Arc;

use http::Method;

use super::conflict::Conflict;
use super::path::Path;
use super::pattern::{Pattern, Rest};
use super::search::Search;
use super::tree::{End, Node, Tree, Variant, variants};

/// Routes by pattern and method.
#[derive(Clone, Debug)]
pub struct Router<T> {
    tree: Tree,
    /// In the order in which they were added.
    routes: Vec<Route<T>>,
}

#[derive(Clone, Debug)]
struct Route<T> {
    method: Option<Method>,
    pattern: Pattern,
    /// The pattern in text.
    shown: Arc<str>,
    value: T,
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'r, T> {
    /// A route, and its parameters in the pattern's order. An optional parameter without its
    /// segment is left out. A catch-all that may be empty is not.
    Route {
        value: &'r T,
        pattern: &'r Pattern,
        /// The pattern in text.
        shown: &'r Arc<str>,
        params: Vec<(&'r str, String)>,
    },
    /// The path has routes, but none for the method. `allow` lists the methods that it has (RFC
    /// 9110, section 10.2.1), with HEAD for GET and OPTIONS.
    OtherMethods { allow: Vec<Method> },
    /// The path has no route.
    Nothing,
    /// The path is too long for the regexes that it would have to be compared with.
    TooCostly,
}

/// Paths are case-sensitive.
impl<T> Default for Router<T> {
    fn default() -> Self {
        Self::new(true)
    }
}

impl<T> Router<T> {
    /// An empty table. Without `case_sensitive`, ASCII letters match in upper and lower case.
    pub fn new(case_sensitive: bool) -> Self {
        let tree = Tree { root: Node::default(), case_sensitive };
        Self { tree, routes: Vec::new() }
    }

    /// Adds a route. A catch-all at the root for any method is the fallback: it also matches `/`.
    ///
    /// # Errors
    /// The route conflicts with another, whose value is returned. The table is unchanged.
    pub fn insert(
        &mut self,
        method: Option<Method>,
        pattern: Pattern,
        value: T,
    ) -> Result<(), (Conflict, &T)> {
        let fallback = method.is_none() && pattern.segments().len() == 1;
        let variants = variants(&pattern, fallback);
        for variant in &variants {
            for end in self.tree.ends(variant).iter().filter(|end| end.rank == variant.rank) {
                let other = &self.routes[end.entry];
                let found = conflict(method.as_ref(), &pattern, variant, &other.pattern, end);
                if let Some(conflict) = found {
                    // Looked up again by its index, because the borrow checker does not allow
                    // returning `other`.
                    return Err((conflict, &self.routes[end.entry].value));
                }
            }
        }
        for variant in variants {
            self.tree.insert(self.routes.len(), method.as_ref(), variant);
        }
        let shown = pattern.to_string().into();
        self.routes.push(Route { method, pattern, shown, value });
        Ok(())
    }

    /// Finds the route for a request. Static segments go before a regex or embedded parameters, and
    /// these before parameters, wildcards and catch-alls. An exact method goes before any method.
    /// If a pattern fails or lacks the method, the next one is tried. A HEAD request takes a HEAD
    /// route, else one for any method, else GET's.
    pub fn find(&self, method: &Method, path: &Path<'_>) -> Found<'_, T> {
        let mut search = Search::new(method, path, self.tree.case_sensitive);
        match search.descend(&self.tree.root, 0) {
            _ if search.is_too_costly() => Found::TooCostly,
            Some(end) => {
                let Route { pattern, shown, value, .. } = &self.routes[end.entry];
                let names = end.params.iter().map(|index| pattern.param(*index));
                let values = search.captures.into_iter().map(|value| value.into_owned());
                let mut params: Vec<_> = names.zip(values).collect();
                // Unlike an optional parameter, an empty catch-all is a parameter.
                if let Some(Rest::ZeroOrMore(name)) = pattern.rest()
                    && params.last().is_none_or(|(last, _)| last != name)
                {
                    params.push((name, String::new()));
                }
                Found::Route { value, pattern, shown, params }
            }
            None if search.other_methods.is_empty() => Found::Nothing,
            None => Found::OtherMethods { allow: allowed(search.other_methods) },
        }
    }

    /// Every route, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&Method>, &Pattern, &T)> {
        self.routes.iter().map(|route| (route.method.as_ref(), &route.pattern, &route.value))
    }
}

/// Why `variant` of `pattern` conflicts with `other`, which already ends at the same place.
fn conflict(
    method: Option<&Method>,
    pattern: &Pattern,
    variant: &Variant<'_>,
    other: &Pattern,
    end: &End,
) -> Option<Conflict> {
    let kind = |pattern: &Pattern| pattern.rest().map(std::mem::discriminant);
    let names = variant.params.iter().map(|index| pattern.param(*index));
    let same_names = names.eq(end.params.iter().map(|index| other.param(*index)));
    let shown = |pattern: &Pattern| pattern.to_string();
    if kind(pattern).zip(kind(other)).is_some_and(|(kind, other)| kind != other) {
        Some(Conflict::CatchAlls { pattern: shown(pattern), other: shown(other) })
    } else if !same_names {
        Some(Conflict::Names { pattern: shown(pattern), other: shown(other) })
    } else if method != end.method.as_ref() {
        None
    } else if pattern == other {
        Some(Conflict::Same { method: method.cloned(), pattern: shown(pattern) })
    } else {
        let (method, pattern, other) = (method.cloned(), shown(pattern), shown(other));
        Some(Conflict::Overlap { method, pattern, other })
    }
}

fn allowed(mut methods: Vec<Method>) -> Vec<Method> {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods.push(Method::OPTIONS);
    methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    methods.dedup();
    methods
}
