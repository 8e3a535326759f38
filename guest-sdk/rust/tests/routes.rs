//! `routes!` on the files below `tests/site`.

#![allow(unreachable_pub, reason = "the functions of route files are public")]

use lithe_sdk::App;
use lithe_sdk::testing::TestEvent;

fn app() -> App {
    lithe_sdk::routes!("tests/site/routes")
}

fn text(method: &str, uri: &str) -> String {
    TestEvent::new(method, uri).call_app(&app()).text()
}

#[test]
fn every_file_is_a_route() {
    let app = app();
    let routes: Vec<_> = app
        .routes()
        .map(|(method, route)| format!("{} {route}", method.unwrap_or("any")))
        .collect();
    assert_eq!(
        routes,
        ["any /", "any /admin", "GET /files/:path+", "GET /rooms/:id", "POST /rooms/:id"]
    );
}

#[test]
fn requests_reach_the_file_of_their_pattern() {
    assert_eq!(text("GET", "/"), "home");
    assert_eq!(text("GET", "/rooms/7"), "room 7");
    assert_eq!(text("POST", "/rooms/7"), "posted");
    assert_eq!(text("GET", "/files/a/b"), "a/b");
}

#[test]
fn global_middleware_runs_before_scoped_and_scoped_where_it_belongs() {
    let order = |method: &str, uri: &str| {
        let outcome = TestEvent::new(method, uri).call_app(&app());
        outcome.header("x-order").map(str::to_owned)
    };
    assert_eq!(order("GET", "/").as_deref(), Some("2 1"));
    assert_eq!(order("GET", "/admin").as_deref(), Some("admin 2 1"));
    assert_eq!(order("POST", "/admin").as_deref(), Some("2 1"));
}

#[test]
fn an_error_file_answers_for_its_folder() {
    assert_eq!(text("GET", "/rooms/x"), "rooms: parameter `id` is `x`: not an integer");
    assert_eq!(TestEvent::get("/admin?fail").call_app(&app()).status(), 403);
}
