//! Messages of several sockets in one call: which socket each effect belongs to.

use lithe_tests::artifacts::{BATCH, BENCH_ECHO};
use lithe_tests::{Client, TestHost, eventually};

use crate::host;

async fn start(config: &str) -> TestHost {
    host().config(config).route("batch", BATCH).start().await
}

/// A client, and the number of its socket.
async fn connect(host: &TestHost) -> (Client, String) {
    let mut client = host.connect("/batch").await;
    let number = client.text().await;
    (client, number)
}

/// The instance is held while these send: what they say comes to it in one call, if nothing is
/// slow.
async fn send_together(host: &TestHost, clients: &mut [(&mut Client, &str)]) {
    let (mut holder, _) = connect(host).await;
    let holding = host.log().matches("holding").count();
    holder.send("hold").await;
    let is_held = async || (host.log().matches("holding").count() > holding).then_some(());
    eventually("the instance is held", is_held).await;
    for (client, text) in clients {
        client.send(text).await;
    }
    assert_eq!(holder.text().await, "held");
}

#[tokio::test]
async fn messages_of_several_sockets_come_in_one_call_each_in_its_turn() {
    let host = start("").await;
    let ((mut one, _), (mut two, _), (mut three, _)) =
        (connect(&host).await, connect(&host).await, connect(&host).await);
    let together = async || {
        let mut clients = [(&mut one, "which"), (&mut two, "which"), (&mut three, "which")];
        send_together(&host, &mut clients).await;
        let mut answers = [one.text().await, two.text().await, three.text().await];
        answers.sort();
        let (call, first) = answers[0].split_once(' ')?;
        assert_eq!(first, "0");
        (answers == [0, 1, 2].map(|turn| format!("{call} {turn}"))).then_some(())
    };
    eventually("three turns of one call", together).await;
}

#[tokio::test]
async fn a_trap_closes_the_socket_whose_turn_it_was_and_no_other() {
    for (config, misbehaviour) in [
        ("", "panic"),
        ("[limits]\nevent_cpu = \"500ms\"\n", "loop"),
        ("[limits]\nmemory = \"4 MiB\"\n", "memory"),
    ] {
        let host = start(config).await;
        let ((mut one, _), (mut bad, number), (mut two, _)) =
            (connect(&host).await, connect(&host).await, connect(&host).await);
        let mut clients = [(&mut one, "one"), (&mut bad, misbehaviour), (&mut two, "two")];
        send_together(&host, &mut clients).await;
        // Nothing is lost, and nothing comes twice.
        for (client, text) in [(&mut one, "one"), (&mut two, "two")] {
            assert_eq!([client.text().await, client.ask("after").await], [text, "after"]);
        }
        assert_eq!(bad.closed().await, (1011, String::new()), "{misbehaviour}");
        host.wait_for_log(&[&format!("socket {number} ended with")]).await;
    }
}

#[tokio::test]
async fn each_turn_has_the_time_of_an_event() {
    let host = start("[limits]\nrequest_time = \"2500ms\"\n").await;
    let ((mut one, _), (mut two, _), (mut three, _)) =
        (connect(&host).await, connect(&host).await, connect(&host).await);
    // Each turn is within its wall time, and all of them together are not.
    send_together(&host, &mut [(&mut one, "hold"), (&mut two, "hold"), (&mut three, "hold")]).await;
    for client in [&mut one, &mut two, &mut three] {
        assert_eq!(client.text().await, "held");
    }
}

#[tokio::test]
async fn what_is_printed_in_a_turn_is_about_its_request() {
    let host = start("").await;
    let ((mut one, _), (mut two, _)) = (connect(&host).await, connect(&host).await);
    send_together(&host, &mut [(&mut one, "print first"), (&mut two, "print second")]).await;
    for (client, text) in [(&mut one, "first"), (&mut two, "second")] {
        assert_eq!(client.text().await, "printed");
        let request = client.headers["x-request-id"].to_str().unwrap().to_owned();
        host.wait_for_log(&[text, &format!("request={request}")]).await;
    }
}

#[tokio::test]
async fn a_turn_of_a_socket_that_is_not_to_come_is_a_trap_in_the_turn_before() {
    let host = start("").await;
    let ((mut bad, own), (mut other, number)) = (connect(&host).await, connect(&host).await);
    for named in [own, number, "4294967295".to_owned()] {
        bad.send(&format!("begin {named}")).await;
        assert_eq!(bad.closed().await, (1011, String::new()));
        host.wait_for_log(&["`turn.begin`", &format!("socket {named} is not one of the sockets")])
            .await;
        assert_eq!(other.ask("still here").await, "still here");
        bad = connect(&host).await.0;
    }
}

#[tokio::test]
async fn what_a_guest_skips_counts_as_handled() {
    let host = start("").await;
    let ((mut one, _), (mut two, _)) = (connect(&host).await, connect(&host).await);
    assert_eq!(one.ask("skip").await, "skipping");
    send_together(&host, &mut [(&mut one, "one"), (&mut two, "two")]).await;
    assert_eq!([one.text().await, two.text().await], ["one", "two"]);
    assert_eq!([one.ask("more").await, two.ask("more").await], ["more", "more"]);
}

#[tokio::test]
async fn long_messages_come_to_the_hooks_and_in_order() {
    let host = start("").await;
    let (mut client, _) = connect(&host).await;
    let (short, long) = ("s".repeat(1024), "l".repeat(1025));
    for text in [&short, &long, &short, &short, &long, &long] {
        client.send(text).await;
    }
    for answer in [&short, "long", &short, &short, "long", "long"] {
        assert_eq!(client.text().await, answer);
    }
    client.send_binary(vec![0xFF; 3]).await;
    assert_eq!(client.binary().await, vec![0xFF; 3]);
}

#[tokio::test]
async fn more_sockets_than_one_call_takes_are_answered_in_order() {
    const SOCKETS: usize = 300;
    const MESSAGES: usize = 20;
    let host = host().route("echo", BENCH_ECHO).start().await;
    let mut clients = Vec::new();
    for _ in 0..SOCKETS {
        clients.push(host.connect("/echo").await);
    }
    for number in 0..MESSAGES {
        for client in &mut clients {
            client.send(&number.to_string()).await;
        }
    }
    for client in &mut clients {
        for number in 0..MESSAGES {
            assert_eq!(client.text().await, number.to_string());
        }
    }
}
