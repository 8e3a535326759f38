//! The tree of segments that patterns make.
//!
//! A node stands for one beginning of a pattern, so it is reached in one way only, and a search
//! enters it at most once: backtracking costs no more than the nodes there are, whatever the path.
//! Usually it is one or two nodes for each segment. What is not found by hashing is tried in turn:
//! segments with a regex, or with text around parameters, beside each other in one folder.

use std::borrow::Cow;
use std::collections::HashMap;

use http::Method;

use super::matcher::Matcher;
use super::pattern::{Pattern, Segment};

#[derive(Debug)]
pub(crate) struct Tree {
    pub root: Node,
    pub case_sensitive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Boxed, for a table has room for more of them than there are.
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

/// Where an entry's pattern ends in the tree. By rank, then in the order in which they were added.
#[derive(Debug)]
pub(crate) struct End {
    /// The entry's index, given by the table.
    pub entry: usize,
    pub method: Option<Method>,
    pub rank: Rank,
    /// Which of the pattern's parameters are captured on the way here.
    pub params: Vec<usize>,
}

/// What was left out of a pattern to end here; of routes, what has less left out comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Its catch-all.
    pub rest: bool,
    /// How many optional parameters.
    pub optionals: usize,
}

/// A pattern with some of what is optional left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant<'p> {
    pub segments: Vec<&'p Segment>,
    pub params: Vec<usize>,
    pub rank: Rank,
}

/// Every variant of a pattern, the whole one first. A catch-all in the tree takes at least one
/// segment: that it may take none is a variant without it, as it is for the `fallback`.
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
    /// What ends where the variant does.
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
        // Two variants may be the same, as `/:a` and `/:b` are of `/:a?/:b?`: the first counts.
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
        // Most nodes have none: then there is nothing to hash.
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

/// What a static segment is found by. Only ASCII letters lose their case, as in a regex.
fn key(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive || !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_ascii_lowercase())
}
