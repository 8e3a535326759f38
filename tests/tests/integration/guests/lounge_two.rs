use lithe_tests::artifacts::LOUNGE_TWO;

use crate::host;

#[tokio::test]
async fn it_prints_differently() {
    let host = host().route("lounge", LOUNGE_TWO).start().await;
    let mut ann = host.connect("/lounge?name=Ann").await;
    assert_eq!(ann.text().await, "* Ann has joined");
    assert_eq!(ann.ask("hello").await, "Ann says: hello");
}
