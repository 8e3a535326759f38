//! What holds of the router for any table and any path. The fuzz target `router` and the tests of
//! the router ask it of theirs.

use http::Method;

use lithe_router::{Found, Path, Pattern, RouteFile, Router, ScopeFile, Scopes};

/// The first line is a path, each other one a route: a file's name, or a pattern if it begins with
/// `/`.
///
/// # Panics
/// The router does, or a table answers otherwise than its routes would alone.
pub(crate) fn holds_for(input: &str) {
    let mut lines = input.lines();
    let Ok(path) = Path::parse(lines.next().unwrap_or_default()) else { return };
    // A `%2F` or a `%25` reads differently once it is decoded.
    if path.segments().iter().all(|segment| !segment.contains(['/', '%'])) {
        let decoded = path.decoded();
        let again = Path::parse(&decoded).expect("a folded path is a path");
        assert_eq!(again.decoded(), decoded);
    }
    for case_sensitive in [true, false] {
        check(lines.clone().take(16), &path, case_sensitive);
    }
}

fn check<'t>(lines: impl Iterator<Item = &'t str>, path: &Path<'_>, case_sensitive: bool) {
    let mut router = Router::new(case_sensitive);
    let mut scopes = Scopes::new(case_sensitive);
    let mut alone = Vec::new();
    for (number, line) in lines.enumerate() {
        if let Ok(Some(scope)) = ScopeFile::parse(line) {
            scopes.insert(scope.method, &scope.pattern, number);
        }
        let parsed = match line.starts_with('/') {
            true => Pattern::parse(line).map(|pattern| RouteFile { method: None, pattern }),
            false => RouteFile::parse(line),
        };
        let Ok(RouteFile { method, pattern }) = parsed else { continue };
        assert_eq!(Pattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern));
        scopes.insert(method.clone(), &pattern, number);
        let mut one = Router::new(case_sensitive);
        one.insert(method.clone(), pattern.clone(), number).expect("nothing to conflict with");
        if router.insert(method, pattern, number).is_ok() {
            alone.push(one);
        }
    }
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let mut answers = alone.iter().map(|one| one.find(&method, path));
        match router.find(&method, path) {
            found @ Found::Route { .. } => assert!(answers.any(|answer| answer == found)),
            Found::OtherMethods { .. } => {
                assert!(!answers.any(|answer| matches!(answer, Found::Route { .. })));
            }
            Found::Nothing => assert!(answers.all(|answer| answer == Found::Nothing)),
            // More than a lookup may cost: what is there is not known.
            Found::TooCostly => {}
        }
        let applied: Vec<_> = scopes.matching(&method, path).collect();
        assert!((1..applied.len()).all(|at| !applied[..at].contains(&applied[at])));
    }
}
