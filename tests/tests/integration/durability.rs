//! What was deployed is served, whenever the host is killed; and what is kept has bounds.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lithe_tests::artifacts::{BENCH_HELLO, SWAP_UNHEALTHY, SWAP_V1};
use lithe_tests::components::tagged;
use lithe_tests::{Process, Signal, Site};

use crate::by_hand::{lithe, run, serve};
use crate::host;

/// Times that the host is killed.
const KILLS: u32 = 100;

/// Components of each deploy.
const COMPONENTS: usize = 8;

fn file(number: usize) -> String {
    format!("routes/r{number}.wasm")
}

/// The tag of all components on the disk: a mix fails.
fn tag_on_disk(site: &Path) -> u8 {
    let component = |number| std::fs::read(site.join(file(number))).expect("it is there");
    let tags: Vec<u8> = (0..COMPONENTS).filter_map(|own| component(own).pop()).collect();
    assert!(tags.iter().all(|tag| *tag == tags[0]), "a mix: {tags:?}");
    tags[0]
}

/// Files that are neither components nor the host's own.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is readable").path();
        let own = ["control", "versions.json", "lithe.toml", "audit.log"];
        let is_own = own.iter().any(|own| path.ends_with(own));
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if path.extension().is_none_or(|extension| extension != "wasm") && !is_own {
            found.push(path);
        }
    }
    found
}

/// A deploy of all components, which may come to nothing.
fn deploy(site: &Path, component: &Path) -> Process {
    let mut command = lithe("deploy", site);
    for number in 0..COMPONENTS {
        command.arg(file(number)).arg(component);
    }
    Process::start(&mut command)
}

#[tokio::test]
async fn what_was_acknowledged_is_served_after_any_kill() {
    let site = Site::default();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let components = [b'A', b'B'].map(|tag| {
        let path = folder.path().join(char::from(tag).to_string());
        std::fs::write(&path, tagged(BENCH_HELLO, tag)).expect("it can be written");
        path
    });
    (0..COMPONENTS).for_each(|number| site.write(file(number), tagged(BENCH_HELLO, b'A')));
    let mut host = serve(&site.folder()).await;
    let mut time = Duration::ZERO;
    // The second one finds everything compiled.
    for component in [&components[1], &components[0]] {
        let started = Instant::now();
        let deployed = deploy(&site.folder(), component).exit().await;
        assert!(deployed.success(), "{}", host.process.log());
        time = started.elapsed();
    }
    let mut served = b'A';
    for kill in 0..KILLS {
        let wanted = if served == b'A' { b'B' } else { b'A' };
        let mut deploying = deploy(&site.folder(), &components[usize::from(wanted - b'A')]);
        // At any of a deploy's steps.
        tokio::time::sleep(time * kill / KILLS).await;
        host.process.signal(Signal::KILL);
        host.process.exit().await;
        let is_acknowledged = deploying.exit().await.success();

        host = serve(&site.folder()).await;
        let now = tag_on_disk(&site.folder());
        assert!([served, wanted].contains(&now), "it is neither the one before nor the new one");
        assert!(!is_acknowledged || now == wanted, "kill {kill}: what was acknowledged is lost");
        assert_eq!(leftovers(&site.folder()), Vec::<PathBuf>::new(), "kill {kill}");
        for number in 0..COMPONENTS {
            assert_eq!(host.get(&format!("/r{number}")).await.text(), "hello world");
        }
        served = now;
    }
}

