use lithe_tests::artifacts::LOOP;

use crate::host;

#[tokio::test]
async fn each_message_comes_back_unchanged() {
    let host = host().route("loop", LOOP).start().await;
    let mut ann = host.connect("/loop").await;
    let mut bob = host.connect("/loop").await;
    assert_eq!(ann.ask("a").await, "a");
    assert_eq!(bob.ask("b").await, "b");
    ann.send_binary(vec![0, 255]).await;
    assert_eq!(ann.binary().await, vec![0, 255]);
    ann.close(1000, "bye").await;
    assert_eq!(ann.closed().await, (1000, "bye".to_owned()));
    assert_eq!(bob.ask("still here").await, "still here");
}

#[tokio::test]
async fn plain_http_is_told_to_upgrade() {
    let host = host().route("loop", LOOP).start().await;
    assert_eq!(host.get("/loop").await.status, 426);
}
