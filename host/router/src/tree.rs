//! The tree of segments that patterns make.
//!
//! A node stands for one beginning of a pattern, so only one way leads to it, and a search enters
//! it at most once. So backtracking costs at most the number of nodes, whatever the path. Usually a
//! search enters one or two nodes for each segment. Segments with a regex, or with text around
//! parameters, are not found by hashing: those of one folder are tried in turn.

use std::borrow::Cow;
use std::collections::HashMap;

use http::Method;

use super::matcher::Matcher;
use super::pattern::{Pattern, Segment};

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub root: Node,
    pub case_sensitive: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Boxed, because a hash table reserves room for more entries than it has.
    pub statics: HashMap<Box<str>, Box<Node>>,
    /// By precedence.
    pub mixed: Vec<(Matcher, Node)>,
    pub param: Option<Box<Node>>,
    /// `*`
    pub wildcard: Option<Box<Node>>,
    /// Where a catch-all takes one or more segments.
    pub rest: Vec<End>,
    /// Where the path ends.
    pub ends: Vec<End>,
}

/// Where an entry's pattern ends in the tree. Ends are sorted by rank, and then in the order in
/// which they were added.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// The entry's index, given by the table.
    pub entry: usize,
    pub method: Option<Method>,
    pub rank: Rank,
    /// Which of the pattern's parameters are captured on the way here.
    pub params: Vec<usize>,
}

/// What was left out of a pattern to end here. Among routes, the one with less left out comes
/// first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Whether its catch-all was left out.
    pub rest: bool,
    /// How many optional parameters were left out.
    pub optionals: usize,
}

/// A pattern with some of its optional parts left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant<'p> {
    pub segments: Vec<&'p Segment>,
    pub params: Vec<usize>,
    pub rank: Rank,
}

/// Every variant of a pattern, the whole one first. In the tree a catch-all takes at least one
/// segment. That it may take none is a variant without it, also for the `fallback`.
pub(crate) fn variants(pattern: &Pattern, fallback: bool) -> Vec<Variant<'_>> {
    let mut variants = vec![Variant::default()];
    let mut params = 0..0;
    for segment in pattern.segments() {
        params = params.end..params.end + segment.captures().len();
        let may_be_left_out = match segment {
            Segment::Rest(rest) => fallback || rest.may_be_empty(),
            _ => segment.is_optional(),
        };
        let mut next = Vec::new();
        for mut variant in variants {
            let without = may_be_left_out.then(|| variant.without(segment));
            variant.segments.push(segment);
            variant.params.extend(params.clone());
            next.push(variant);
            next.extend(without);
        }
        variants = next;
    }
    variants
}

impl Variant<'_> {
    fn without(&self, segment: &Segment) -> Self {
        let mut without = self.clone();
        match segment {
            Segment::Rest(_) => without.rank.rest = true,
            _ => without.rank.optionals += 1,
        }
        without
    }
}

impl Tree {
    /// The ends at the place of a variant.
    pub(crate) fn ends(&self, variant: &Variant<'_>) -> &[End] {
        let mut node = &self.root;
        for segment in &variant.segments {
            if let Segment::Rest(_) = segment {
                return &node.rest;
            }
            match self.child(node, segment) {
                Some(child) => node = child,
                None => return &[],
            }
        }
        &node.ends
    }

    pub(crate) fn insert(&mut self, entry: usize, method: Option<&Method>, variant: Variant<'_>) {
        let mut node = &mut self.root;
        let mut at_rest = false;
        for segment in variant.segments {
            node = match segment {
                Segment::Static(text) => {
                    node.statics.entry(key(text, self.case_sensitive).into()).or_default()
                }
                Segment::Mixed { matcher, .. } => node.mixed_mut(matcher, self.case_sensitive),
                Segment::Param { name: Some(_), .. } => node.param.get_or_insert_default(),
                Segment::Param { name: None, .. } => node.wildcard.get_or_insert_default(),
                Segment::Rest(_) => {
                    at_rest = true;
                    break;
                }
            };
        }
        let ends = if at_rest { &mut node.rest } else { &mut node.ends };
        // Two variants may be the same, such as `/:a` and `/:b` for `/:a?/:b?`. The first one
        // counts.
        if ends.iter().any(|end| end.entry == entry) {
            return;
        }
        let at = ends.partition_point(|end| end.rank <= variant.rank);
        let method = method.cloned();
        ends.insert(at, End { entry, method, rank: variant.rank, params: variant.params });
    }

    fn child<'n>(&self, node: &'n Node, segment: &Segment) -> Option<&'n Node> {
        match segment {
            Segment::Static(text) => node.static_child(text, self.case_sensitive),
            Segment::Mixed { matcher, .. } => {
                let same =
                    |(other, _): &&(Matcher, _)| matcher.same_shape(other, self.case_sensitive);
                node.mixed.iter().find(same).map(|(_, child)| child)
            }
            Segment::Param { name: Some(_), .. } => node.param.as_deref(),
            Segment::Param { name: None, .. } => node.wildcard.as_deref(),
            Segment::Rest(_) => None,
        }
    }
}

impl Node {
    pub(crate) fn static_child(&self, segment: &str, case_sensitive: bool) -> Option<&Self> {
        // Most nodes have none, and then nothing has to be hashed.
        if self.statics.is_empty() {
            return None;
        }
        self.statics.get(&*key(segment, case_sensitive)).map(|child| &**child)
    }

    fn mixed_mut(&mut self, matcher: &Matcher, case_sensitive: bool) -> &mut Self {
        let same = |(other, _): &(Matcher, _)| matcher.same_shape(other, case_sensitive);
        let at = self.mixed.iter().position(same).unwrap_or_else(|| {
            let at = self.mixed.partition_point(|(other, _)| other.precedence(matcher).is_lt());
            let matcher = if case_sensitive { matcher.clone() } else { matcher.ignoring_case() };
            self.mixed.insert(at, (matcher, Self::default()));
            at
        });
        &mut self.mixed[at].1
    }
}

/// The key of a static segment. Only ASCII letters lose their case, as in a regex.
fn key(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive || !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_ascii_lowercase())
}