#[tokio::test]
async fn a_deploy_that_is_refused_leaves_no_bytes() {
    let host = host().route("swap", SWAP_V1).start().await;
    let versions = host.site.folder().join(".lithe/versions");
    let count = || std::fs::read_dir(&versions).expect("it is there").count();
    let before = count();
    let folder = tempfile::tempdir().expect("a folder can be made");
    for tag in b'a'..b'f' {
        let path = folder.path().join("new.wasm");
        std::fs::write(&path, tagged(SWAP_UNHEALTHY, tag)).expect("it can be written");
        let path = path.to_str().expect("it is UTF-8");
        host.command("deploy", &["routes/swap.wasm", path]).await.says(&["is not healthy"]);
    }
    assert_eq!(count(), before);
    assert_eq!(leftovers(&host.site.folder()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_name_that_cannot_be_a_file_is_refused() {
    let host = host().route("swap", SWAP_V1).start().await;
    let long = format!("routes/{}.wasm", "x".repeat(300));
    for share in [&[][..], &["--share", "5%"]] {
        let arguments = [&[&*long, SWAP_V1], share].concat();
        let refused = host.command("deploy", &arguments).await;
        refused.says(&["cannot be a file", "255 bytes"]);
        assert_eq!(refused.stderr.matches("cannot be a file").count(), 1, "it is said twice");
    }
    host.site.write("routes/folder.wasm/x.wasm", "");
    let into = host.command("deploy", &["routes/folder.wasm", SWAP_V1]).await;
    into.says(&["`routes/folder.wasm`", "a folder"]);
    assert_eq!(host.get("/folder").await.status, 404);
}

/// A tenant's link must not make the host write or remove what belongs to others.
#[tokio::test]
async fn links_out_of_a_site_are_not_followed() {
    for (link, target) in
        [(".lithe/versions", "../../victim/routes"), (".lithe", "../victim/routes")]
    {
        let sites = Site::default();
        sites.copy("victim/routes/hello.wasm", BENCH_HELLO.as_ref());
        sites.copy("evil/routes/hello.wasm", BENCH_HELLO.as_ref());
        let evil = sites.folder().join("evil");
        let link = evil.join(link);
        std::fs::create_dir_all(link.parent().expect("it is in the site")).expect("can be made");
        std::os::unix::fs::symlink(target, &link).expect("it can be linked");
        let _host = serve(&evil).await;
        let victim = sites.folder().join("victim/routes");
        let files = std::fs::read_dir(&victim).expect("it is there");
        assert_eq!(files.count(), 1, "{}", link.display());
        assert!(victim.join("hello.wasm").is_file());
    }
}

#[tokio::test]
async fn an_empty_folder_named_for_the_cache_counts_as_none() {
    let site = Site::default();
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = lithe("routes", &site.folder());
    command.env("LITHE_CACHE", "").env("XDG_CACHE_HOME", "relative").env("HOME", home.path());
    run(command.current_dir(home.path())).await.succeeded();
    assert!(home.path().join(".cache/lithe").is_dir());
    assert!(!home.path().join("relative").exists());
}

#[tokio::test]
async fn without_a_home_nothing_is_kept_and_that_is_said_once() {
    let site = Site::default();
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    for home in [None, Some(""), Some("/dev/null/home")] {
        let mut command = lithe("serve", &site.folder());
        command.args(["--listen", "127.0.0.1:0"]).env_remove("LITHE_CACHE");
        command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let host = crate::by_hand::start(&mut command).await;
        assert_eq!(host.get("/hello").await.text(), "hello world");
        let log = host.process.log();
        assert_eq!(log.matches("are not kept").count(), 1, "{log}");
        assert!(log.contains("`LITHE_CACHE`"), "{log}");
    }
}

#[tokio::test]
async fn the_cache_stays_within_its_bound() {
    let site = Site::default();
    site.write("routes/hello.wasm", tagged(BENCH_HELLO, b'0'));
    let cache = tempfile::tempdir().expect("a folder can be made");
    let size = || -> u64 {
        let files = std::fs::read_dir(cache.path()).expect("it is there");
        files.map(|file| file.and_then(|file| file.metadata()).expect("it is there").len()).sum()
    };
    let routes = async || {
        let mut command = lithe("routes", &site.folder());
        run(command.arg("--cache").arg(cache.path()).args(["--cache-size", "1 B"]))
            .await
            .succeeded();
    };
    routes().await;
    let one = size();
    for tag in b'1'..b'5' {
        site.write("routes/hello.wasm", tagged(BENCH_HELLO, tag));
        routes().await;
    }
    assert!(size() < one * 2, "{} bytes after one of {one}", size());
}
