//! A host in a program of one's own.

use std::path::Path;

use lithe_host::{Host, NotServed};
use lithe_tests::artifacts::{BENCH_HELLO, CACHE, SWAP_V1, SWAP_V2};
use lithe_tests::{Client, Site, within};

use crate::by_hand::get;

async fn start(site: &Site) -> Host {
    let host = Host::builder().site(site.folder()).listen("127.0.0.1:0");
    let host = host.cache(Path::new(CACHE)).expect("it is ours");
    let mut host = host.start().await.expect("it starts");
    within("the site", host.ready()).await.expect("it is right");
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_deploys_tells_and_stops() {
    let site = Site::default();
    site.copy("routes/swap.wasm", SWAP_V1.as_ref());
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    let host = start(&site).await;
    assert_eq!(get(host.addr(), "/hello").await.text(), "hello world");
    let mut socket = Client::connect(host.addr(), "/swap", &[]).await;
    assert_eq!(socket.ask("1").await, "v1:1");

    let next = std::fs::read(SWAP_V2).expect("it is built");
    let report = host.deploy([("routes/swap.wasm".to_owned(), next.into())].into()).await;
    let report = report.expect("it can be served");
    assert_eq!((report.changes.len(), report.changes[0].moved), (1, 1));
    assert_eq!(socket.ask("2").await, "v2:2");
    let status = host.status().expect("it is served");
    let swap = status.plugins.iter().find(|plugin| plugin.plugin == "routes/swap.wasm");
    assert_eq!(swap.expect("it is there").sockets, 1);

    let closing = tokio::spawn(async move { socket.closed().await });
    within("the end", host.shutdown()).await;
    assert_eq!(within("the close", closing).await.expect("no panic").0, 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_right_is_refused_and_the_one_before_goes_on() {
    let site = Site::default();
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    let host = start(&site).await;
    let broken = [("routes/hello.wasm".to_owned(), "text".into())].into();
    let refused = host.deploy(broken).await.expect_err("it is not WebAssembly");
    assert!(format!("{refused:#}").contains("is not WebAssembly"), "{refused:#}");
    assert_eq!(get(host.addr(), "/hello").await.text(), "hello world");
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_folder_is_served() {
    let site = Site::default();
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    let host = start(&site).await;
    site.copy("routes/new.wasm", BENCH_HELLO.as_ref());
    let served = async || (get(host.addr(), "/new").await.status == 200).then_some(());
    lithe_tests::eventually("the new route", served).await;
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sites_each_is_asked_by_name() {
    let site = Site::default();
    site.copy("one.test/routes/hello.wasm", BENCH_HELLO.as_ref());
    site.copy("two.test/routes/hello.wasm", BENCH_HELLO.as_ref());
    let host = start(&site).await;
    assert!(matches!(host.status(), Err(NotServed::Several)));
    let one = host.site("one.test").expect("it is served");
    assert_eq!(one.status().plugins.len(), 1);
    assert!(matches!(host.site("three.test"), Err(NotServed::Unknown(_))));
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_not_right_is_an_error_of_ready() {
    let site = Site::default();
    site.write("routes/hello.wasm", "text");
    let host = Host::builder().site(site.folder()).listen("127.0.0.1:0").start().await;
    let mut host = host.expect("the port is open");
    let error = within("the site", host.ready()).await.expect_err("it is not WebAssembly");
    assert!(format!("{error:#}").contains("routes/hello.wasm"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_compiled_by_the_command_that_is_named() {
    let (site, cache) = (Site::default(), tempfile::tempdir().expect("a folder can be made"));
    site.copy("routes/hello.wasm", BENCH_HELLO.as_ref());
    let host = |lithe: &str| {
        let host = Host::builder().site(site.folder()).listen("127.0.0.1:0").compile_with(lithe);
        host.cache(cache.path()).expect("it is ours").start()
    };
    let mut broken = host("/nowhere/lithe").await.expect("the port is open");
    let error = within("the site", broken.ready()).await.expect_err("nothing can compile");
    assert!(format!("{error:#}").contains("routes/hello.wasm"), "{error:#}");
    let mut host = host(env!("CARGO_BIN_EXE_lithe-under-test")).await.expect("it starts");
    within("the site", host.ready()).await.expect("it is compiled");
    assert_eq!(get(host.addr(), "/hello").await.text(), "hello world");
    host.shutdown().await;
}
