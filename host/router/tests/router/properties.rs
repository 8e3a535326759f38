//! What holds for any input.

use http::Method;
use proptest::prelude::*;

use lithe_router::{Found, Path, Pattern, RouteFile, Router, ScopeFile, Scopes};

/// A file's segment, and one of a path that it matches.
fn segment() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        4 => "[a-c]{1,2}".prop_map(|text| (text.clone(), text)),
        2 => ("[x-z]", "[a-c]{1,3}").prop_map(|(name, value)| (format!("[{name}]"), value)),
        1 => "[a-c]{1,3}".prop_map(|value| ("[_]".to_owned(), value)),
        1 => ("[x-z]", "[0-9]{1,3}").prop_map(|(name, value)| (format!("[{name}([0-9]+)]"), value)),
        1 => ("[x-z]", "[a-c.]{1,3}").prop_map(|(name, value)| (format!("a-[{name}].b"), format!("a-{value}.b"))),
        1 => ("[x-z]", "[a-c]{0,2}").prop_map(|(name, value)| (format!("[[{name}]]"), value)),
    ]
}

fn last_segment() -> impl Strategy<Value = (String, String)> {
    let rest = "[a-c]{1,2}(/[a-c]{1,2}){0,2}";
    prop_oneof![
        6 => segment(),
        1 => rest.prop_map(|rest| ("[...rest]".to_owned(), rest)),
        1 => rest.prop_map(|rest| ("[...rest+]".to_owned(), rest)),
        1 => prop_oneof![Just(String::new()), rest.prop_map(|rest| rest)]
            .prop_map(|rest| ("[[...rest]]".to_owned(), rest)),
        1 => rest.prop_map(|rest| ("[...]".to_owned(), rest)),
    ]
}

/// A file below `routes/` and a path that it matches.
fn route() -> impl Strategy<Value = (String, String)> {
    let method = prop_oneof![2 => Just(""), 2 => Just(".get"), 1 => Just(".post")];
    (prop::collection::vec(segment(), 0..4), last_segment(), method).prop_map(
        |(mut segments, last, method)| {
            segments.push(last);
            let (files, paths): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
            (files.join("/") + method, format!("/{}", paths.join("/")))
        },
    )
}

/// Text that is near to a pattern, a file's name or a path.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r"[a-c/:*?+()\[\]{}\\.%_0-9-]{0,40}",
        r"(/(\[{1,2}|:|\*{1,2}:?|[a-c])?(\.\.\.)?[a-c]?(\([0-9a+*?|\[\]\\]{0,4}\))?[\]?+*]{0,2}){0,5}",
    ]
}

fn is_route<T>(found: &Found<'_, T>) -> bool {
    matches!(found, Found::Route { .. })
}

fn methods() -> [Method; 4] {
    [Method::GET, Method::POST, Method::HEAD, Method::PUT]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_registered_is_found(routes in prop::collection::vec(route(), 1..20)) {
        let mut router = Router::default();
        let mut taken = Vec::new();
        for (stem, path) in &routes {
            let Ok(file) = RouteFile::parse(stem) else { continue };
            let mut alone = Router::default();
            alone.insert(file.method.clone(), file.pattern.clone(), stem).unwrap();
            if router.insert(file.method.clone(), file.pattern, stem).is_ok() {
                taken.push((file.method, path, alone));
            }
        }
        for (method, path, alone) in &taken {
            let method = method.as_ref().unwrap_or(&Method::PUT);
            let path = Path::parse(path).unwrap();
            prop_assert!(is_route(&alone.find(method, &path)));
            prop_assert!(is_route(&router.find(method, &path)));
        }
        // A route is found if one of them alone would be, and as it would be alone.
        for (_, path) in &routes {
            let path = Path::parse(path).unwrap();
            for method in methods() {
                let mut alone = taken.iter().map(|(_, _, alone)| alone.find(&method, &path));
                match router.find(&method, &path) {
                    found @ Found::Route { .. } => prop_assert!(alone.any(|one| one == found)),
                    Found::OtherMethods { .. } => {
                        prop_assert!(!alone.any(|one| is_route(&one)));
                    }
                    Found::TooCostly => prop_assert!(false, "short paths cost little"),
                    Found::Nothing => prop_assert!(alone.all(|one| one == Found::Nothing)),
                }
            }
        }
    }

    #[test]
    fn normalising_twice_changes_nothing(raw in "(/|[a-c]|\\.|%2e|%41|é){0,20}") {
        let once = Path::parse(&raw).unwrap().decoded();
        prop_assert_eq!(Path::parse(&once).unwrap().decoded(), once);
    }

    #[test]
    fn a_pattern_reads_as_it_is_written(text in noise(), (stem, _) in route()) {
        let file = RouteFile::parse(&text).or_else(|_| RouteFile::parse(&stem));
        for pattern in Pattern::parse(&text).into_iter().chain(file.map(|file| file.pattern)) {
            prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
        }
    }

    #[test]
    fn what_the_fuzz_target_asks_for_holds(
        path in prop_oneof![route().prop_map(|(_, path)| path), noise()],
        routes in prop::collection::vec(
            prop_oneof![route().prop_map(|(stem, _)| stem), noise()],
            0..16,
        ),
    ) {
        super::fuzzed::holds_for(&[vec![path], routes].concat().join("\n"));
    }

    #[test]
    fn no_input_panics(texts in prop::collection::vec(noise(), 0..8), raw in noise()) {
        for case_sensitive in [true, false] {
            let mut router = Router::new(case_sensitive);
            let mut scopes = Scopes::new(case_sensitive);
            for text in &texts {
                if let Ok(pattern) = Pattern::parse(text) {
                    scopes.insert(None, &pattern, ());
                    let _ = router.insert(None, pattern, ());
                }
                if let Ok(file) = RouteFile::parse(text) {
                    let _ = router.insert(file.method, file.pattern, ());
                }
                let _ = ScopeFile::parse(text);
            }
            if let Ok(path) = Path::parse(&raw) {
                for method in methods() {
                    let _ = router.find(&method, &path);
                    let _ = scopes.matching(&method, &path).count();
                }
            }
        }
    }
}
