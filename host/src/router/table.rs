//! The table of routes: a tree of segments.

use std::collections::HashMap;

use http::Method;

use super::path::Path;
use super::pattern::{Pattern, Segment};

/// Routes by pattern and method.
#[derive(Debug)]
pub struct Router<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    statics: HashMap<String, Node<T>>,
    param: Option<Box<Node<T>>>,
    routes: Vec<Route<T>>,
}

#[derive(Debug)]
struct Route<T> {
    method: Option<Method>,
    pattern: Pattern,
    value: T,
}

/// What a lookup found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'r, T> {
    /// A route, and its parameters in the pattern's order.
    Route { value: &'r T, pattern: &'r Pattern, params: Vec<(&'r str, String)> },
    /// Routes for the path, none for the method. `allow` is what there is (RFC 9110, section
    /// 10.2.1), HEAD for GET and OPTIONS included.
    OtherMethods { allow: Vec<Method> },
    /// No route for the path.
    Nothing,
}

/// Why a route cannot be added.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Conflict {
    #[error("both serve {method} `{pattern}`: remove one, or give them different methods", method = .method.as_ref().map_or("any method of", Method::as_str))]
    Same { method: Option<Method>, pattern: String },
    #[error("`{pattern}` names a parameter differently from `{other}`: use the same names")]
    Names { pattern: String, other: String },
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { statics: HashMap::new(), param: None, routes: Vec::new() }
    }
}

impl<T> Router<T> {
    /// Adds a route.
    ///
    /// # Errors
    /// With the value of the route that it conflicts with: the same method and pattern, or another
    /// parameter name on the same shape.
    pub fn insert(
        &mut self,
        method: Option<Method>,
        pattern: Pattern,
        value: T,
    ) -> Result<(), (Conflict, &T)> {
        let mut node = &mut self.root;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Static(text) => node.statics.entry(text.clone()).or_default(),
                Segment::Param(_) => node.param.get_or_insert_default(),
            };
        }
        let conflict = node.routes.iter().position(|other| {
            other.method == method || !other.pattern.params().eq(pattern.params())
        });
        if let Some(at) = conflict {
            let other = &node.routes[at];
            let conflict = if other.pattern == pattern {
                Conflict::Same { method, pattern: pattern.to_string() }
            } else {
                Conflict::Names { pattern: pattern.to_string(), other: other.pattern.to_string() }
            };
            return Err((conflict, &other.value));
        }
        node.routes.push(Route { method, pattern, value });
        Ok(())
    }

    /// Finds the route for a request: static segments before parameters, an exact method before any
    /// method, and back to the next pattern where one lacks the method. A HEAD request takes a HEAD
    /// route, else one for any method, else GET's.
    pub fn find(&self, method: &Method, path: &Path<'_>) -> Found<'_, T> {
        let mut search = Search { method, path, params: Vec::new(), others: Vec::new() };
        match search.descend(&self.root, 0) {
            Some(route) => Found::Route {
                value: &route.value,
                pattern: &route.pattern,
                params: route.pattern.params().zip(search.params).collect(),
            },
            None if search.others.is_empty() => Found::Nothing,
            None => Found::OtherMethods { allow: allowed(search.others) },
        }
    }

    /// Every route, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&Method>, &Pattern, &T)> {
        let mut nodes = vec![&self.root];
        std::iter::from_fn(move || {
            let node = nodes.pop()?;
            nodes.extend(node.statics.values().chain(node.param.as_deref()));
            Some(node.routes.iter())
        })
        .flatten()
        .map(|route| (route.method.as_ref(), &route.pattern, &route.value))
    }
}

struct Search<'q> {
    method: &'q Method,
    path: &'q Path<'q>,
    params: Vec<String>,
    /// Methods of patterns that match the path.
    others: Vec<Method>,
}

impl Search<'_> {
    fn descend<'r, T>(&mut self, node: &'r Node<T>, at: usize) -> Option<&'r Route<T>> {
        let Some(segment) = self.path.segments().get(at) else {
            let route = node.route_for(self.method);
            if route.is_none() {
                self.others.extend(node.routes.iter().filter_map(|route| route.method.clone()));
            }
            return route;
        };
        if let Some(next) = node.statics.get(&**segment)
            && let Some(route) = self.descend(next, at + 1)
        {
            return Some(route);
        }
        let next = node.param.as_deref()?;
        self.params.push(segment.clone().into_owned());
        let route = self.descend(next, at + 1);
        if route.is_none() {
            self.params.pop();
        }
        route
    }
}

