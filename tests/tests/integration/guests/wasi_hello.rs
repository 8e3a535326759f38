//! A component of another world: `wasi:http/proxy`.

use lithe_tests::artifacts::WASI_HELLO;

use crate::host;

#[tokio::test]
async fn a_component_of_wasi_http_is_refused_by_name() {
    let refusal = host().route("index", WASI_HELLO).end().await;
    refusal.says(&["index.wasm", "wasi:http/"]);
}
