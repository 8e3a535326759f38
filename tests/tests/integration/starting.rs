//! Starts and ends that are not the usual ones.

use std::fs::Permissions;
use std::process::Stdio;

use lithe_tests::artifacts::{BENCH_HELLO, CACHE, FILES_ROUTE, TRAP_HTTP};
use lithe_tests::{Signal, Site, eventually, within};

use crate::by_hand::{lithe, run, serve, status};
use crate::host;

fn site() -> Site {
    let site = Site::default();
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    site
}

#[tokio::test]
async fn a_second_signal_ends_the_host_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let config = "[server]\nshutdown_time = \"5m\"\n[limits]\nrequest_time = \"5m\"\n";
        let mut host = host().config(config).route("http", TRAP_HTTP).start().await;
        let mut raw = host.raw().await;
        raw.write("GET /http?how=sleep&ms=250000 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        host.wait_for_log(&["sleeping"]).await;
        host.signal(signal);
        host.wait_for_log(&["stopping"]).await;
        host.signal(signal);
        assert_eq!(host.exit().await.code(), Some(code));
        assert!(!host.site.folder().join(".lithe/control").exists(), "its socket is left");
    }
}

#[tokio::test]
async fn a_reader_of_standard_output_that_has_left_does_not_end_the_host() {
    let site = site();
    let mut command = lithe("serve", &site.folder());
    command.args(["--listen", "127.0.0.1:0", "--cache", CACHE]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut host = command.spawn().expect("it can be run");
    drop(host.stdout.take());
    let answered = eventually("an answer to `status`", async || {
        run(&mut lithe("status", &site.folder())).await.status.success().then_some(())
    });
    within("a host", answered).await;
    assert!(host.try_wait().expect("it is our child").is_none(), "it has ended");
    host.kill().expect("it runs");
    host.wait().expect("it is our child");
}

#[tokio::test]
async fn commands_reach_a_site_whose_path_is_long() {
    let outer = tempfile::tempdir().expect("a folder can be made");
    let folder = outer.path().join("x".repeat(120)).join("y".repeat(120)).join("site");
    std::fs::create_dir_all(folder.join("routes")).expect("it can be made");
    std::fs::copy(BENCH_HELLO, folder.join("routes/hello.wasm")).expect("it can be copied");
    let host = serve(&folder).await;
    assert_eq!(status(&folder).await["site"], "site");
    let mut deploy = lithe("deploy", &folder);
    run(deploy.args(["routes/new.wasm", BENCH_HELLO])).await.succeeded();
    assert_eq!(host.get("/new").await.text(), "hello world");
}

#[tokio::test]
async fn of_two_hosts_of_a_folder_the_second_is_reached_when_the_first_ends() {
    let site = site();
    let mut first = serve(&site.folder()).await;
    let second = serve(&site.folder()).await;
    second.process.logs(&["another host serves the same folder"]).await;
    assert!(!first.process.log().contains("another host"));
    first.process.signal(Signal::TERM);
    assert!(first.process.exit().await.success());
    second.process.logs(&["reach this host now"]).await;
    assert_eq!(status(&site.folder()).await["site"], "site");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_served_and_the_advice_is_right() {
    let site = site();
    // Nobody, root neither, can make a folder of this name.
    site.write(".lithe", "a file");
    let host = serve(&site.folder()).await;
    assert_eq!(host.get("/hello").await.text(), "hello world");
    let line = host.process.logs(&["`lithe deploy` and `lithe status` do not reach"]).await;
    assert!(!line.contains("108 bytes") && !line.contains("--cache"), "{line}");
    let deployed = lithe("deploy", &site.folder()).args(["routes/new.wasm", BENCH_HELLO]).status();
    assert!(!deployed.expect("it can be run").success());
}

#[tokio::test]
async fn a_folder_of_another_user_in_the_site_is_said_and_the_site_is_served() {
    use std::os::unix::fs::PermissionsExt as _;
    // Root may open what it must not, unless it gives that up.
    let modest = "[ $(id -u) != 0 ] || exec setpriv --bounding-set=-dac_override,-dac_read_search \
                  --inh-caps=-all \"$0\" \"$@\"";
    let site = host().route("hello", BENCH_HELLO).file(".lithe/versions/x", "").after(modest);
    let own = site.site_folder().join(".lithe");
    std::fs::set_permissions(&own, Permissions::from_mode(0o000)).expect("it is ours");
    let host = site.start().await;
    assert_eq!(host.get("/hello").await.text(), "hello world");
    host.wait_for_log(&["WARN", ".lithe", "Permission denied"]).await;
    // What a guest asks for is served, and a change is, too.
    let new = host.site.folder().join("routes/new.wasm");
    std::fs::copy(BENCH_HELLO, new).expect("it can be copied");
    let served = async || (host.get("/new").await.status == 200).then_some(());
    eventually("the new route", served).await;
    std::fs::set_permissions(&own, Permissions::from_mode(0o700)).expect("it is ours");
}

#[tokio::test]
async fn a_write_over_the_limit_of_a_files_size_ends_nothing() {
    let folder = "[plugin.\"routes/f.wasm\"]\n\
                  folders = { \"/d\" = { path = \"d\", write = true } }\n";
    // The shell counts in blocks of 512 bytes.
    let site = host().route("f", FILES_ROUTE).file("d/file", "text").config(folder);
    let host = site.after("ulimit -f 4000").start().await;
    let written = host.get("/f?do=write&path=/d/large&n=3000000").await;
    assert_eq!(written.status, 403, "{}", written.text());
    assert_eq!(host.get("/f?do=read&path=/d/file").await.text(), "text");
}

#[tokio::test]
async fn compiles_where_the_end_of_children_is_ignored() {
    let cache = tempfile::tempdir().expect("a folder can be made");
    let site = host().route("f", FILES_ROUTE).after("trap '' CHLD").cache(cache.path());
    assert_eq!(site.start().await.get("/f").await.status, 200);
}

#[tokio::test]
async fn dev_that_was_told_to_ignore_the_end_of_its_terminal_goes_on() {
    let site = host().route("f", FILES_ROUTE).command("dev").after("trap '' HUP");
    let mut host = site.start().await;
    host.signal(Signal::HUP);
    assert_eq!(host.get("/f").await.status, 200);
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
    assert!(!host.log().contains("SIGHUP"), "{}", host.log());
}
