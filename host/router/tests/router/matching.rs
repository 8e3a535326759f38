use http::Method;

use super::{filled, found, get, site, table};
use lithe_router::{Found, Path, Pattern, Router};

#[test]
fn static_then_regex_or_embedded_then_parameter_then_wildcard_then_catch_all() {
    let all = ["/a", r"/:n([a-z]+)", "/:n", "/*", "/**:rest"];
    for from in 0..all.len() {
        let expected = all[from];
        let answer = get(&table(&all[from..]), "/a");
        assert_eq!(answer.split(' ').next(), Some(expected));
        let mut backwards = all[from..].to_vec();
        backwards.reverse();
        assert_eq!(answer, get(&table(&backwards), "/a"));
    }
}

#[test]
fn of_embedded_ones_the_one_with_more_text_comes_first() {
    let router = table(&["/:name.:ext", "/post-:id.json", "/:name.json"]);
    assert_eq!(get(&router, "/post-1.json"), "/post-:id.json id=1");
    assert_eq!(get(&router, "/feed.json"), "/:name.json name=feed");
    assert_eq!(get(&router, "/feed.xml"), "/:name.:ext name=feed ext=xml");
}

#[test]
fn the_search_goes_back_where_a_branch_ends() {
    let router = site(&["a/b/c", "[x]/b/d", "a/[y].post", "[...rest]"]);
    assert_eq!(get(&router, "/a/b/d"), "[x]/b/d x=a");
    assert_eq!(found(&router, &Method::POST, "/a/b"), "a/[y].post y=b");
    assert_eq!(get(&router, "/a/b/e"), "[...rest] rest=a/b/e");
    let router = table(&["/:n(a+)/:x/end", "/:m/**:rest"]);
    assert_eq!(get(&router, "/aa/b/end"), "/:n(a+)/:x/end n=aa x=b");
    assert_eq!(get(&router, "/aa/b/c"), "/:m/**:rest m=aa rest=b/c");
}

#[test]
fn the_search_goes_back_where_the_method_is_missing() {
    let router = site(&["users/all.post", "users/[id].get"]);
    assert_eq!(get(&router, "/users/all"), "users/[id].get id=all");
}

#[test]
fn an_exact_method_comes_before_any() {
    let router = site(&["x", "x.post"]);
    assert_eq!(found(&router, &Method::POST, "/x"), "x.post");
    assert_eq!(found(&router, &Method::PUT, "/x"), "x");
}

#[test]
fn another_method_is_405_with_what_is_allowed() {
    let router = site(&["x.get", "[id].post", "[...rest].delete"]);
    assert_eq!(found(&router, &Method::PUT, "/x"), "405 DELETE GET HEAD OPTIONS POST");
    assert_eq!(found(&router, &Method::PUT, "/y"), "405 DELETE OPTIONS POST");
    assert_eq!(found(&router, &Method::PUT, "/"), "404");
}

#[test]
fn head_takes_head_then_any_then_get() {
    let router = site(&["x.get", "y.get", "y", "z.get", "z", "z.head"]);
    assert_eq!(found(&router, &Method::HEAD, "/x"), "x.get");
    assert_eq!(found(&router, &Method::HEAD, "/y"), "y");
    assert_eq!(found(&router, &Method::HEAD, "/z"), "z.head");
}

#[test]
fn a_root_catch_all_for_any_method_is_the_fallback_for_all_paths() {
    let router = site(&["users/[id].get", "[...slug]"]);
    assert_eq!(get(&router, "/users/1"), "users/[id].get id=1");
    assert_eq!(found(&router, &Method::PUT, "/users/1"), "[...slug] slug=users/1");
    assert_eq!(get(&router, "/"), "[...slug]");
    assert_eq!(get(&site(&["[...slug].get"]), "/"), "404");
}

#[test]
fn optional_parameters_match_with_and_without_their_segments() {
    let router = table(&["/:year?/:month?", "/:lang(en|de)?/about", "/"]);
    assert_eq!(get(&router, "/"), "/");
    assert_eq!(get(&router, "/2024"), "/:year?/:month? year=2024");
    assert_eq!(get(&router, "/2024/05"), "/:year?/:month? year=2024 month=05");
    assert_eq!(get(&router, "/about"), "/:lang(en|de)?/about");
    assert_eq!(get(&router, "/de/about"), "/:lang(en|de)?/about lang=de");
    assert_eq!(get(&router, "/fr/about"), "/:year?/:month? year=fr month=about");
    let router = table(&["/a/:x?/**:rest"]);
    assert_eq!(get(&router, "/a/1"), "/a/:x?/**:rest rest=1");
    assert_eq!(get(&router, "/a/1/2/3"), "/a/:x?/**:rest x=1 rest=2/3");
}

