use http::Method;

use lithe_router::{Path, Pattern, ScopeFile, ScopeKind, Scopes, method_suffix};

fn scopes(stems: &[&'static str]) -> Scopes<&'static str> {
    let mut scopes = Scopes::default();
    for stem in stems {
        let file = ScopeFile::parse(stem).unwrap().unwrap();
        scopes.insert(file.method, &file.pattern, *stem);
    }
    scopes
}

fn apply(scopes: &Scopes<&'static str>, method: &Method, path: &str) -> Vec<&'static str> {
    scopes.matching(method, &Path::parse(path).unwrap()).copied().collect()
}

#[test]
fn scoped_files_cover_their_folder_and_below() {
    let read = |stem| {
        let file = ScopeFile::parse(stem).unwrap().unwrap();
        (file.kind, file.method, file.pattern.to_string())
    };
    assert_eq!(read("_middleware"), (ScopeKind::Middleware, None, "/**".into()));
    assert_eq!(read("users/_error"), (ScopeKind::Error, None, "/users/**".into()));
    assert_eq!(
        read("[[lang]]/_middleware.POST"),
        (ScopeKind::Middleware, Some(Method::POST), "/:lang?/**".into())
    );
    assert_eq!(read("index/_error"), (ScopeKind::Error, None, "/index/**".into()));
    for stem in ["index", "_other", "users/_middleware.json", "_middleware/x", "middleware"] {
        assert_eq!(ScopeFile::parse(stem).unwrap(), None);
    }
}

#[test]
fn a_scoped_file_inside_a_catch_all_is_refused() {
    for folder in ["[...slug]", "a/[...]", "[[...slug]]/b"] {
        let error = ScopeFile::parse(&format!("{folder}/_middleware")).unwrap_err().to_string();
        assert!(
            error.ends_with(
                " takes the rest of the path, so nothing is below it: move the file to a folder \
                 above"
            ),
            "{error}"
        );
    }
}

#[test]
fn scopes_apply_from_broad_to_specific_and_in_file_order_within_one() {
    let scopes = scopes(&[
        "users/all/_middleware",
        "users/_middleware.get",
        "users/_middleware",
        "users/[id]/_middleware",
        "users/[id([a-z]+)]/_middleware",
        "users/[_]/_middleware",
        "_middleware",
        "teams/_middleware",
    ]);
    let all = [
        "_middleware",
        "users/_middleware.get",
        "users/_middleware",
        "users/[_]/_middleware",
        "users/[id]/_middleware",
        "users/[id([a-z]+)]/_middleware",
        "users/all/_middleware",
    ];
    assert_eq!(apply(&scopes, &Method::GET, "/users/all"), all);
    assert_eq!(apply(&scopes, &Method::GET, "/users/all/x/y"), all);
    assert_eq!(apply(&scopes, &Method::GET, "/users/7"), all[..5]);
    assert_eq!(apply(&scopes, &Method::GET, "/users"), all[..3]);
    assert_eq!(apply(&scopes, &Method::POST, "/users"), ["_middleware", "users/_middleware"]);
    assert_eq!(apply(&scopes, &Method::GET, "/nothing/here"), ["_middleware"]);
    assert_eq!(apply(&scopes, &Method::GET, "/"), ["_middleware"]);
}

#[test]
fn errors_are_handled_from_the_nearest_outward() {
    let scopes = scopes(&["_error", "a/_error", "a/b/_error"]);
    let path = Path::parse("/a/b/c").unwrap();
    let nearest: Vec<_> = scopes.matching(&Method::GET, &path).rev().copied().collect();
    assert_eq!(nearest, ["a/b/_error", "a/_error", "_error"]);
}

#[test]
fn what_guards_get_guards_head() {
    let scopes = scopes(&["_middleware.get", "_middleware.head", "_middleware.post"]);
    assert_eq!(apply(&scopes, &Method::HEAD, "/"), ["_middleware.get", "_middleware.head"]);
    assert_eq!(apply(&scopes, &Method::GET, "/"), ["_middleware.get"]);
}

#[test]
fn a_scope_applies_once() {
    let scopes = scopes(&["[[lang]]/_middleware", "[[lang]]/[[region]]/_error"]);
    assert_eq!(
        apply(&scopes, &Method::GET, "/en/us/x"),
        ["[[lang]]/_middleware", "[[lang]]/[[region]]/_error"]
    );
    assert_eq!(apply(&scopes, &Method::GET, "/").len(), 2);
}

#[test]
fn a_scope_below_an_optional_folder_is_more_specific_wherever_it_applies() {
    // As a scan of the folder gives them: `[` sorts before `_`.
    let scopes = scopes(&["[[lang]]/_middleware", "_middleware"]);
    for path in ["/", "/en", "/en/a"] {
        assert_eq!(
            apply(&scopes, &Method::GET, path),
            ["_middleware", "[[lang]]/_middleware"],
            "{path}"
        );
    }
}

#[test]
fn a_pattern_without_a_catch_all_covers_its_own_paths_only() {
    let mut scopes = Scopes::new(false);
    scopes.insert(None, &Pattern::parse("/users/:id").unwrap(), "one");
    scopes.insert(None, &Pattern::parse("/users/**").unwrap(), "all");
    scopes.insert(None, &Pattern::everything(), "global");
    assert_eq!(apply(&scopes, &Method::GET, "/USERS/1"), ["global", "all", "one"]);
    assert_eq!(apply(&scopes, &Method::GET, "/users/1/2"), ["global", "all"]);
}

#[test]
fn global_files_have_a_method_suffix_too() {
    assert_eq!(method_suffix("01_log"), ("01_log", None));
    assert_eq!(method_suffix("02_auth.get"), ("02_auth", Some(Method::GET)));
}
