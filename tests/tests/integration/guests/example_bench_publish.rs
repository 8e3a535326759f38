use lithe_tests::artifacts::BENCH_PUBLISH;

use crate::host;

#[tokio::test]
async fn everyone_hears_each_message_once_and_unchanged() {
    let host = host().route("publish", BENCH_PUBLISH).start().await;
    let mut ann = host.connect("/publish").await;
    assert_eq!(ann.ask("alone").await, "alone");
    let mut bob = host.connect("/publish").await;
    for text in ["a", "", "日本 🦀"] {
        bob.send(text).await;
        for client in [&mut ann, &mut bob] {
            assert_eq!(client.text().await, text);
        }
    }
    ann.send_binary(vec![0, 255]).await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.binary().await, vec![0, 255]);
    }
}

#[tokio::test]
async fn a_thousand_messages_reach_all_in_one_order() {
    let host = host().route("publish", BENCH_PUBLISH).start().await;
    let mut clients = [host.connect("/publish").await, host.connect("/publish").await];
    // Each has subscribed, then: the guest hears a message after the end of the handshake.
    let [ann, bob] = &mut clients;
    assert_eq!(bob.ask("Bob is here").await, "Bob is here");
    ann.send("Ann is here").await;
    assert_eq!(bob.text().await, "Ann is here");
    while ann.text().await != "Ann is here" {}
    for number in 0..500 {
        for (at, client) in clients.iter_mut().enumerate() {
            client.send(&format!("{at}:{number}")).await;
        }
    }
    let mut heard = [Vec::new(), Vec::new()];
    for (client, heard) in clients.iter_mut().zip(&mut heard) {
        for _ in 0..1_000 {
            heard.push(client.text().await);
        }
    }
    assert!(heard[0] == heard[1], "in one order: {heard:?}");
    for at in 0..2 {
        let own = heard[0].iter().filter_map(|text| text.strip_prefix(&format!("{at}:")));
        assert!(own.eq((0..500).map(|number| number.to_string())), "the messages of {at}");
    }
}
