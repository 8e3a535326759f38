//! The bounds for all patterns of one site together.

use std::collections::HashSet;

use http::Method;

use super::pattern::{Pattern, Segment};
use super::tree::variants;

/// The most patterns of one site: of its routes, its middleware and its error handlers. All bounds
/// here hold for these together.
///
/// A table that reaches all bounds takes 37 MiB, including the caches of its regexes for one
/// thread. An unoptimised host makes it in 0.4 s and drops it in 40 ms.
const MAX_PATTERNS: usize = 10_000;

/// The most bytes of their texts.
const MAX_BYTES: usize = 1024 * 1024;

/// The most segments. An optional parameter puts its pattern into the tree with it and without it,
/// which counts as two patterns: four optional parameters count sixteen times.
const MAX_SEGMENTS: usize = 50_000;

/// The most memory of their segments with a regex, or with text around a parameter, in bytes. Each
/// counts as often as it counts as a segment. `[0-9]+` takes 2 KiB, and the largest regex without
/// groups of its own 64 KiB.
const MAX_REGEXES: usize = 8 * 1024 * 1024;

/// The most different methods. Routes that differ only in the method are tried in turn.
const MAX_METHODS: usize = 64;

/// What the patterns of a site take so far.
#[derive(Debug, Default)]
pub struct Totals {
    patterns: usize,
    bytes: usize,
    segments: usize,
    regexes: usize,
    methods: HashSet<Method>,
}

/// One more pattern would be too much. The caller adds which file has it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the routes, middleware and error handlers of the site have {count} {what} with it, and may have {max} at \
     most: use fewer or shorter patterns"
)]
pub struct TooMuch {
    what: &'static str,
    count: usize,
    max: usize,
}

impl Totals {
    /// Counts one more pattern.
    ///
    /// # Errors
    /// It exceeds one of the bounds. The error says which, and what it would be.
    pub fn add(&mut self, method: Option<&Method>, pattern: &Pattern) -> Result<(), TooMuch> {
        count(&mut self.patterns, 1, MAX_PATTERNS, "patterns")?;
        count(&mut self.bytes, pattern.to_string().len(), MAX_BYTES, "bytes of patterns")?;
        for variant in variants(pattern, false) {
            // The end of a pattern takes memory, too.
            let segments = variant.segments.len().max(1);
            count(&mut self.segments, segments, MAX_SEGMENTS, "segments in patterns")?;
            let regexes = variant.segments.iter().map(|segment| match segment {
                Segment::Mixed { matcher, .. } => matcher.memory(),
                _ => 0,
            });
            count(&mut self.regexes, regexes.sum(), MAX_REGEXES, "bytes of compiled regexes")?;
        }
        if let Some(method) = method {
            self.methods.insert(method.clone());
        }
        let mut methods = 0;
        count(&mut methods, self.methods.len(), MAX_METHODS, "different methods")
    }
}

fn count(total: &mut usize, more: usize, max: usize, what: &'static str) -> Result<(), TooMuch> {
    *total = total.saturating_add(more);
    match *total <= max {
        true => Ok(()),
        false => Err(TooMuch { what, count: *total, max }),
    }
}