impl<T> Node<T> {
    fn route_for(&self, method: &Method) -> Option<&Route<T>> {
        let exact = |method: Option<&Method>| {
            self.routes.iter().find(|route| route.method.as_ref() == method)
        };
        exact(Some(method))
            .or_else(|| exact(None))
            .or_else(|| (*method == Method::HEAD).then(|| exact(Some(&Method::GET))).flatten())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::RouteFile;

    fn router(stems: &[&'static str]) -> Router<&'static str> {
        let mut router = Router::default();
        for stem in stems {
            let file = RouteFile::parse(stem).unwrap();
            router.insert(file.method, file.pattern, *stem).unwrap();
        }
        router
    }

    fn found(router: &Router<&'static str>, method: &Method, path: &str) -> String {
        match router.find(method, &Path::parse(path).unwrap()) {
            Found::Route { value, params, .. } => {
                params.iter().fold((*value).to_owned(), |text, (k, v)| format!("{text} {k}={v}"))
            }
            Found::OtherMethods { allow } => {
                allow.iter().fold("405".to_owned(), |text, m| format!("{text} {m}"))
            }
            Found::Nothing => "404".to_owned(),
        }
    }

    #[test]
    fn static_segments_come_before_parameters() {
        let router = router(&["users/all", "users/[id]", "users/[id]/items/[item]"]);
        assert_eq!(found(&router, &Method::GET, "/users/all"), "users/all");
        assert_eq!(found(&router, &Method::GET, "//users///42/"), "users/[id] id=42");
        assert_eq!(
            found(&router, &Method::GET, "/users/7/items/9"),
            "users/[id]/items/[item] id=7 item=9"
        );
        assert_eq!(found(&router, &Method::GET, "/users"), "404");
        assert_eq!(found(&router, &Method::GET, "/users/7/items"), "404");
    }

    #[test]
    fn the_search_goes_back_where_a_branch_ends() {
        let router = router(&["a/b/c", "[x]/b/d", "a/[y].post"]);
        assert_eq!(found(&router, &Method::GET, "/a/b/d"), "[x]/b/d x=a");
        assert_eq!(found(&router, &Method::POST, "/a/b"), "a/[y].post y=b");
    }

    #[test]
    fn the_search_goes_back_where_the_method_is_missing() {
        let router = router(&["users/all.post", "users/[id].get"]);
        assert_eq!(found(&router, &Method::GET, "/users/all"), "users/[id].get id=all");
    }

    #[test]
    fn an_exact_method_comes_before_any() {
        let router = router(&["x", "x.post"]);
        assert_eq!(found(&router, &Method::POST, "/x"), "x.post");
        assert_eq!(found(&router, &Method::PUT, "/x"), "x");
    }

    #[test]
    fn another_method_is_405_with_what_is_allowed() {
        let router = router(&["x.get", "x.post"]);
        assert_eq!(found(&router, &Method::PUT, "/x"), "405 GET HEAD OPTIONS POST");
        assert_eq!(found(&router, &Method::PUT, "/y"), "404");
    }

    #[test]
    fn head_takes_head_then_any_then_get() {
        let with_get = router(&["x.get", "y.get", "y", "z.get", "z", "z.head"]);
        assert_eq!(found(&with_get, &Method::HEAD, "/x"), "x.get");
        assert_eq!(found(&with_get, &Method::HEAD, "/y"), "y");
        assert_eq!(found(&with_get, &Method::HEAD, "/z"), "z.head");
    }

    #[test]
    fn conflicts_name_what_they_conflict_with() {
        let mut router = router(&["foo", "users/[id].get"]);
        let mut add = |stem| {
            let file = RouteFile::parse(stem).unwrap();
            router
                .insert(file.method, file.pattern, stem)
                .map_err(|(c, with)| (c.to_string(), *with))
        };
        let (message, with) = add("foo/index").unwrap_err();
        assert_eq!(with, "foo");
        assert!(message.contains("any method of `/foo`"), "{message}");
        let (message, with) = add("users/[name].post").unwrap_err();
        assert_eq!(with, "users/[id].get");
        assert!(message.contains("`/users/:name`"), "{message}");
    }
}
