//! `/loop`: an echo as a blocking loop, in an instance of its own for each connection.

use crate::TestHost;

/// # Panics
/// The host does not keep this promise.
pub async fn each_message_comes_back_unchanged(host: &TestHost, path: &str) {
    let mut ann = host.connect(path).await;
    let mut bob = host.connect(path).await;
    assert_eq!(ann.ask("a").await, "a");
    assert_eq!(bob.ask("b").await, "b");
    ann.send_binary(vec![0, 255]).await;
    assert_eq!(ann.binary().await, vec![0, 255]);
    ann.close(1000, "bye").await;
    assert_eq!(ann.closed().await, (1000, "bye".to_owned()));
    assert_eq!(bob.ask("still here").await, "still here");
}

/// # Panics
/// The host does not keep this promise.
pub async fn plain_http_is_told_to_upgrade(host: &TestHost, path: &str) {
    assert_eq!(host.get(path).await.status, 426);
}
