use serde::Deserialize;

use crate::HttpError;
use crate::testing::TestEvent;

#[test]
fn the_uri_is_split_and_the_query_parsed() {
    let event = TestEvent::get("/a%20b?x=1+2&y=%41&x=3&flag").build();
    assert_eq!(event.uri(), "/a%20b?x=1+2&y=%41&x=3&flag");
    assert_eq!(event.path(), "/a b");
    assert_eq!(event.query_str().as_deref(), Some("x=1+2&y=%41&x=3&flag"));
    assert_eq!(event.query_param_str("x").as_deref(), Some("1 2"));
    assert_eq!(event.query_param_str("y").as_deref(), Some("A"));
    assert_eq!(event.query_param_str("flag").as_deref(), Some(""));
    assert_eq!(event.query_param_str("z"), None);
}

#[test]
fn headers_are_found_in_any_case() {
    let event = TestEvent::get("/").header("X-Name", "value").build();
    assert_eq!(event.header("x-nAME").as_deref(), Some("value"));
    assert!(event.headers().contains(&("x-name".into(), "value".into())));
}

#[test]
fn a_bad_body_is_a_400_that_says_what_is_wrong() {
    let event = TestEvent::post("/").body([0xff]).build();
    assert_eq!(event.text().unwrap_err().status, 400);
    let error = TestEvent::post("/").body("[1,").build().json::<Vec<u8>>().unwrap_err();
    assert_eq!(error.status, 400);
    assert!(error.message.contains("line 1 column 3"), "{}", error.message);
}

#[test]
fn a_missing_or_bad_param_is_a_400_that_names_it() {
    let event = TestEvent::get("/rooms/7").param("id", "7").param("name", "x").build();
    assert_eq!(event.param::<u32>("id").unwrap(), 7);
    assert_eq!(event.param::<String>("id").unwrap(), "7");
    assert_eq!(event.param_str("name").as_deref(), Some("x"));
    assert_eq!(event.param_str("other"), None);
    let bad = HttpError::bad_request("parameter `name` is `x`: not an integer");
    assert_eq!(event.param::<u32>("name").unwrap_err(), bad);
    let missing = HttpError::bad_request("parameter `other` is missing");
    assert_eq!(event.param::<String>("other").unwrap_err(), missing);
}

#[test]
fn a_query_parameter_may_be_missing_but_not_bad() {
    let event = TestEvent::get("/?page=2&size=x").build();
    assert_eq!(event.query_param::<u32>("page"), Ok(Some(2)));
    assert_eq!(event.query_param::<u32>("other"), Ok(None));
    let error = event.query_param::<u32>("size").unwrap_err();
    assert!(error.message.starts_with("query parameter `size` is `x`"), "{}", error.message);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Person {
    name: String,
    age: Option<u8>,
}

#[test]
fn a_query_is_read_as_a_struct() {
    let person = |uri| TestEvent::get(uri).build().query::<Person>();
    assert_eq!(person("/?name=a+b&x=1"), Ok(Person { name: "a b".into(), age: None }));
    assert_eq!(person("/?name=%C3%A4&age=7"), Ok(Person { name: "ä".into(), age: Some(7) }));
    assert_eq!(person("/").unwrap_err().status, 400);
    assert_eq!(person("/?name=a&age=x").unwrap_err().status, 400);
}

#[test]
fn a_form_is_read_as_a_struct_if_it_says_that_it_is_one() {
    let form = |content_type, body: &str| {
        TestEvent::post("/").header("content-type", content_type).body(body).build()
    };
    let person = Person { name: "Ada L".into(), age: Some(36) };
    let event = form("Application/x-www-form-urlencoded; charset=UTF-8", "name=Ada+L&age=36");
    assert_eq!(event.form(), Ok(person));
    let status = |event: crate::Event| event.form::<Person>().unwrap_err().status;
    assert_eq!(status(form("application/x-www-form-urlencoded", "age=36")), 400);
    assert_eq!(status(form("application/json", "{}")), 415);
    assert_eq!(status(TestEvent::post("/").body("name=a").build()), 415);
}

#[test]
fn a_body_over_a_limit_is_a_413_that_names_it() {
    let event = TestEvent::post("/").body("[1,2]").build();
    assert_eq!(event.json_within::<Vec<u8>>(5), Ok(vec![1, 2]));
    assert_eq!(event.json_within::<Vec<u8>>(4).unwrap_err().status, 413);
    let post = |body: String| {
        let event =
            TestEvent::post("/").header("content-type", "application/x-www-form-urlencoded");
        event.body(body).build()
    };
    let person = |size: usize| post(format!("name={}", "x".repeat(size - 5)));
    assert!(person(128 * 1024).form::<Person>().is_ok());
    let error = person(128 * 1024 + 1).form::<Person>().unwrap_err();
    let message =
        "the body is larger than 131072 bytes: `form_within` reads it with a higher limit";
    assert_eq!(error, HttpError::new(413, message));
    assert!(person(128 * 1024 + 1).form_within::<Person>(1 << 20).is_ok());
    let text = |size: usize| post(format!("\"{}\"", "x".repeat(size - 2)));
    assert!(text(128 * 1024).json::<String>().is_ok());
    assert_eq!(text(128 * 1024 + 1).json::<String>().unwrap_err().status, 413);
}

#[test]
fn a_float_is_finite_or_a_400() {
    let event = TestEvent::get("/?x=1e999&y=2.5").param("z", "NaN").body("1e999").build();
    assert_eq!(event.query_param::<f64>("y"), Ok(Some(2.5)));
    let bad = HttpError::bad_request("query parameter `x` is `1e999`: out of range");
    assert_eq!(event.query_param::<f64>("x").unwrap_err(), bad);
    assert_eq!(event.param::<f64>("z").unwrap_err().status, 400);
    assert_eq!(event.json::<f64>().unwrap_err().status, 400);
}

#[test]
fn cookies_are_read_from_the_request() {
    let event = TestEvent::get("/").header("cookie", "a=1; b=x%20y; a=2").build();
    assert_eq!(event.cookie("a").as_deref(), Some("1"));
    assert_eq!(event.cookie("b").as_deref(), Some("x y"));
    assert_eq!(event.cookie("c"), None);
    assert_eq!(event.cookies().len(), 3);
}

#[test]
fn locals_pass_from_one_to_the_next() {
    let event = TestEvent::get("/").local("user", "ada").build();
    event.set_local_str("role", "admin");
    assert_eq!(event.local_str("user").as_deref(), Some("ada"));
    assert_eq!(event.clone().local_str("role").as_deref(), Some("admin"));
}

#[test]
fn locals_have_types() {
    let event = TestEvent::get("/").build();
    event.set_local("ids", &[1, 2]).unwrap();
    assert_eq!(event.local::<Vec<u32>>("ids").unwrap(), Some(vec![1, 2]));
    assert_eq!(event.local::<u32>("other").unwrap(), None);
    let error = event.local::<u32>("ids").unwrap_err();
    assert_eq!(HttpError::of(&error).status, 500);
    assert!(error.to_string().contains("`ids`"), "{error}");
}
