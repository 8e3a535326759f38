//! One shared instance, a thousand sockets.

use futures_util::StreamExt as _;
use futures_util::stream;
use lithe_tests::TestHost;
use lithe_tests::artifacts::BENCH_ECHO;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::host;

const SOCKETS: usize = 1_000;
const ROUNDS: usize = 3;

#[tokio::test]
async fn a_thousand_sockets_each_hear_their_own_echoes() {
    allow_open_files();
    let host = host().route("echo", BENCH_ECHO).start().await;
    let connecting = (0..SOCKETS).map(|_| host.connect("/echo"));
    let mut clients: Vec<_> = stream::iter(connecting).buffer_unordered(50).collect().await;
    for round in 0..ROUNDS {
        // All of them have sent before the first one reads.
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&format!("{number} in round {round}")).await;
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.text().await, format!("{number} in round {round}"));
        }
    }
    let closing = clients.into_iter().map(async |mut client| {
        client.close(1000, "").await;
        assert_eq!(client.closed().await, (1000, String::new()));
    });
    stream::iter(closing).buffer_unordered(50).collect::<()>().await;
    lives_on(&host).await;
}

async fn lives_on(host: &TestHost) {
    assert_eq!(host.connect("/echo").await.ask("one more").await, "one more");
}

/// Each socket is a file to the system; its soft limit is often 1,024.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
}