#[test]
fn what_leaves_less_out_comes_first() {
    let router = table(&["/users/**", "/users/:id?", "/users"]);
    assert_eq!(get(&router, "/users"), "/users");
    let router = table(&["/users/**", "/users/:id?"]);
    assert_eq!(get(&router, "/users"), "/users/:id?");
}

#[test]
fn parameters_are_decoded_and_keep_an_encoded_slash() {
    let router = table(&["/a/:id", "/b/:path+", "/c/:name.:ext", "/café"]);
    assert_eq!(get(&router, "/a/x%20y%2Fz"), "/a/:id id=x y/z");
    assert_eq!(get(&router, "/b/1%2F2/3"), "/b/:path+ path=1/2/3");
    assert_eq!(get(&router, "/c/%0A%2F.txt"), "/c/:name.:ext name=\n/ ext=txt");
    assert_eq!(get(&router, "/caf%C3%A9"), "/café");
}

#[test]
fn a_regex_is_asked_about_1_kib_at_the_most() {
    let router = table(&["/:id([a-z]+)", "/files/v:version"]);
    let misses = |path: String| get(&router, &path) == "404";
    assert!(!misses(format!("/{}", "x".repeat(1024))));
    assert!(misses(format!("/{}", "x".repeat(1025))));
    assert!(!misses(format!("/files/v{}", "x".repeat(1023))));
    assert!(misses(format!("/files/v{}", "x".repeat(1024))));
}

#[test]
fn regexes_that_cost_too_much_for_a_long_path_are_not_asked() {
    let text: Vec<String> = (30..70).map(|times| format!("/:id((xx?){{{times}}}y)")).collect();
    let patterns: Vec<&'static str> = text.into_iter().map(|text| &*text.leak()).collect();
    let router = table(&patterns);
    assert_eq!(get(&router, &format!("/{}", "x".repeat(1024))), "414");
    assert!(get(&router, &format!("/{}y", "x".repeat(40))).starts_with("/:id("));
    assert_eq!(get(&router, "/nothing"), "404");
}

#[test]
fn a_regex_must_fit_the_whole_segment_and_may_have_groups() {
    let router = table(&["/:a(x|yy)-:b((1)(2)|3)", "/w/:n([^/]+)"]);
    assert_eq!(get(&router, "/yy-12"), "/:a(x|yy)-:b((1)(2)|3) a=yy b=12");
    assert_eq!(get(&router, "/xx-3"), "404");
    assert_eq!(get(&router, "/x-3\n"), "404");
    assert_eq!(get(&router, "/w/٣"), "/w/:n([^/]+) n=٣");
    assert_eq!(get(&table(&[r"/:n(\d+)"]), "/٣"), "404", "as where the patterns come from");
}

#[test]
fn case_matters_unless_told_otherwise() {
    let routes = ["/Users/:id", "/post-:id.JSON", "/:n([a-c]+)/x"];
    let sensitive = table(&routes);
    assert_eq!(get(&sensitive, "/Users/Ann"), "/Users/:id id=Ann");
    assert_eq!(get(&sensitive, "/users/Ann"), "404");
    assert_eq!(get(&sensitive, "/POST-1.json"), "404");
    let insensitive = filled(Router::new(false), &routes);
    assert_eq!(get(&insensitive, "/uSERS/Ann"), "/Users/:id id=Ann");
    assert_eq!(get(&insensitive, "/POST-Q.json"), "/post-:id.JSON id=Q");
    assert_eq!(get(&insensitive, "/ABc/X"), "/:n([a-c]+)/x n=ABc");
}

#[test]
fn a_hostile_table_and_path_do_not_multiply() {
    // Four routes of 200 segments, and a path that is one too short for each.
    let mut router = Router::default();
    for segment in ["a", ":n(a)", ":p", "*"] {
        let named = |level: usize| segment.replace(['n', 'p'], &format!("x{level}"));
        let pattern = (0..200).fold(String::new(), |text, level| text + "/" + &named(level));
        router.insert(None, Pattern::parse(&pattern).unwrap(), ()).unwrap();
    }
    let path = "/a".repeat(199);
    let path = Path::parse(&path).unwrap();
    let begin = std::time::Instant::now();
    assert_eq!(router.find(&Method::GET, &path), Found::Nothing);
    assert!(begin.elapsed().as_secs() < 1);
}

#[test]
fn routes_are_listed_as_they_were_added() {
    let router = site(&["z.get", "a", "m/[id]"]);
    let listed: Vec<_> = router.iter().map(|(_, pattern, _)| pattern.to_string()).collect();
    assert_eq!(listed, ["/z", "/a", "/m/:id"]);
}
