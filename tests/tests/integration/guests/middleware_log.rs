//! A middleware's name is written into the component: see [`named`].

use lithe_tests::artifacts::{APP, ECHO, MIDDLEWARE_LOG, TRAP_HTTP};

use crate::host;

const PLACEHOLDER: &[u8] = b"middleware-name:________________";

/// The component under a name of its own.
pub(crate) fn named(name: &str) -> Vec<u8> {
    let mut component = std::fs::read(MIDDLEWARE_LOG).expect("the component has been built");
    let found = component.windows(PLACEHOLDER.len()).position(|bytes| bytes == PLACEHOLDER);
    let start = found.expect("the component has room for a name") + "middleware-name:".len();
    component[start..start + name.len()].copy_from_slice(name.as_bytes());
    component
}

#[tokio::test]
async fn it_marks_before_and_after() {
    let site = host().component("middleware/log.wasm", MIDDLEWARE_LOG);
    let host = site.route("http", TRAP_HTTP).route("echo", ECHO).start().await;
    assert_eq!(host.get("/http").await.header("x-order"), Some(">log <log"));
    assert_eq!(host.get("/http?name=a").await.header("x-order"), Some(">a <a"));
    assert_eq!(host.handshake("/echo?name=b", &[]).await.header("x-order"), Some(">b <b"));
}

#[tokio::test]
async fn what_it_leaves_with_the_event_reaches_the_handler() {
    let site = host().file("middleware/a.wasm", named("a")).file("middleware/b.wasm", named("b"));
    let host = site.component("plugins/app.wasm", APP).start().await;
    assert_eq!(host.get("/app/inner/order").await.text(), ">a >bapp inner ");
    assert_eq!(
        host.get("/app/inner/order").await.text(),
        ">a >bapp inner ",
        "nothing is left over"
    );
}
