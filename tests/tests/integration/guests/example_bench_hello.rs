use lithe_tests::artifacts::BENCH_HELLO;

use crate::host;

#[tokio::test]
async fn it_says_hello() {
    let host = host().route("bench/hello", BENCH_HELLO).start().await;
    let response = host.get("/bench/hello").await;
    assert_eq!((response.status, response.text()), (200, "hello world"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some("11"));
}
