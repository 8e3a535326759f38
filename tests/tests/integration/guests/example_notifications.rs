use std::time::{Duration, Instant};

use lithe_tests::TestHost;
use lithe_tests::artifacts::NOTIFICATIONS;

use crate::host;

async fn feed() -> TestHost {
    host().route("notifications", NOTIFICATIONS).start().await
}

#[tokio::test]
async fn it_greets_and_then_says_something_at_regular_times() {
    let host = feed().await;
    let started = Instant::now();
    let mut client = host.connect("/notifications?every_ms=100").await;
    assert_eq!(client.text().await, "Connected to notification service");
    let mut times = Vec::new();
    for _ in 0..5 {
        let update = client.text().await;
        let time = update.strip_prefix("Server update at ").expect("it says when").to_owned();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        times.push(time);
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert!(started.elapsed() >= Duration::from_millis(500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_a_client_says_changes_nothing() {
    let host = feed().await;
    let started = Instant::now();
    let mut client = host.connect("/notifications?every_ms=200").await;
    assert_eq!(client.text().await, "Connected to notification service");
    for _ in 0..20 {
        client.send("hurry up").await;
    }
    assert!(client.text().await.starts_with("Server update"));
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
}

#[tokio::test]
async fn each_client_has_its_own_times() {
    let host = feed().await;
    let mut patient = host.connect("/notifications?every_ms=60000").await;
    let mut impatient = host.connect("/notifications?every_ms=20").await;
    for client in [&mut patient, &mut impatient] {
        assert_eq!(client.text().await, "Connected to notification service");
    }
    for _ in 0..10 {
        assert!(impatient.text().await.starts_with("Server update"));
    }
    // A minute is not over: the next that comes is the end.
    patient.close(1000, "").await;
    assert_eq!(patient.closed().await, (1000, String::new()));
}

#[tokio::test]
async fn the_timer_stops_with_the_session() {
    let config = "[limits]\nidle_after = \"200ms\"\n\
                  [plugin.\"routes/notifications.wasm\"]\nstateless = true\n";
    let host = host().config(config).route("notifications", NOTIFICATIONS).start().await;
    let mut client = host.connect("/notifications?every_ms=20").await;
    assert_eq!(client.text().await, "Connected to notification service");
    assert!(client.text().await.starts_with("Server update"));
    client.close(1000, "").await;
    // Updates may come before the answer.
    drop(client);
    // An instance with a timer is not dropped.
    host.wait_for_log(&["hibernating", "routes/notifications.wasm", "sockets=0"]).await;
}

#[tokio::test]
async fn a_time_out_of_bounds_is_a_400() {
    let host = feed().await;
    for bad in ["0", "60001", "-1", "soon", ""] {
        let refused = host.handshake(&format!("/notifications?every_ms={bad}"), &[]).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.text().contains("`every_ms`"), "{}", refused.text());
    }
    assert_eq!(host.handshake("/notifications?every_ms=60000", &[]).await.status, 101);
}

#[tokio::test]
async fn plain_http_is_told_how_to_connect() {
    let response = feed().await.get("/notifications").await;
    assert_eq!(response.status, 200);
    let about = response.json();
    assert_eq!(about["service"], "Notification Feed");
    assert_eq!(about["mode"], "HTTP");
    assert_eq!(about["connect"], "Use WebSocket for real-time notifications");
}
