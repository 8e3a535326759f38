//! Parts of a file (RFC 9110, section 14).

use std::ops::Range;

use http::header::{HeaderMap, RANGE};

/// The most parts of one answer. A request for more gets the whole file.
const MAX_PARTS: usize = 8;

/// The result of a request's `range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// No range applies: the whole file is sent.
    Whole,
    /// One part or several, in order, not empty and without overlap.
    Some(Vec<Range<u64>>),
    /// 416: the file has none of the requested parts.
    Unsatisfiable,
}

/// The parts of a file of this size that the request gets.
///
/// The host may answer with the whole file instead of parts (section 14.2). It does that for too
/// many parts, and for parts that overlap or are not in order, so that they never add up to more
/// than the file. An empty file is always sent whole, because some clients ask for a range of
/// everything.
pub(super) fn parts(request: &HeaderMap, size: u64) -> Parts {
    let mut values = request.get_all(RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Parts::Whole };
    let Some(specs) = value.to_str().ok().and_then(in_bytes) else { return Parts::Whole };
    if size == 0 {
        return Parts::Whole;
    }
    let specs = specs.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let (mut parts, mut count) = (Vec::new(), 0);
    for spec in specs {
        count += 1;
        let Some(spec) = Spec::parse(spec) else { return Parts::Whole };
        if count > MAX_PARTS {
            return Parts::Whole;
        }
        parts.extend(spec.within(size));
    }
    if parts.is_empty() {
        return if count == 0 { Parts::Whole } else { Parts::Unsatisfiable };
    }
    let is_in_order = parts.windows(2).all(|pair| pair[0].end <= pair[1].start);
    if is_in_order { Parts::Some(parts) } else { Parts::Whole }
}

/// The set of a `range` in bytes.
fn in_bytes(value: &str) -> Option<&str> {
    let (unit, set) = value.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(set)
}

/// One range, as the request has it.
enum Spec {
    /// `5-`, `5-9`.
    From { first: u64, last: Option<u64> },
    /// `-5`.
    Last(u64),
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('-')? {
            ("", length) => Some(Self::Last(number(length)?)),
            (first, "") => Some(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    /// The range within a file of this size; none if the file has nothing of it.
    fn within(self, size: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::Last(length) => size.saturating_sub(length)..size,
            Self::From { first, last } => {
                first..last.map_or(size, |last| last.saturating_add(1)).min(size)
            }
        };
        (!part.is_empty()).then_some(part)
    }
}

/// Reads digits only. A number that is too large for us is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(header: &str, size: u64) -> Parts {
        parts(&HeaderMap::from_iter([(RANGE, header.parse().unwrap())]), size)
    }

    #[test]
    fn a_range_is_cut_to_the_file() {
        for (header, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=5-100", 5..10),
            ("bytes=7-", 7..10),
            ("bytes=-3", 7..10),
            ("bytes=-100", 0..10),
            ("BYTES=2-3", 2..4),
            ("bytes= 2-3 ,", 2..4),
            ("bytes=0-99999999999999999999999", 0..10),
            ("bytes=50-60, 2-3", 2..4),
        ] {
            assert_eq!(of(header, 10), Parts::Some(vec![expected]), "{header}");
        }
    }

    #[test]
    fn a_range_that_the_file_has_nothing_of_is_unsatisfiable() {
        for header in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-", "bytes=10-11,-0"] {
            assert_eq!(of(header, 10), Parts::Unsatisfiable, "{header}");
        }
    }

    #[test]
    fn what_is_not_a_range_of_bytes_is_not_heeded() {
        for header in [
            "bytes=5-2",
            "lines=1-2",
            "bytes=abc",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "bytes=0-1;4-5",
            "bytes=0-1,x",
            "0-1",
        ] {
            assert_eq!(of(header, 10), Parts::Whole, "{header}");
        }
        let twice: HeaderMap =
            [(RANGE, "bytes=0-1".parse().unwrap()), (RANGE, "bytes=2-3".parse().unwrap())]
                .into_iter()
                .collect();
        assert_eq!(parts(&twice, 10), Parts::Whole);
        assert_eq!(of("bytes=0-", 0), Parts::Whole, "an empty file");
    }

    #[test]
    fn few_ranges_in_order_are_served_and_others_are_the_whole() {
        let eight = Parts::Some((0..8).map(|at| at * 2..at * 2 + 1).collect());
        assert_eq!(of("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14", 100), eight);
        let touching = Parts::Some(vec![0..2, 2..4]);
        assert_eq!(of("bytes=0-1,2-3", 100), touching);
        for header in [
            "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16",
            "bytes=2-3,0-1",
            "bytes=0-5,5-6",
            "bytes=0-,0-",
            "bytes=0-0,0-0",
            "bytes=-100,-100",
            "bytes=500-,600-,700-,800-,900-,901-,902-,903-,904-",
        ] {
            assert_eq!(of(header, 100), Parts::Whole, "{header}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_in_the_file_in_order_and_never_more_than_it(
            header in "bytes=([0-9]{0,20}-[0-9]{0,20},?){0,10}",
            size in any::<u64>(),
        ) {
            if let Parts::Some(parts) = of(&header, size) {
                prop_assert!(!parts.is_empty() && parts.len() <= MAX_PARTS);
                let mut end = 0;
                for part in parts {
                    prop_assert!(end <= part.start && part.start < part.end && part.end <= size);
                    end = part.end;
                }
            }
        }
    }
}
