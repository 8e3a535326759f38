//! What is in the folder is served, however it got there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lithe_tests::artifacts::BENCH_HELLO;
use lithe_tests::components::tagged;
use lithe_tests::{Raw, Signal, eventually};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::by_hand::{ByHand, lithe, run, serve, status};

/// A folder, and a site in it.
fn site() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().expect("a folder can be made");
    let site = outer.path().join("site");
    put(&site, "a");
    (outer, site)
}

/// Puts a route into a site.
fn put(site: &Path, name: &str) {
    fs::create_dir_all(site.join("routes")).expect("it can be made");
    fs::copy(BENCH_HELLO, site.join(format!("routes/{name}.wasm"))).expect("it can be copied");
}

async fn serves(host: &ByHand, path: &str) {
    let what = format!("`{path}` is served");
    eventually(&what, async || (host.get(path).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_site_that_is_replaced_is_served_again_and_again() {
    let (outer, site) = site();
    let host = serve(&site).await;
    for round in ["one", "two", "three"] {
        let next = outer.path().join("next");
        put(&next, "a");
        put(&next, round);
        fs::rename(&site, outer.path().join(format!("before-{round}"))).expect("can be moved");
        fs::rename(&next, &site).expect("it can be moved");
        serves(&host, &format!("/{round}")).await;
        put(&site, "later");
        serves(&host, "/later").await;
        // Commands find the host in the new folder, too: at once, and not when it looks the next
        // time.
        let status = run(&mut lithe("status", &site)).await;
        assert!(status.status.success(), "{status:?}");
    }
}

#[tokio::test]
async fn a_link_to_a_site_that_moves_is_followed() {
    let (outer, _) = site();
    let link = outer.path().join("current");
    symlink("site", &link).expect("it can be linked");
    let host = serve(&link).await;
    assert_eq!(host.get("/a").await.status, 200);
    for release in ["second", "third"] {
        put(&outer.path().join(release), release);
        symlink(release, outer.path().join("next")).expect("it can be linked");
        fs::rename(outer.path().join("next"), &link).expect("it can be moved");
        serves(&host, &format!("/{release}")).await;
    }
    assert_eq!(host.get("/a").await.status, 404);
}

#[tokio::test]
async fn a_swap_of_kubernetes_data_is_served() {
    let (_outer, site) = site();
    let routes = site.join("routes");
    let publish = |name: &str, tag: u8| {
        fs::create_dir(routes.join(name)).expect("it can be made");
        fs::write(routes.join(name).join("b.wasm"), tagged(BENCH_HELLO, tag)).expect("written");
        symlink(name, routes.join("..data_tmp")).expect("it can be linked");
        fs::rename(routes.join("..data_tmp"), routes.join("..data")).expect("it can be moved");
    };
    publish("..2026_1", b'1');
    symlink("..data/b.wasm", routes.join("b.wasm")).expect("it can be linked");
    let _host = serve(&site).await;
    let before = status(&site).await["plugins"].clone();
    publish("..2026_2", b'2');
    fs::remove_dir_all(routes.join("..2026_1")).expect("it can be removed");
    eventually("the new version", async || {
        (status(&site).await["plugins"] != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn links_to_everything_hold_nothing_up() {
    let (_outer, site) = site();
    fs::create_dir(site.join("public")).expect("it can be made");
    symlink("/", site.join("public/all")).expect("it can be linked");
    symlink("/", site.join("data")).expect("it can be linked");
    let host = serve(&site).await;
    put(&site, "b");
    serves(&host, "/b").await;
}

#[tokio::test]
async fn a_stray_name_that_is_not_text_is_said_and_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    let (_outer, site) = site();
    let stray = std::ffi::OsStr::from_bytes(b"\xff.wasm");
    fs::write(site.join("routes").join(stray), "").expect("it can be written");
    let host = serve(&site).await;
    assert_eq!(host.get("/a").await.status, 200);
    host.process.logs(&["is left out", "not UTF-8"]).await;
    put(&site, "b");
    serves(&host, "/b").await;
}

#[tokio::test]
async fn a_mistake_is_said_once_and_in_one_line() {
    let (_outer, site) = site();
    let host = serve(&site).await;
    fs::write(site.join("routes/b.wasm"), "no component").expect("it can be written");
    let line = host.process.logs(&["the previous version is still being served"]).await;
    assert_eq!(line.matches("`routes/b.wasm`").count(), 1, "{line}");
    assert_eq!(host.get("/a").await.status, 200);
}

#[tokio::test]
async fn sighup_looks_again_and_ends_nothing() {
    let (_outer, site) = site();
    let host = serve(&site).await;
    host.process.signal(Signal::HUP);
    host.process.logs(&["SIGHUP", "looking at all sites"]).await;
    assert_eq!(host.get("/a").await.status, 200);
    put(&site, "b");
    serves(&host, "/b").await;
}

#[tokio::test]
async fn a_change_that_meets_the_stop_ends_with_the_host() {
    let (_outer, site) = site();
    for round in ["one", "two", "three"] {
        let mut host = serve(&site).await;
        put(&site, round);
        // It is served now, and its files may still be on their way to the disk.
        serves(&host, &format!("/{round}")).await;
        host.process.signal(Signal::TERM);
        assert!(host.process.exit().await.success());
        let log = host.process.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// Lets a process have this many descriptors. Returns how many it could have before.
fn limit_files(process: u32, count: Option<u64>) -> Option<u64> {
    let process = Pid::from_raw(process as i32).expect("a process has a number");
    // It has the same hard limit as the test.
    let limit = Rlimit { current: count, maximum: getrlimit(Resource::Nofile).maximum };
    let before = prlimit(Some(process), Resource::Nofile, limit);
    before.expect("it is ours").current
}

#[tokio::test]
async fn a_change_seen_without_descriptors_is_served_when_there_are_some_again() {
    const ASKED: &str = "GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (_outer, site) = site();
    let host = serve(&site).await;
    let mut open = Raw::connect(host.address).await;
    open.write(ASKED).await;
    assert_eq!(open.response().await.status, 200);
    let before = limit_files(host.process.id(), Some(3));
    put(&site, "b");
    host.process.logs(&["Too many open files", "the previous version is still being served"]).await;
    open.write(ASKED).await;
    assert_eq!(open.response().await.status, 200);
    limit_files(host.process.id(), before);
    serves(&host, "/b").await;
    assert_eq!(host.get("/a").await.status, 200);
}
