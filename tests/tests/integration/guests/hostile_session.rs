use lithe_tests::artifacts::HOSTILE_SESSION;

use super::faults;
use crate::host;

#[tokio::test]
async fn a_fault_closes_with_1011() {
    faults::a_fault_closes_with_1011("/session").await;
}

#[tokio::test]
async fn a_loop_holds_nobody_else_up_not_even_the_same_plugin() {
    faults::a_loop_holds_nobody_else_up("/session", "/session").await;
}

#[tokio::test]
async fn a_fault_takes_only_its_own_socket() {
    let host = faults::all_kinds().await;
    let mut other = host.connect("/session").await;
    assert_eq!(other.ask("before").await, "before");
    for word in ["panic", "memory", "exit"] {
        let mut trapping = host.connect("/session").await;
        trapping.send(word).await;
        assert_eq!(trapping.closed().await, (1011, String::new()), "{word}");
        assert_eq!(other.ask("after").await, "after", "{word}");
    }
}

#[tokio::test]
async fn a_session_that_returns_closes_with_1000() {
    let host = host().route("session", HOSTILE_SESSION).start().await;
    let mut client = host.connect("/session").await;
    client.send("return").await;
    assert_eq!(client.closed().await, (1000, String::new()));
}

#[tokio::test]
async fn a_session_that_waits_is_not_charged_for_it() {
    let config = "[limits]\nevent_cpu = \"1s\"\n";
    let host = host().config(config).route("session", HOSTILE_SESSION).start().await;
    let mut sleeping = host.connect("/session").await;
    let mut other = host.connect("/session").await;
    sleeping.send("sleep").await;
    assert_eq!(other.ask("meanwhile").await, "meanwhile");
    assert_eq!(sleeping.text().await, "sleep");
}

#[tokio::test]
async fn instances_over_the_limit_are_refused_with_503() {
    let config = "[limits]\ninstances = 2\n";
    let host = host().config(config).route("session", HOSTILE_SESSION).start().await;
    let (mut first, _second) = (host.connect("/session").await, host.connect("/session").await);
    let refused = host.handshake("/session", &[]).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    first.send("return").await;
    first.closed().await;
    lithe_tests::eventually("room for one more", async || {
        (host.handshake("/session", &[]).await.status == 101).then_some(())
    })
    .await;
}
