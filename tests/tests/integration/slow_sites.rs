//! Whatever one site does or waits for, others start, change and stop.

use std::path::Path;

use http::Request;
use lithe_tests::artifacts::{LATE, SWAP_V1, SWAP_V2, SWAP_V3};
use lithe_tests::{Builder, Response, Signal, TestHost, eventually};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::host;
use lithe_tests::components::slow_to_compile;

async fn get(host: &TestHost, site: &str, path: &str) -> Response {
    let request = Request::get(path).header("host", site).body("").expect("it is a request");
    host.send(request).await
}

fn pipe(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("folders can be made");
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("pipes can be made");
}

/// A sparse file of 6 GB that begins so, and takes no space on the disk.
fn huge(path: &Path, beginning: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("folders can be made");
    std::fs::write(path, beginning).expect("files can be written");
    let file = std::fs::File::options().write(true).open(path).expect("it was written");
    file.set_len(6 << 30).expect("the file system has holes");
}

fn waits(variable: &str, how: &str) -> String {
    format!(
        "[limits]\nrequest_time = \"24h\"\nrequest_cpu = \"24h\"\n\
         [plugin.\"plugins/late.wasm\"]\nenvironment = {{ {variable} = \"{how}\" }}\n"
    )
}

/// A valid site, and sites that are invalid or slow.
fn beside_a_good_one() -> Builder {
    let mut all = host().component("good.test/routes/swap.wasm", SWAP_V1);
    for (site, variable, how) in [
        ("routes-sleep.test", "ROUTES", "sleep"),
        ("routes-loop.test", "ROUTES", "loop"),
        ("start-sleep.test", "START", "sleep"),
        ("start-loop.test", "START", "loop"),
    ] {
        all = all
            .component(&format!("{site}/plugins/late.wasm"), LATE)
            .file(&format!("{site}/lithe.toml"), waits(variable, how));
    }
    all.file("compiles.test/routes/slow.wasm", slow_to_compile(0))
}

/// What others do goes on: a change, a deploy, and its status, all within their deadlines.
async fn changes_the_good_one(host: &TestHost) {
    eventually("the site is served", async || {
        (get(host, "good.test", "/swap").await.text() == "v1").then_some(())
    })
    .await;
    host.site.copy("good.test/routes/swap.wasm", SWAP_V2.as_ref());
    eventually("the changed file", async || {
        (get(host, "good.test", "/swap").await.text() == "v2").then_some(())
    })
    .await;
    let deployed = host.command_in("good.test", "deploy", &["routes/swap.wasm", SWAP_V3]).await;
    assert!(deployed.succeeded().contains("replaced routes/swap.wasm"), "{deployed:?}");
    assert_eq!(get(host, "good.test", "/swap").await.text(), "v3");
    let status = host.command_in("good.test", "status", &[]).await;
    assert!(status.stdout.contains("site good.test"), "{status:?}");
}

