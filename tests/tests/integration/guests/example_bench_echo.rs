use lithe_tests::artifacts::BENCH_ECHO;

use crate::host;

/// On both sides of each boundary of the length's encoding, and the largest that is allowed.
const SIZES: [usize; 6] = [0, 125, 126, 65_535, 65_536, 1024 * 1024];

#[tokio::test]
async fn messages_of_each_size_and_kind_come_back_and_nothing_else() {
    let host = host().route("bench/echo", BENCH_ECHO).start().await;
    let mut client = host.connect("/bench/echo").await;
    for size in SIZES {
        let text = "x".repeat(size);
        assert!(client.ask(&text).await == text, "{size} bytes of text");
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        client.send_binary(bytes.clone()).await;
        assert!(client.binary().await == bytes, "{size} bytes");
    }
    client.close(1000, "").await;
    client.closed().await;
}

#[tokio::test]
async fn plain_http_is_told_to_upgrade() {
    let host = host().route("bench/echo", BENCH_ECHO).start().await;
    let response = host.get("/bench/echo").await;
    assert_eq!(response.status, 426);
    assert_eq!(response.header("upgrade"), Some("websocket"));
}
