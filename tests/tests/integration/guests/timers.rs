//! Timers as the contract has them.

use std::time::{Duration, Instant};

use lithe_tests::artifacts::TIMERS;
use lithe_tests::{TestHost, eventually};
use tokio::time::sleep;

use crate::host;

const LIMIT: usize = 10_000;

async fn start() -> TestHost {
    host().route("timers", TIMERS).start().await
}

async fn ask(host: &TestHost, query: &str) -> String {
    host.get(&format!("/timers?{query}")).await.text().to_owned()
}

/// Which have gone off since this was asked last.
async fn gone_off(host: &TestHost) -> Vec<u32> {
    let ids = ask(host, "").await;
    let ids = ids.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().expect("a number")).collect()
}

/// Those that go off until there are so many.
async fn wait_for(host: &TestHost, count: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    eventually(&format!("{count} timers"), async || {
        ids.extend(gone_off(host).await);
        (ids.len() >= count).then_some(())
    })
    .await;
    ids
}

#[tokio::test]
async fn one_that_repeats_goes_off_at_its_period_until_it_is_cancelled() {
    let host = start().await;
    let started = Instant::now();
    let id = ask(&host, "set=30&repeat").await;
    let ids = wait_for(&host, 10).await;
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    assert!(ids.iter().all(|other| other.to_string() == id), "{ids:?}");
    assert_eq!(ask(&host, &format!("cancel={id}")).await, "cancelled");
    gone_off(&host).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(gone_off(&host).await, [0; 0]);
}

#[tokio::test]
async fn one_that_repeats_without_a_delay_holds_nobody_up() {
    let host = start().await;
    ask(&host, "set=0&repeat").await;
    let started = Instant::now();
    let ids = wait_for(&host, 100).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(90), "{} in {took:?}: 1 ms at the least", ids.len());
}

#[tokio::test]
async fn each_of_thousands_goes_off_once() {
    let host = start().await;
    assert_eq!(ask(&host, "set=50&count=5000").await, "1,5000");
    let mut ids = wait_for(&host, 5000).await;
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=5000), "{} of 5,000", ids.len());
}

#[tokio::test]
async fn a_site_may_allow_fewer() {
    let host = host().config("[limits]\ntimers = 3\n").route("timers", TIMERS).start().await;
    assert_eq!(ask(&host, "set=600000&count=4").await, "more than 3");
    assert_eq!(ask(&host, "cancel=2").await, "cancelled");
    assert_eq!(ask(&host, "set=600000").await, "4");
    assert_eq!(ask(&host, "set=600000").await, "more than 3");
}

#[tokio::test]
async fn an_instance_has_at_most_ten_thousand() {
    let host = start().await;
    assert_eq!(ask(&host, &format!("set=600000&count={LIMIT}")).await, "1,10000");
    for query in ["set=1", "set=1&repeat"] {
        assert_eq!(ask(&host, query).await, "more than 10000");
    }
    // Numbers that are none are nothing to cancel.
    for id in [7, 7, 0, u32::MAX] {
        assert_eq!(ask(&host, &format!("cancel={id}")).await, "cancelled");
    }
    assert_eq!(ask(&host, "set=1").await, "10001");
    assert_eq!(wait_for(&host, 1).await, [10001]);
    assert_eq!(ask(&host, "set=600000").await, "10002", "one that has gone off is no more");
    assert_eq!(ask(&host, "set=600000").await, "more than 10000");
}
