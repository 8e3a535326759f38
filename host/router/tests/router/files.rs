use http::Method;

use super::{get, site};
use lithe_router::RouteFile;

fn read(stem: &str) -> (Option<Method>, String) {
    let file = RouteFile::parse(stem).unwrap();
    (file.method, file.pattern.to_string())
}

#[test]
fn file_names_become_patterns() {
    let cases = [
        ("index", "/"),
        ("a/index", "/a"),
        ("index/a", "/index/a"),
        ("index/index", "/index"),
        ("a/b.c", "/a/b.c"),
        ("[id]", "/:id"),
        ("a/[x]/b/[y]", "/a/:x/b/:y"),
        ("[id([0-9]+)]", "/:id([0-9]+)"),
        ("[id((a|b)[)\\]]+)]", "/:id((a|b)[)\\]]+)"),
        ("[[id]]", "/:id?"),
        ("[[id([0-9]+)]]/b", "/:id([0-9]+)?/b"),
        ("[...slug]", "/**:slug"),
        ("docs/[...slug]/index", "/docs/**:slug"),
        ("[...]", "/**"),
        ("[...p+]", "/:p+"),
        ("[[...p]]", "/:p*"),
        ("[_]", "/*"),
        ("[_]/[_x]", "/*/:_x"),
        ("[name].[ext]", "/:name.:ext"),
        ("post-[id].json", "/post-:id.json"),
        ("file-[_]-[_].png", "/file-*-*.png"),
        ("v[id([0-9]+)]x", "/v:id([0-9]+)x"),
        ("[id]x", r"/:id\x"),
        ("c++", "/c++"),
        ("café", "/café"),
    ];
    for (stem, pattern) in cases {
        assert_eq!(read(stem), (None, pattern.to_owned()));
    }
}

#[test]
fn only_a_last_suffix_that_is_a_method_is_one() {
    let cases = [
        ("index.get", Some(Method::GET), "/"),
        ("chat.PoSt", Some(Method::POST), "/chat"),
        ("rooms/[id].delete", Some(Method::DELETE), "/rooms/:id"),
        ("a.put", Some(Method::PUT), "/a"),
        ("a.patch", Some(Method::PATCH), "/a"),
        ("a.head", Some(Method::HEAD), "/a"),
        ("a.OPTIONS", Some(Method::OPTIONS), "/a"),
        ("[...slug].get", Some(Method::GET), "/**:slug"),
        ("post-[id].json.get", Some(Method::GET), "/post-:id.json"),
        ("a.get.get", Some(Method::GET), "/a.get"),
        ("feed.json", None, "/feed.json"),
        ("a.trace", None, "/a.trace"),
        ("[name].[get]", None, "/:name.:get"),
        ("[id(a.get)]", None, "/:id(a.get)"),
        ("a.get/b", None, "/a.get/b"),
        ("get", None, "/get"),
    ];
    for (stem, method, pattern) in cases {
        assert_eq!(read(stem), (method, pattern.to_owned()));
    }
}

#[test]
fn files_match_as_the_patterns_that_they_stand_for() {
    let router = site(&[
        "users/[_]",
        "users/[id([0-9]+)]",
        "files/[name].[ext]",
        "posts/post-[id].json.get",
        "docs/[[section]]",
        "assets/[...path+]",
        "archive/[[...rest]]",
    ]);
    let cases = [
        ("/users/42", "users/[id([0-9]+)] id=42"),
        ("/users/ann", "users/[_] 0=ann"),
        ("/files/a.b.c", "files/[name].[ext] name=a.b ext=c"),
        ("/files/.c", "404"),
        ("/posts/post-7.json", "posts/post-[id].json.get id=7"),
        ("/docs", "docs/[[section]]"),
        ("/docs/intro", "docs/[[section]] section=intro"),
        ("/assets", "404"),
        ("/assets/a/b", "assets/[...path+] path=a/b"),
        ("/archive", "archive/[[...rest]] rest="),
    ];
    for (path, expected) in cases {
        assert_eq!(get(&router, path), expected);
    }
}
