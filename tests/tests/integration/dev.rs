//! `lithe dev`: a change of a source is built and replaces what is served.
//!
//! The site lies below a hidden folder, as temporary ones are: only what is hidden inside a site is
//! no change of it.

use std::path::Path;

use lithe_tests::artifacts::TARGET;
use lithe_tests::{TestHost, eventually_built};

use crate::host;

const SOURCE: &str = r#"
use lithe_sdk::{Event, Outcome, Response, Result, SocketEvent};

#[lithe_sdk::handler(websocket)]
fn version(event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(Response::text("VERSION").into());
    }
    let session = async |mut socket: lithe_sdk::Socket| {
        while let Some(SocketEvent::Text(text)) = socket.next().await {
            socket.send_text(text)?;
        }
        Ok(())
    };
    event.ws().upgrade(session).accept()
}
"#;

fn manifest(name: &str, dependency: &str) -> String {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/rust");
    format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nlithe-sdk = {{ path = {sdk:?} }}\n\
         {dependency}\n[workspace]\n"
    )
}

async fn serves(host: &TestHost, version: &str) {
    let what = format!("version {version}");
    eventually_built(&what, async || (host.get("/").await.text() == version).then_some(())).await;
}

#[tokio::test]
async fn a_change_replaces_what_is_served_and_a_mistake_does_not() {
    let source = "guests/changing/src/lib.rs";
    let host = host()
        .command("dev")
        .config("[build]\n\"routes/index.wasm\" = \"guests/changing\"\n")
        .file("guests/changing/Cargo.toml", manifest("changing", ""))
        // The versions that the repository is built with are there already.
        .file("guests/changing/Cargo.lock", include_str!("../../../Cargo.lock"))
        .file(source, SOURCE.replace("VERSION", "one"))
        .environment("CARGO_NET_OFFLINE", "true")
        .environment("CARGO_TARGET_DIR", TARGET)
        .start()
        .await;
    host.wait_for_log(&["each change begins with empty memory: `routes/index.wasm`"]).await;
    assert_eq!(host.get("/").await.text(), "one");
    let mut client = host.connect("/").await;
    assert_eq!(client.ask("hello").await, "hello");

    host.site.write(source, SOURCE.replace("VERSION", "two"));
    // The session's state is in the closure: it stays with the version that it has.
    host.wait_for_log(&["replaced routes/index.wasm", "1 socket draining"]).await;
    let lost = ["routes/index.wasm begins with empty memory", "neither version exports `state`"];
    host.wait_for_log(&lost).await;
    assert_eq!(host.get("/").await.text(), "two");
    assert_eq!(client.ask("still open").await, "still open");
    let mut client = host.connect("/").await;

    host.site.write(source, SOURCE.replace("VERSION", "three").replace("Ok(())", "Ok(()"));
    host.wait_for_log(&["mismatched closing delimiter"]).await;
    host.wait_for_log(&["`routes/index.wasm`", "`guests/changing`"]).await;
    host.wait_for_log(&["the previous version is still being served"]).await;
    let reports = host.log().matches("replaced routes/index.wasm").count();
    assert_eq!(reports, 1, "{}", host.log());
    assert_eq!(host.get("/").await.text(), "two");
    assert_eq!(client.ask("still open").await, "still open");

    host.site.write(source, SOURCE.replace("VERSION", "four"));
    serves(&host, "four").await;
    assert_eq!(client.ask("still open").await, "still open");
}

#[tokio::test]
async fn a_change_of_a_package_outside_of_the_site_is_followed() {
    let outside = tempfile::tempdir().expect("a temporary folder can be made");
    let package = outside.path().join("words");
    let say = |word: &str| {
        let source = format!("pub const WORD: &str = {word:?};\n");
        std::fs::write(package.join("src/lib.rs"), source).expect("it can be written");
    };
    std::fs::create_dir_all(package.join("src")).expect("it is new");
    let words =
        "[package]\nname = \"words\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(package.join("Cargo.toml"), words).expect("it can be written");
    say("one");
    let host = host()
        .command("dev")
        .config("[build]\n\"routes/index.wasm\" = \"guests/following\"\n")
        .file(
            "guests/following/Cargo.toml",
            manifest("following", &format!("words = {{ path = {package:?} }}")),
        )
        .file("guests/following/Cargo.lock", include_str!("../../../Cargo.lock"))
        .file("guests/following/src/lib.rs", SOURCE.replace("\"VERSION\"", "words::WORD"))
        .environment("CARGO_NET_OFFLINE", "true")
        .environment("CARGO_TARGET_DIR", TARGET)
        .start()
        .await;
    assert_eq!(host.get("/").await.text(), "one");
    say("two");
    serves(&host, "two").await;
    // What that build was made from is watched, too.
    say("three");
    serves(&host, "three").await;
}
