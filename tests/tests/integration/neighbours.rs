//! A site that takes as much as it can get, beside a site that wants little.

use std::time::Duration;

use http::Request;
use lithe_tests::artifacts::{
    FILES_ROUTE, FILES_SESSION, FILES_START_WAITS, SWAP_HEALTH_HANGS, SWAP_V1, TRAP_HTTP,
};
use lithe_tests::components::tagged;
use lithe_tests::{Builder, Raw, Response, TestHost, eventually_built};

use crate::host;

async fn get(host: &TestHost, name: &str, path: &str) -> Response {
    let request = Request::get(path).header("host", name).body("").expect("it is a request");
    host.send(request).await
}

/// A component with this many more core modules, which are each instantiated once.
fn extended(component: &str, modules: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = std::fs::read(component).expect("the guest is built");
    let mut own = 0;
    let mut at = 8;
    while at < bytes.len() {
        let id = bytes[at];
        let (size, begin) = read_leb(&bytes, at + 1);
        own += u32::from(id == 1);
        at = begin + size;
    }
    for (module, number) in modules.iter().zip(own..) {
        section(&mut bytes, 1, module);
        let instantiate = [leb(1), vec![0], leb(number), leb(0)].concat();
        section(&mut bytes, 2, &instantiate);
    }
    bytes
}

/// A core module with this many tables, or memories of this many pages.
fn module(tables: u32, memories: &[u32]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    if tables > 0 {
        let table = [0x70, 0x00, 0x00];
        section(&mut module, 4, &[leb(tables), table.repeat(tables as usize)].concat());
    }
    if !memories.is_empty() {
        let each = memories.iter().flat_map(|pages| [vec![0], leb(*pages)].concat());
        section(&mut module, 5, &[leb(memories.len() as u32), each.collect()].concat());
    }
    module
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    out.extend(leb(content.len() as u32));
    out.extend(content);
}

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = number > 0x7f;
        bytes.push((number & 0x7f) as u8 | if more { 0x80 } else { 0 });
        number >>= 7;
        if !more {
            return bytes;
        }
    }
}

fn read_leb(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        number |= usize::from(bytes[at] & 0x7f) << shift;
        shift += 7;
        at += 1;
        if bytes[at - 1] < 0x80 {
            return (number, at);
        }
    }
}

/// A site `good.test`, and one `evil.test` with this as its route `/s`.
fn beside(evil: Vec<u8>) -> Builder {
    host()
        .file("lithe.toml", "[tenants]\npool_share = 0.01\n")
        .component("good.test/routes/trap.wasm", TRAP_HTTP)
        .component("good.test/routes/s.wasm", FILES_SESSION)
        .file("evil.test/routes/s.wasm", evil)
        .file("evil.test/lithe.toml", "[limits]\nclose_time = \"10m\"\n")
}

/// Opens sessions that sleep for an hour, until no more are accepted.
async fn take_all(host: &TestHost) -> Vec<Raw> {
    let mut taken = Vec::new();
    loop {
        let mut raw = host.raw().await;
        let answer = raw.handshake("/s?sleep=3600000", &[("host", "evil.test")]).await;
        if answer.status == 503 {
            return taken;
        }
        assert_eq!(answer.status, 101);
        taken.push(raw);
        assert!(taken.len() < 150, "there is no end of them");
    }
}

async fn is_well(host: &TestHost) {
    assert_eq!(get(host, "good.test", "/trap").await.status, 200);
    let socket = host.connect_with("/s?sleep=0", &[("host", "good.test")]).await;
    drop(socket);
}

#[tokio::test]
async fn a_site_takes_no_more_of_the_pool_than_its_share() {
    for modules in [vec![module(1, &[]); 40], vec![module(0, &[0]); 6]] {
        let host = beside(extended(FILES_SESSION, &modules)).start().await;
        let taken = take_all(&host).await;
        host.wait_for_log(&["evil.test", "`tenants.pool_share` was exceeded"]).await;
        assert!(!taken.is_empty(), "it has some");
        is_well(&host).await;
    }
}

#[tokio::test]
async fn what_a_removed_site_had_is_given_back_whatever_its_settings_say() {
    let host = beside(extended(FILES_SESSION, &vec![module(1, &[]); 40])).start().await;
    let taken = take_all(&host).await;
    host.site.remove_folder("evil.test");
    host.wait_for_log(&["evil.test", "the site is no longer served"]).await;
    drop(taken);
    host.site.copy("evil.test/routes/s.wasm", FILES_SESSION.as_ref());
    host.wait_for_log(&["stopped a session"]).await;
    is_well(&host).await;
}

#[tokio::test]
async fn memories_of_one_instance_count_together() {
    let limits = "[limits]\nmemory = \"4 MiB\"\n";
    let pages = |each: u32| vec![module(0, &[each]); 4];
    let fits = host().file("routes/f.wasm", extended(FILES_ROUTE, &pages(8))).config(limits);
    assert_eq!(fits.start().await.get("/f").await.status, 200);
    let host = host().file("routes/f.wasm", extended(FILES_ROUTE, &pages(40))).config(limits);
    let host = host.start().await;
    assert_eq!(host.get("/f").await.status, 503);
    host.wait_for_log(&["`limits.memory` allows 4194304 bytes"]).await;
    host.wait_for_log(&["`limits.memory` was exceeded"]).await;
}

