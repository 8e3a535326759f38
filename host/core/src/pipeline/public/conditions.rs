//! Conditional requests (RFC 9110, section 13).

use std::time::SystemTime;

use http::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};

use super::facts::Facts;

/// The result of the conditions of a GET or HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The conditions hold, or the request has none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the file is not what the client expects.
    Failed,
}

/// Evaluates the conditions in the order of section 13.2.2.
pub(super) fn judge(request: &HeaderMap, facts: &Facts) -> Verdict {
    if request.contains_key(IF_MATCH) {
        if !names(request, &IF_MATCH, facts, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(date), Some(modified)) =
        (date(request, &IF_UNMODIFIED_SINCE), facts.modified)
        && modified > date
    {
        return Verdict::Failed;
    }
    if request.contains_key(IF_NONE_MATCH) {
        if names(request, &IF_NONE_MATCH, facts, Comparison::Weak) {
            return Verdict::NotModified;
        }
    } else if let (Some(date), Some(modified)) = (date(request, &IF_MODIFIED_SINCE), facts.modified)
        && modified <= date
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether `if-range`, if present, names this state of the file (section 13.1.5). A date never
/// does: a file may change twice in a second, and its precompressed forms may have the same date
/// (section 8.8.2.2).
pub(super) fn range_applies(request: &HeaderMap, facts: &Facts) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    single(request, &IF_RANGE).is_some_and(|value| value == facts.etag)
}

/// How two tags are compared (section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of tags names this existing file; `*` does.
fn names(request: &HeaderMap, name: &HeaderName, facts: &Facts, comparison: Comparison) -> bool {
    let lists = request.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.map(str::trim).any(|list| {
        list == "*"
            || tags(list).any(|(is_weak, tag)| {
                tag == facts.etag && (comparison == Comparison::Weak || !is_weak)
            })
    })
}

/// The tags of a list: whether each is weak, and its quoted text, which may contain commas. The
/// list ends at anything that is not a tag.
fn tags(list: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quoted = rest.strip_prefix("W/");
        let is_weak = quoted.is_some();
        let quoted = quoted.unwrap_or(rest);
        let length = quoted.strip_prefix('"')?.find('"')?.checked_add(2)?;
        let (tag, after) = quoted.split_at_checked(length)?;
        rest = after;
        Some((is_weak, tag))
    })
}

/// A date that occurs once and is valid. Any other is ignored (section 13.1.3).
fn date(request: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(single(request, name)?).ok()
}

fn single<'r>(request: &'r HeaderMap, name: &HeaderName) -> Option<&'r str> {
    let mut values = request.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    fn facts() -> Facts {
        let modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
        Facts { size: 10, etag: "\"a,b\"".to_owned(), modified }
    }

    fn headers(given: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn conditions_are_judged_in_their_order() {
        use Verdict::{Failed, NotModified, Proceed};
        let (tag, other) = ("\"a,b\"", "\"b\"");
        for (given, expected) in [
            (&[][..], Proceed),
            (&[(IF_MATCH, tag)], Proceed),
            (&[(IF_MATCH, "*")], Proceed),
            (&[(IF_MATCH, "\"x\", W/\"y\" ,\t\"a,b\"")], Proceed),
            (&[(IF_MATCH, "\"x\""), (IF_MATCH, tag)], Proceed),
            (&[(IF_MATCH, other)], Failed),
            (&[(IF_MATCH, "W/\"a,b\"")], Failed),
            (&[(IF_MATCH, "a,b")], Failed),
            (&[(IF_MATCH, "\"a")], Failed),
            (&[(IF_MATCH, "")], Failed),
            (&[(IF_MATCH, tag), (IF_UNMODIFIED_SINCE, BEFORE)], Proceed),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Failed),
            (&[(IF_UNMODIFIED_SINCE, MODIFIED)], Proceed),
            (&[(IF_UNMODIFIED_SINCE, AFTER)], Proceed),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Proceed),
            (&[(IF_NONE_MATCH, tag)], NotModified),
            (&[(IF_NONE_MATCH, "W/\"a,b\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, other)], Proceed),
            (&[(IF_NONE_MATCH, other), (IF_MODIFIED_SINCE, MODIFIED)], Proceed),
            (&[(IF_NONE_MATCH, tag), (IF_MODIFIED_SINCE, BEFORE)], NotModified),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Proceed),
            (&[(IF_MODIFIED_SINCE, MODIFIED)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)], Proceed),
            (&[(IF_MATCH, other), (IF_NONE_MATCH, tag)], Failed),
            (&[(IF_MATCH, tag), (IF_NONE_MATCH, tag)], NotModified),
            (&[(IF_UNMODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)], NotModified),
        ] {
            assert_eq!(judge(&headers(given), &facts()), expected, "{given:?}");
        }
    }

    #[test]
    fn a_file_without_a_time_is_neither_modified_nor_not() {
        let facts = Facts { modified: None, ..facts() };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            assert_eq!(judge(&headers(&[(name, BEFORE)]), &facts), Verdict::Proceed);
        }
        assert!(!range_applies(&headers(&[(IF_RANGE, MODIFIED)]), &facts));
    }

    #[test]
    fn if_range_holds_for_the_same_state_only() {
        for (value, expected) in [
            ("\"a,b\"", true),
            (MODIFIED, false),
            ("W/\"a,b\"", false),
            ("\"b\"", false),
            (BEFORE, false),
            (AFTER, false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(
                range_applies(&headers(&[(IF_RANGE, value)]), &facts()),
                expected,
                "{value}"
            );
        }
        assert!(range_applies(&HeaderMap::new(), &facts()));
        let twice = headers(&[(IF_RANGE, "\"a,b\""), (IF_RANGE, "\"a,b\"")]);
        assert!(!range_applies(&twice, &facts()));
    }
}
