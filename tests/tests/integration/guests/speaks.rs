//! The guest that prints what it is told. The module `logs` tests what becomes of that.

use lithe_tests::artifacts::SPEAKS;

use crate::host;

#[tokio::test]
async fn it_says_what_it_is_told() {
    let host = host().route("speaks", SPEAKS).start().await;
    assert_eq!(host.get("/speaks?how=print&size=7").await.status, 200);
    host.wait_for_log(&["INFO guest: xxxxxxx site="]).await;
    assert_eq!(host.connect("/speaks").await.ask("hello").await, "hello");
}