async fn stops(mut host: TestHost) {
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn sites_that_never_become_ready_keep_no_other_from_starting_changing_or_stopping() {
    let all = beside_a_good_one();
    let folder = all.site_folder();
    let at = |path: &str| folder.join(path);
    pipe(&at("pipe-settings.test/lithe.toml"));
    std::fs::create_dir(at("pipe-settings.test/routes")).expect("it is empty");
    pipe(&at("pipe-component.test/routes/index.wasm"));
    pipe(&at("pipe-secret.test/token"));
    huge(&at("huge-component.test/routes/index.wasm"), b"\0asm\x0d\0\x01\0");
    huge(&at("huge-settings.test/lithe.toml"), b"# x\n");
    std::fs::create_dir(at("huge-settings.test/routes")).expect("it is empty");
    let host = all
        .component("pipe-secret.test/routes/swap.wasm", SWAP_V1)
        .file(
            "pipe-secret.test/lithe.toml",
            "[plugin.\"routes/swap.wasm\"]\nsecrets = { TOKEN = { file = \"token\" } }\n",
        )
        .start()
        .await;
    for (site, reason, status) in [
        // Which hosts it asks for is not known.
        ("pipe-settings.test", "lithe.toml`: it is not a regular file", 421),
        ("huge-settings.test", "it has 6.0 GiB, and may have at most 1.0 MiB", 421),
        ("pipe-component.test", "cannot be read: it is not a regular file", 503),
        ("pipe-secret.test", "cannot use `token`: it is not a regular file", 503),
        ("huge-component.test", "may have at most 64.0 MiB (`compile.component`)", 503),
    ] {
        host.wait_for_log(&["the site is not served", site, reason]).await;
        assert_eq!(get(&host, site, "/").await.status, status, "{site}");
    }
    changes_the_good_one(&host).await;
    for site in ["routes-sleep.test", "start-sleep.test", "start-loop.test", "compiles.test"] {
        let starting = get(&host, site, "/").await;
        let retry = starting.header("retry-after").map(str::to_owned);
        assert_eq!((starting.status, retry.as_deref()), (503, Some("1")), "{site}");
        assert!(starting.text().contains("the site is starting"), "{}", starting.text());
        let status = host.command_in(site, "status", &[]).await;
        status.says(&["the site is still starting"]);
    }
    stops(host).await;
}

#[tokio::test]
async fn links_in_circles_are_no_work() {
    let all = host().component("a.test/routes/swap.wasm", SWAP_V1);
    let routes = all.site_folder().join("a.test/routes");
    for link in ["one", "two", "three"] {
        std::os::unix::fs::symlink(".", routes.join(link)).expect("links can be made");
    }
    let host = all.start().await;
    host.wait_for_log(&["`routes/one` is left out", "it is a link to a folder that it is in"])
        .await;
    assert_eq!(get(&host, "a.test", "/swap").await.text(), "v1");
    assert_eq!(get(&host, "a.test", "/one/swap").await.status, 404);
}

/// What a site's folders lead to is not the site's.
#[tokio::test]
async fn links_out_of_a_site_are_refused() {
    for part in ["routes", "plugins", "middleware"] {
        let all = host().component("victim.test/routes/swap.wasm", SWAP_V1);
        let evil = all.site_folder().join("evil.test");
        std::fs::create_dir(&evil).expect("it is not there");
        std::os::unix::fs::symlink("../victim.test/routes", evil.join(part))
            .expect("links can be made");
        let host = all.start().await;
        let reason = format!("cannot read `{part}`: it leads outside");
        host.wait_for_log(&["the site is not served", "evil.test", &reason]).await;
        assert_eq!(get(&host, "victim.test", "/swap").await.text(), "v1");
    }
    for file in ["routes/other.wasm", "lithe.toml"] {
        let all = host()
            .component("victim.test/routes/swap.wasm", SWAP_V1)
            .component("evil.test/routes/swap.wasm", SWAP_V1);
        let target =
            if file == "lithe.toml" { "../secret" } else { "../../victim.test/routes/swap.wasm" };
        std::fs::write(all.site_folder().join("secret"), "the operator's").expect("it is ours");
        std::os::unix::fs::symlink(target, all.site_folder().join("evil.test").join(file))
            .expect("links can be made");
        let host = all.start().await;
        let line = host.wait_for_log(&["the site is not served", "evil.test", file]).await;
        assert!(line.contains("it leads outside"), "{line}");
        assert!(!host.log().contains("the operator's"), "its content is not shown");
    }
}

#[tokio::test]
async fn changes_that_never_end_hold_up_no_other_site_and_no_status() {
    for (variable, how) in
        [("HEALTH", "sleep"), ("HEALTH", "loop"), ("ROUTES", "sleep"), ("START", "sleep")]
    {
        let host = host()
            .component("good.test/routes/swap.wasm", SWAP_V1)
            .component("evil.test/plugins/late.wasm", LATE)
            .start()
            .await;
        assert_eq!(get(&host, "evil.test", "/").await.text(), "late");
        host.site.write("evil.test/lithe.toml", waits(variable, how));
        let status = host.command_in("evil.test", "status", &[]).await;
        assert!(status.stdout.contains("plugins/late.wasm"), "{variable} {how}: {status:?}");
        changes_the_good_one(&host).await;
        assert_eq!(get(&host, "evil.test", "/").await.text(), "late", "what was served goes on");
        stops(host).await;
    }
}

#[tokio::test]
async fn a_site_that_is_compiled_for_long_holds_up_no_other_and_no_status() {
    let host = host()
        .component("good.test/routes/swap.wasm", SWAP_V1)
        .component("evil.test/routes/swap.wasm", SWAP_V1)
        .start()
        .await;
    host.site.write("evil.test/routes/slow.wasm", slow_to_compile(1));
    host.wait_for_log(&["compiling `routes/slow.wasm`"]).await;
    let status = host.command_in("evil.test", "status", &[]).await;
    assert!(status.stdout.contains("routes/swap.wasm"), "{status:?}");
    changes_the_good_one(&host).await;
    assert_eq!(get(&host, "evil.test", "/swap").await.text(), "v1");
    stops(host).await;
}

#[tokio::test]
async fn a_site_that_is_removed_while_it_is_loaded_is_forgotten() {
    let host = host()
        .component("good.test/routes/swap.wasm", SWAP_V1)
        .component("evil.test/plugins/late.wasm", LATE)
        .file("evil.test/lithe.toml", waits("START", "sleep"))
        .start()
        .await;
    assert_eq!(get(&host, "evil.test", "/").await.status, 503);
    host.site.remove_folder("evil.test");
    eventually("it is forgotten", async || {
        (get(&host, "evil.test", "/").await.status == 421).then_some(())
    })
    .await;
    host.site.copy("evil.test/routes/swap.wasm", SWAP_V2.as_ref());
    eventually("it is served when it comes again", async || {
        (get(&host, "evil.test", "/swap").await.text() == "v2").then_some(())
    })
    .await;
}
