//! Searches in a tree: for the best end for a path, and for all ends.

use std::borrow::Cow;

use http::Method;

use super::matcher::Matcher;
use super::path::Path;
use super::tree::{End, Node, Tree};

/// The most that regexes may cost in one search. This is enough for four of the largest regexes on
/// the longest segment, about 10 ms, or for hundreds of usual ones on a segment of 40 bytes.
const MAX_COST: u32 = 64 * 1024 * 1024;

/// A search for the best end.
pub(crate) struct Search<'q> {
    method: &'q Method,
    segments: &'q [Cow<'q, str>],
    case_sensitive: bool,
    /// The captures on the way to the end that was found.
    pub captures: Vec<Cow<'q, str>>,
    /// The methods of ends that fit the path, if none was found.
    pub other_methods: Vec<Method>,
    cost: u32,
}

impl<'q> Search<'q> {
    pub(crate) fn new(method: &'q Method, path: &'q Path<'_>, case_sensitive: bool) -> Self {
        Self {
            method,
            segments: path.segments(),
            case_sensitive,
            captures: Vec::new(),
            other_methods: Vec::new(),
            cost: 0,
        }
    }

    /// Whether regexes have cost more than they may. Then what was found may not be the best.
    pub(crate) fn is_too_costly(&self) -> bool {
        self.cost > MAX_COST
    }

    /// The best end below `node` for the segments from `at` on. The recursion is as deep as the
    /// path has segments.
    pub(crate) fn descend<'t>(&mut self, node: &'t Node, at: usize) -> Option<&'t End> {
        let Some(segment) = self.segments.get(at) else {
            return self.choose(&node.ends);
        };
        if let Some(next) = node.static_child(segment, self.case_sensitive)
            && let Some(end) = self.descend(next, at + 1)
        {
            return Some(end);
        }
        let before = self.captures.len();
        for (matcher, next) in &node.mixed {
            self.cost = self.cost.saturating_add(matcher.cost(segment));
            if self.is_too_costly() {
                return None;
            }
            if matcher.capture(segment, &mut self.captures)
                && let Some(end) = self.descend(next, at + 1)
            {
                return Some(end);
            }
            self.captures.truncate(before);
        }
        for next in [&node.param, &node.wildcard].into_iter().flatten() {
            self.captures.push(Cow::Borrowed(segment));
            if let Some(end) = self.descend(next, at + 1) {
                return Some(end);
            }
            self.captures.truncate(before);
        }
        let end = self.choose(&node.rest)?;
        self.captures.push(match &self.segments[at..] {
            [last] => Cow::Borrowed(last),
            rest => Cow::Owned(rest.join("/")),
        });
        Some(end)
    }

    fn choose<'t>(&mut self, ends: &'t [End]) -> Option<&'t End> {
        let found = ends.chunk_by(|a, b| a.rank == b.rank).find_map(|ends| {
            let with =
                |method: Option<&Method>| ends.iter().find(|end| end.method.as_ref() == method);
            with(Some(self.method))
                .or_else(|| with(None))
                .or_else(|| (*self.method == Method::HEAD).then(|| with(Some(&Method::GET)))?)
        });
        if found.is_none() {
            let others = ends.iter().filter_map(|end| end.method.as_ref());
            for method in others {
                if !self.other_methods.contains(method) {
                    self.other_methods.push(method.clone());
                }
            }
        }
        found
    }
}

/// Every end for a path, from broad to specific. An end is more specific if it names more segments;
/// then a catch-all comes before a wildcard, a parameter, a regex or embedded parameter, and a
/// static segment.
pub(crate) fn all<'t>(tree: &'t Tree, path: &Path<'_>) -> Vec<&'t End> {
    let mut level = vec![&tree.root];
    let mut found = Vec::new();
    for segment in path.segments() {
        found.extend(level.iter().flat_map(|node| &node.rest));
        level = level.iter().flat_map(|node| children(tree, node, segment)).collect();
    }
    for node in level {
        // A catch-all that takes nothing here is still broader than what ends here.
        let (broad, specific): (Vec<_>, Vec<_>) = node.ends.iter().partition(|end| end.rank.rest);
        found.extend(broad.into_iter().chain(specific));
    }
    found
}

fn children<'t>(tree: &Tree, node: &'t Node, segment: &str) -> impl Iterator<Item = &'t Node> {
    let fits = |(matcher, next): &'t (Matcher, Node)| {
        matcher.capture(segment, &mut Vec::new()).then_some(next)
    };
    let mixed: Vec<_> = node.mixed.iter().rev().filter_map(fits).collect();
    [node.wildcard.as_deref(), node.param.as_deref()]
        .into_iter()
        .flatten()
        .chain(mixed)
        .chain(node.static_child(segment, tree.case_sensitive))
}