#[tokio::test]
async fn an_instance_that_waits_while_it_starts_is_stopped() {
    let limits = "[limits]\nrequest_time = \"300ms\"\n";
    let host = host().route("never", FILES_START_WAITS).config(limits).start().await;
    assert_eq!(host.get("/never").await.status, 504);
    host.wait_for_log(&["`limits.request_time`"]).await;
}

#[tokio::test]
async fn open_files_of_guests_leave_room_for_connections() {
    let folder = "[limits]\nfiles = 100000\n\
                  [plugin.\"routes/f.wasm\"]\nfolders = { \"/d\" = { path = \"d\" } }\n";
    let host = host()
        .component("good.test/routes/trap.wasm", TRAP_HTTP)
        .component("evil.test/routes/f.wasm", FILES_ROUTE)
        .file("evil.test/d/file", "text")
        .file("evil.test/lithe.toml", folder)
        .open_files(160)
        .start()
        .await;
    let answer = get(&host, "evil.test", "/f?do=open&n=9000&path=/d/file").await;
    assert!(answer.text().to_lowercase().contains("quota"), "{answer:?}");
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(host.raw().await);
    }
    assert_eq!(get(&host, "good.test", "/trap").await.status, 200);
    let status = host.command_in("good.test", "status", &[]).await;
    status.succeeded();
}

#[tokio::test]
async fn one_site_leaves_descriptors_to_the_guests_of_its_neighbours() {
    let folder = "[limits]\nfiles = 100000\n\
                  [plugin.\"routes/f.wasm\"]\nfolders = { \"/d\" = { path = \"d\" } }\n";
    let host = ["evil.test", "good.test"].iter().fold(host().open_files(1024), |host, site| {
        host.component(&format!("{site}/routes/f.wasm"), FILES_ROUTE)
            .file(&format!("{site}/d/file"), "text")
            .file(&format!("{site}/lithe.toml"), folder)
    });
    let host = host.start().await;
    let answer = get(&host, "evil.test", "/f?do=open&n=9000&path=/d/file").await;
    assert!(answer.text().starts_with("56 "), "a quarter of what guests have: {answer:?}");
    assert!(answer.text().to_lowercase().contains("quota"), "{answer:?}");
    host.wait_for_log(&["evil.test", "`limits.files` was exceeded"]).await;
    let answer = get(&host, "good.test", "/f?do=read&path=/d/file").await;
    assert_eq!((answer.status, answer.text()), (200, "text"));
}

#[tokio::test]
async fn a_host_without_descriptors_serves_on_as_soon_as_one_is_closed() {
    let host = host().route("trap", TRAP_HTTP).open_files(128).start().await;
    let mut held = Vec::new();
    for _ in 0..150 {
        held.push(host.raw().await);
    }
    host.wait_for_log(&["cannot accept a connection"]).await;
    host.command("status", &[]).await.succeeded();
    drop(held);
    assert_eq!(host.get("/trap").await.status, 200);
}

#[tokio::test]
async fn an_endless_health_check_is_charged_to_its_own_site() {
    let host = host()
        .file("lithe.toml", "[tenants]\ncpu_share = 0.05\n")
        .component("good.test/routes/trap.wasm", TRAP_HTTP)
        .component("evil.test/routes/swap.wasm", SWAP_V1)
        .start()
        .await;
    host.site.copy("evil.test/routes/swap.wasm", SWAP_HEALTH_HANGS.as_ref());
    let background = || {
        let threads = host.threads().into_iter().filter(|thread| thread.name == "background");
        threads.map(|thread| thread.cpu).sum::<Duration>()
    };
    host.wait_for_log(&["evil.test", "the previous version is still being served"]).await;
    assert!(background() > Duration::ZERO, "it ran where those run that are over their share");
    assert_eq!(get(&host, "good.test", "/trap").await.status, 200);
}

/// The same handler, and each another component.
fn distinct(count: u8) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..count).map(|number| (format!("evil.test/routes/c{number}.wasm"), tagged(TRAP_HTTP, number)))
}

#[tokio::test]
async fn components_of_a_site_leave_descriptors_to_others() {
    // 1,024 less the host's own are 896, half of which are for components.
    let mut site = host().component("good.test/routes/trap.wasm", TRAP_HTTP).open_files(1024);
    for (file, component) in distinct(113) {
        site = site.file(&file, component);
    }
    let host = site.start().await;
    host.wait_for_log(&["evil.test", "113 components", "may have 112", "`ulimit -n`"]).await;
    assert_eq!(get(&host, "good.test", "/trap").await.status, 200);
    host.site.remove("evil.test/routes/c0.wasm");
    eventually_built("the rest, of which each is compiled", async || {
        (get(&host, "evil.test", "/c1").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn copies_of_a_component_keep_one_file_open() {
    let mut site = host().open_files(128);
    for number in 0..200 {
        site = site.component(&format!("routes/c{number}.wasm"), TRAP_HTTP);
    }
    let host = site.start().await;
    assert_eq!(host.get("/c199").await.status, 200);
}
