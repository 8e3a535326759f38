use lithe_router::{Pattern, RouteFile, Router};

fn file_refused(stem: &str) -> String {
    RouteFile::parse(stem).unwrap_err().to_string()
}

fn text_refused(text: &str) -> String {
    Pattern::parse(text).unwrap_err().to_string()
}

/// The conflict's message and the route that it is with.
fn conflict(stems: &[&'static str]) -> (String, &'static str) {
    let mut router = Router::default();
    for stem in stems {
        let file = RouteFile::parse(stem).unwrap();
        if let Err((conflict, with)) = router.insert(file.method, file.pattern, *stem) {
            return (conflict.to_string(), with);
        }
    }
    panic!("{stems:?} do not conflict");
}

const NAME: &str = "is not a parameter's name: use letters, digits and `_`, not beginning with a \
                    digit";

#[test]
fn files() {
    let cases = [
        ("a//b", "the name has an empty segment: a file below `routes/` needs a name"),
        ("", "the name has an empty segment: a file below `routes/` needs a name"),
        ("a/../b", "a segment `..` never matches, because paths are folded: remove it"),
        (
            "caf%C3%A9",
            "`%C3` never matches, because paths are decoded first: write the character itself",
        ),
        ("[]", &format!("`` {NAME}")),
        ("[1d]", &format!("`1d` {NAME}")),
        ("[user-id]", &format!("`user-id` {NAME}")),
        ("[...a b]", &format!("`a b` {NAME}")),
        ("[[...]]", &format!("`` {NAME}")),
        ("[([0-9]+)]", &format!("`` {NAME}")),
        ("[naïve]", &format!("`naïve` {NAME}")),
        ("[a]/[a]", "parameter `a` stands twice in one route: rename one"),
        ("[a].[a]", "parameter `a` stands twice in one route: rename one"),
        ("[id", "`[` in `[id` is not closed"),
        ("[[id]", "`[` in `[[id]` is not closed"),
        ("[...all", "`[` in `[...all` is not closed"),
        ("[id([0-9]+]", "`(` in `[id([0-9]+]` is not closed"),
        ("[id([0-9]+)", "`[` in `[id([0-9]+)` is not closed"),
        (
            "a]b",
            "`]` in segment `a]b` has a meaning: write a parameter as `[name]`, a catch-all as \
             `[...name]`",
        ),
        (
            ":id",
            "`:` in segment `:id` has a meaning: write a parameter as `[name]`, a catch-all as \
             `[...name]`",
        ),
        (
            "a-[...b]",
            "segment `a-[...b]` mixes an optional parameter or a catch-all with something else: \
             give it a segment of its own, without a regex for a catch-all",
        ),
        (
            "[[a]]-b",
            "segment `[[a]]-b` mixes an optional parameter or a catch-all with something else: \
             give it a segment of its own, without a regex for a catch-all",
        ),
        ("[a][b]", "segment `[a][b]` has two parameters side by side: put text between them"),
        (
            "[...slug]/tail",
            "`**:slug` is a catch-all, which takes the rest of the path: make it the last segment",
        ),
        (
            "[[...p]]/[...q+]",
            "`:p*` is a catch-all, which takes the rest of the path: make it the last segment",
        ),
        (
            "[id(())]/[x()]",
            "the regex `` is not valid: it is empty, write what a value looks like, such as \
             `[0-9]+`",
        ),
        (
            "[id(a**b{2)]",
            "the regex `a**b{2` is not valid: found incomplete and unclosed counted repetition operator",
        ),
        ("[id((?=a)b)]", "the regex `(?=a)b` is not valid: look-around is not supported"),
        (
            r"[id(\pL)]",
            r"the regex `\pL` is not valid: Unicode character classes are not supported",
        ),
        (
            "[[a]]/[[b]]/[[c]]/[[d]]/[[e]]",
            "the pattern has more than 4 optional parameters: split the route",
        ),
    ];
    for (stem, message) in cases {
        assert_eq!(file_refused(stem), message, "{stem}");
    }
}

#[test]
fn texts() {
    let cases = [
        ("/users/:", format!("`` {NAME}")),
        ("/users/:1", format!("`1` {NAME}")),
        ("/users/**:", format!("`` {NAME}")),
        (r"/users/:id(\d+", r"`(` in `/users/:id(\d+` is not closed".to_owned()),
        (
            "/users/[id",
            r"`[` in segment `[id` has a meaning: write a parameter as `:name`, and the character itself after a `\`"
                .to_owned(),
        ),
        (
            "/users/{id}",
            r"`{` in segment `{id}` has a meaning: write a parameter as `:name`, and the character itself after a `\`"
                .to_owned(),
        ),
        ("/**/a", "`**` is a catch-all, which takes the rest of the path: make it the last segment".to_owned()),
    ];
    for (text, message) in cases {
        assert_eq!(text_refused(text), message, "{text}");
    }
    for text in [
        "/a**",
        "/a**b",
        "/:a:b",
        "/*:b",
        "/**a",
        "/post-:id?",
        "/post-:id*",
        r"/:id(\d+)+",
        "/*+",
        "/**:a/**:b",
    ] {
        text_refused(text);
    }
    for text in ["/a?", "/a)b", "/a]", "/}", "/\\", "/:a?b", "/:id()", "/:a(b)c)"] {
        text_refused(text);
    }
}

#[test]
fn huge_patterns_are_refused_soon() {
    let begin = std::time::Instant::now();
    let repeated = text_refused("/:id(((\\w{1000}){1000}){1000})");
    assert!(repeated.contains("is not valid"), "{repeated}");
    text_refused("/:id((?:){4294967295})");
    text_refused("/:id((?:(?:){65535}){65535})");
    text_refused(&format!("/:id({})", "(".repeat(100_000) + &")".repeat(100_000)));
    text_refused(&format!("/{}", ":a".repeat(100_000)));
    assert_eq!(
        text_refused(&"/a".repeat(257)),
        "the pattern has more than 256 segments, so no path can match it"
    );
    assert!(begin.elapsed().as_secs() < 5);
    assert!(Pattern::parse("/:id([a-z0-9-]{1,64})").is_ok());
}

#[test]
fn the_same_method_and_pattern_twice() {
    let (message, with) = conflict(&["foo", "foo/index"]);
    assert_eq!(with, "foo");
    assert_eq!(
        message,
        "both serve any method of `/foo`: remove one, or give them different methods"
    );
    let (message, with) = conflict(&["[id].post", "[id].get", "[id]/index.get"]);
    assert_eq!(with, "[id].get");
    assert_eq!(message, "both serve GET `/:id`: remove one, or give them different methods");
}

#[test]
fn another_pattern_for_the_same_paths() {
    let (message, with) = conflict(&["users/[id].get", "users/[[id]].get"]);
    assert_eq!(with, "users/[id].get");
    assert_eq!(
        message,
        "both serve GET some of the same paths, with `/users/:id?` and `/users/:id`: remove one, \
         or give them different methods"
    );
    conflict(&["users/[[id]]", "users/[[id([0-9]+)]]"]);
    let mut router = Router::new(false);
    router.insert(None, Pattern::parse("/Foo").unwrap(), 1).unwrap();
    let (conflict, with) = router.insert(None, Pattern::parse("/foo").unwrap(), 2).unwrap_err();
    assert_eq!(*with, 1);
    assert!(conflict.to_string().contains("`/foo` and `/Foo`"), "{conflict}");
}

#[test]
fn other_names_on_the_same_shape() {
    let cases: &[&[&'static str]] = &[
        &["users/[id].get", "users/[name].post"],
        &["files/[a].[b]", "files/[a].[c].get"],
        &["files/[...rest].post", "files/[...slug].get"],
        &["[id([0-9]+)]", "[n([0-9]+)].get"],
        &["users/[id].get", "users/[[name]].post"],
    ];
    for stems in cases {
        let (message, with) = conflict(stems);
        assert_eq!(with, stems[0]);
        assert!(message.contains(" names a parameter differently from "), "{message}");
        assert!(message.ends_with(": use the same names"), "{message}");
    }
}

#[test]
fn two_kinds_of_catch_all_in_one_folder() {
    let kinds = ["d/[...]", "d/[...a].get", "d/[...a+].put", "d/[[...a]].post"];
    for (at, one) in kinds.iter().enumerate() {
        for other in &kinds[at + 1..] {
            let (message, with) = conflict(&[one, other]);
            assert_eq!(with, *one);
            assert!(
                message.ends_with("are two kinds of catch-all in one folder: keep one kind"),
                "{message}"
            );
        }
    }
}

#[test]
fn a_refused_route_leaves_the_table_as_it_was() {
    let mut router = super::site(&["users/[id]"]);
    let pattern = Pattern::parse("/users/:id/:tab?").unwrap();
    router.insert(None, pattern, "tab").unwrap();
    let refused = Pattern::parse("/:a?/users/:id").unwrap();
    assert!(router.insert(None, refused, "refused").is_err());
    assert_eq!(super::get(&router, "/x/users/1"), "404");
    assert_eq!(router.iter().count(), 2);
}

#[test]
fn what_only_seems_to_conflict_is_taken() {
    let sites: &[&[&'static str]] = &[
        &["users/[id]", "users/[name]/posts"],
        &["users/[id]", "users/[_]", "users/[id([0-9]+)]", "users/[n([a-z]+)]"],
        &["users/index", "users/[[id]]", "users/[...rest]"],
        &["users/[[id]]", "users/[[...rest]]"],
        &["users/[[id]].get", "users/[[id]].post"],
        &["index", "[...slug]", "[...slug].get"],
    ];
    for stems in sites {
        super::site(stems);
    }
}
