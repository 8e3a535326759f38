use http::Method;

use lithe_router::{Pattern, TooMuch, Totals};

/// Counts as many of these patterns as may be: how many, and why no more.
fn counted(mut pattern: impl FnMut(usize) -> String) -> (usize, String) {
    let mut totals = Totals::default();
    let mut add = |n: usize| totals.add(None, &Pattern::parse(&pattern(n)).unwrap());
    let (count, error) = (0..1_000_000)
        .find_map(|n| add(n).err().map(|error: TooMuch| (n, error)))
        .expect("there is a bound");
    (count, error.to_string())
}

#[test]
fn refuses_more_patterns_than_a_site_may_have() {
    let (count, error) = counted(|n| format!("/{n}"));
    assert_eq!(count, 10_000);
    assert_eq!(
        error,
        "the routes, middleware and error handlers of the site have 10001 patterns with it, and may have \
         10000 at most: use fewer or shorter patterns"
    );
}

#[test]
fn refuses_longer_patterns_than_a_site_may_have() {
    let (count, error) = counted(|n| format!("/{n:01023}"));
    assert_eq!(count, 1024);
    assert!(
        error.contains("have 1049600 bytes of patterns with it, and may have 1048576"),
        "{error}"
    );
}

#[test]
fn refuses_more_segments_than_a_site_may_have_and_counts_what_is_optional_each_time() {
    let (count, error) = counted(|_| "/a".repeat(200));
    assert_eq!(count, 250);
    assert!(
        error.contains("have 50200 segments in patterns with it, and may have 50000"),
        "{error}"
    );
    let (count, error) = counted(|n| format!("/{n}{}/:a?/:b?/:c?/:d?", "/a".repeat(97)));
    // 98 segments 16 times, and each parameter in half of them.
    assert_eq!(count, 50_000 / (98 * 16 + 4 * 8));
    assert!(error.contains("segments in patterns"), "{error}");
}

#[test]
fn refuses_more_regexes_than_a_site_may_have() {
    let largest = |n: usize| format!("/{n}/:id([a-z0-9-]{{1,100}})");
    let (count, error) = counted(largest);
    assert!((100..200).contains(&count), "{count}");
    assert!(error.contains("bytes of compiled regexes with it, and may have 8388608"), "{error}");
    let (count, _) = counted(|n| format!("/{n}/:id([0-9]+)"));
    assert!(count > 2_000, "{count}");
    let one = |n: usize| format!("/{n}/:a-");
    let (one_group, _) = counted(one);
    let (more_groups, error) = counted(|n| format!("/{n}/:a-:b-:c-:d-:e-:f-:g-:h-"));
    assert!(more_groups * 8 < one_group, "{more_groups}, {one_group}");
    assert!(error.contains("bytes of compiled regexes"), "{error}");
}

#[test]
fn refuses_more_methods_than_a_site_may_have() {
    let mut totals = Totals::default();
    let pattern = Pattern::parse("/").unwrap();
    let mut add = |n: usize| {
        let method: Method = format!("M{n}").parse().unwrap();
        totals.add(Some(&method), &pattern)
    };
    assert!((0..64).chain(0..64).all(|n| add(n).is_ok()));
    let error = add(64).unwrap_err().to_string();
    assert!(
        error.contains("have 65 different methods with it, and may have 64 at most"),
        "{error}"
    );
}
