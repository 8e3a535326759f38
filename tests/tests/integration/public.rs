//! Files of `public/`: which are served, how they are asked for (RFC 9110, sections 13 and 14), and
//! what does no harm.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use http::{Method, Request};
use lithe_tests::artifacts::{BENCH_HELLO, SWAP_V1, TRAP_HTTP};
use lithe_tests::{Builder, Response, Signal, TestHost, eventually};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::host;

const DIGITS: &str = "0123456789";

fn site() -> Builder {
    host().route("page", TRAP_HTTP).public("digits.txt", DIGITS)
}

async fn ask(host: &TestHost, method: Method, path: &str, given: &[(&str, &str)]) -> Response {
    let request = Request::builder().method(method).uri(path);
    let request =
        given.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    host.send(request.body("").expect("it is a request")).await
}

async fn get(host: &TestHost, path: &str, given: &[(&str, &str)]) -> Response {
    ask(host, Method::GET, path, given).await
}

/// Waits until a path is answered with this text.
async fn until(host: &TestHost, path: &str, text: &str) {
    let what = format!("`{text}` for {path}");
    eventually(&what, async || (host.get(path).await.body == text).then_some(())).await;
}

fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe can be made");
}

#[tokio::test]
async fn a_range_is_answered_with_that_part() {
    let host = site().start().await;
    for (range, part, shown) in [
        ("bytes=0-0", "0", "0-0"),
        ("bytes=5-100", "56789", "5-9"),
        ("bytes=7-", "789", "7-9"),
        ("bytes=-3", "789", "7-9"),
        ("bytes=-100", DIGITS, "0-9"),
    ] {
        let response = get(&host, "/digits.txt", &[("range", range)]).await;
        assert_eq!((response.status, response.text()), (206, part), "{range}");
        let shown = format!("bytes {shown}/10");
        assert_eq!(response.header("content-range"), Some(&*shown), "{range}");
        for name in ["etag", "last-modified", "vary", "accept-ranges", "content-type"] {
            assert!(response.header(name).is_some(), "{range}: {name}");
        }
    }
}

#[tokio::test]
async fn a_range_that_the_file_has_nothing_of_is_416_with_its_length() {
    let host = site().public("empty", "").start().await;
    for range in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-", "bytes=10-12,20-"] {
        let response = get(&host, "/digits.txt", &[("range", range)]).await;
        assert_eq!((response.status, response.text()), (416, ""), "{range}");
        assert_eq!(response.header("content-range"), Some("bytes */10"), "{range}");
        assert!(response.header("etag").is_some());
    }
    let empty = get(&host, "/empty", &[("range", "bytes=0-")]).await;
    assert_eq!((empty.status, empty.text()), (200, ""));
}

#[tokio::test]
async fn what_is_not_a_range_is_answered_with_the_whole() {
    let host = site().start().await;
    for range in ["bytes=5-2", "lines=1-2", "bytes=abc", "bytes=0-1;2-3", "bytes="] {
        let response = get(&host, "/digits.txt", &[("range", range)]).await;
        assert_eq!((response.status, response.text()), (200, DIGITS), "{range}");
    }
    for (method, status) in [(Method::HEAD, 200), (Method::POST, 404)] {
        let range = [("range", "bytes=0-1")];
        let response = ask(&host, method.clone(), "/digits.txt", &range).await;
        assert_eq!((response.status, response.header("content-range")), (status, None), "{method}");
    }
}

#[tokio::test]
async fn several_ranges_are_the_parts_of_one_answer() {
    let large: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let host = site().public("large.bin", &large).start().await;
    let parts = |response: &Response| {
        let content_type = response.header("content-type").expect("it has a type").to_owned();
        let boundary = content_type.strip_prefix("multipart/byteranges; boundary=");
        format!("--{}", boundary.unwrap_or_else(|| panic!("{content_type}")))
    };
    let response = get(&host, "/digits.txt", &[("range", "bytes=0-1, 4-5 ,-1")]).await;
    assert_eq!((response.status, response.header("content-range")), (206, None));
    let line = parts(&response);
    let part = |shown, text| {
        format!(
            "{line}\r\ncontent-type: text/plain\r\ncontent-range: bytes {shown}/10\r\n\r\n{text}\r\n"
        )
    };
    let expected =
        [part("0-1", "01"), part("4-5", "45"), part("9-9", "9"), format!("{line}--\r\n")];
    assert_eq!(response.text(), expected.concat());

    // Larger than what is read at once.
    let response = get(&host, "/large.bin", &[("range", "bytes=1-100000,150000-")]).await;
    let length = response.body.len().to_string();
    assert_eq!((response.status, response.header("content-length")), (206, Some(&*length)));
    let line = parts(&response);
    let mut expected = Vec::new();
    for (shown, range) in [("1-100000", 1..100_001), ("150000-199999", 150_000..200_000)] {
        let head =
            format!("content-type: application/octet-stream\r\ncontent-range: bytes {shown}");
        expected.extend(format!("{line}\r\n{head}/200000\r\n\r\n").into_bytes());
        expected.extend(&large[range]);
        expected.extend(b"\r\n");
    }
    expected.extend(format!("{line}--\r\n").into_bytes());
    assert!(response.body == expected, "the parts are not those of the file");
}

#[tokio::test]
async fn many_ranges_never_come_to_more_than_the_file() {
    let large = vec![b'x'; 1024 * 1024];
    let host = site().public("large", &large).start().await;
    for ranges in [
        vec!["0-"; 7_800],
        vec!["0-0"; 5_000],
        vec!["-1048576"; 100],
        vec!["0-", "0-"],
        vec!["5-6", "0-1"],
        vec!["0-0", "2-2", "4-4", "6-6", "8-8", "10-10", "12-12", "14-14", "16-16"],
    ] {
        let range = format!("bytes={}", ranges.join(","));
        let response = get(&host, "/large", &[("range", &range)]).await;
        let shown = &range[..range.len().min(40)];
        assert_eq!((response.status, response.body.len()), (200, large.len()), "{shown}");
    }
}

#[tokio::test]
async fn conditions_are_answered_in_the_order_of_the_standard() {
    let host = site().start().await;
    let known = host.get("/digits.txt").await;
    let tag = known.header("etag").expect("a file has a tag").to_owned();
    let date = known.header("last-modified").expect("a file has a date").to_owned();
    let (tag, date, weak) = (&*tag, &*date, &*format!("W/{tag}"));
    let long_ago = "Thu, 01 Jan 1998 00:00:00 GMT";
    let (other, part) = ("\"other\"", ("range", "bytes=0-1"));
    for (given, status) in [
        (&[("if-match", tag)][..], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", other)], 412),
        (&[("if-match", weak)], 412),
        (&[("if-match", other), ("if-none-match", tag)], 412),
        (&[("if-match", other), part], 412),
        (&[("if-unmodified-since", long_ago)], 412),
        (&[("if-unmodified-since", date)], 200),
        (&[("if-match", tag), ("if-unmodified-since", long_ago)], 200),
        (&[("if-none-match", tag), part], 304),
        (&[("if-none-match", other), part], 206),
        (&[("if-modified-since", date)], 304),
        (&[("if-modified-since", long_ago)], 200),
        (&[("if-range", tag), part], 206),
        (&[("if-range", date), part], 200),
        (&[("if-range", weak), part], 200),
        (&[("if-range", other), part], 200),
        (&[("if-range", long_ago), part], 200),
        (&[("if-range", tag), ("range", "bytes=10-")], 416),
        (&[("if-range", other), ("range", "bytes=10-")], 200),
    ] {
        let response = get(&host, "/digits.txt", given).await;
        assert_eq!(response.status, status, "{given:?}");
        for (name, value) in [("etag", tag), ("last-modified", date), ("vary", "accept-encoding")] {
            assert_eq!(response.header(name), Some(value), "{given:?}");
        }
        let head = ask(&host, Method::HEAD, "/digits.txt", given).await;
        let expected = if matches!(status, 206 | 416) { 200 } else { status };
        assert_eq!((head.status, head.text()), (expected, ""), "HEAD {given:?}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let site = site().public("digits.txt.gz", "zipped").public("large", vec![b'x'; 100_000]);
    let host = site.start().await;
    for path in ["/digits.txt", "/large"] {
        for encoding in ["", "gzip"] {
            let mut headers = Vec::new();
            for method in [Method::GET, Method::HEAD] {
                let mut response = ask(&host, method, path, &[("accept-encoding", encoding)]).await;
                response.headers.remove("x-request-id");
                response.headers.remove("date");
                headers.push(response.headers);
            }
            assert_eq!(headers[0], headers[1], "{path} {encoding}");
            assert_eq!(headers[0]["x-content-type-options"], "nosniff");
        }
    }
}

#[tokio::test]
async fn a_range_of_a_compressed_file_is_of_its_compressed_bytes() {
    let host = site().public("digits.txt.gz", "GZIPPED").start().await;
    let gzip = ("accept-encoding", "gzip");
    for (range, status, text, shown) in [
        ("bytes=1-2", 206, "ZI", "bytes 1-2/7"),
        ("bytes=-3", 206, "PED", "bytes 4-6/7"),
        ("bytes=8-", 416, "", "bytes */7"),
    ] {
        let response = get(&host, "/digits.txt", &[gzip, ("range", range)]).await;
        assert_eq!((response.status, response.text()), (status, text), "{range}");
        for (name, value) in [
            ("content-range", shown),
            ("content-encoding", "gzip"),
            ("vary", "accept-encoding"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(response.header(name), Some(value), "{range}");
        }
    }
    let several = get(&host, "/digits.txt", &[gzip, ("range", "bytes=0-1,3-4")]).await;
    assert_eq!((several.status, several.text()), (200, "GZIPPED"), "several are the whole");
    let plain = host.get("/digits.txt").await;
    let zipped = get(&host, "/digits.txt", &[gzip]).await;
    assert_ne!(plain.header("etag"), zipped.header("etag"));
    let resumed = [gzip, ("range", "bytes=5-"), ("if-range", plain.header("etag").unwrap())];
    assert_eq!(get(&host, "/digits.txt", &resumed).await.status, 200, "it is another content");
}

#[tokio::test]
async fn the_encoding_that_the_client_would_rather_have_is_sent() {
    let site = site().public("digits.txt.gz", "gzip").public("digits.txt.br", "br");
    let host = site.start().await;
    for (accepted, text) in [
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("*;q=0", DIGITS),
        ("identity;q=0, gzip", "gzip"),
        ("identity, br;q=0.5", DIGITS),
        ("GZIP", "gzip"),
        ("br;q=0", DIGITS),
    ] {
        let response = get(&host, "/digits.txt", &[("accept-encoding", accepted)]).await;
        assert_eq!((response.status, response.text()), (200, text), "{accepted}");
    }
}

#[tokio::test]
async fn a_folder_with_a_page_is_redirected_to_its_slash() {
    let site = site().public("docs/index.html", "docs").public("empty/a.txt", "a");
    let host = site.public("evil.example/index.html", "").route("docs", SWAP_V1).start().await;
    for (path, location) in [
        ("/docs", "/docs/"),
        ("/docs?a=1&b=%2F", "/docs/?a=1&b=%2F"),
        ("//evil.example", "/evil.example/"),
        ("/docs/../%65vil.example", "/evil.example/"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let mut raw = host.raw().await;
            raw.write(format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
            let response = raw.response().await;
            assert_eq!((response.status, response.header("location")), (308, Some(location)));
        }
    }
    assert_eq!(host.get("/docs/").await.text(), "docs");
    assert_eq!(host.get("/empty").await.status, 404);
    assert_eq!(host.get("/digits.txt/").await.status, 404);
    // The route has what a file cannot answer.
    assert_eq!(ask(&host, Method::POST, "/docs", &[]).await.status, 405);
    assert_eq!(host.connect("/docs").await.ask("1").await, "v1:1");
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_public() {
    let site =
        site().public("in/a.txt", "a").public(".env", "secret").public(".git/config", "secret");
    let site = site.public("in/.htpasswd", "secret").public(".well-known/security.txt", "known");
    let host = site.config("name = \"x\"\n").start().await;
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/in/.htpasswd",
        "/in/../.env",
        "/../lithe.toml",
        "/%2e%2e/lithe.toml",
        "/..%2flithe.toml",
        "/in/..%2f..%2flithe.toml",
        "/..%5clithe.toml",
        "/..\\lithe.toml",
        "/in%2fa.txt",
        "/in%5Ca.txt",
        "/IN/a.txt",
        "/public/in/a.txt",
        "/in/a.txt%20",
        "/in/a.txt.",
    ] {
        let mut raw = host.raw().await;
        raw.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        let response = raw.response().await;
        assert!(matches!(response.status, 400 | 404), "{path}: {}", response.status);
        assert!(!response.text().contains("secret"), "{path}");
    }
    assert_eq!(host.get("/in/a.txt%00").await.status, 400);
    for path in ["/in/a.txt", "/%69n/a%2Etxt", "/x/../in/./a.txt"] {
        assert_eq!(host.get(path).await.text(), "a", "{path}");
    }
    assert_eq!(host.get("/.well-known/security.txt").await.text(), "known");
}

#[tokio::test]
async fn a_link_is_followed_inside_public_and_nowhere_else() {
    let host = site().public("in/a.txt", "a").config("").start().await;
    let (site, public) = (host.site.folder(), host.site.folder().join("public"));
    symlink(site.join("lithe.toml"), public.join("file.txt")).unwrap();
    symlink("../lithe.toml", public.join("relative.txt")).unwrap();
    symlink(&site, public.join("folder")).unwrap();
    symlink("../routes", public.join("in/routes")).unwrap();
    symlink("/etc/hostname", public.join("in/a.txt.gz")).unwrap();
    symlink("in", public.join("to")).unwrap();
    symlink(public.join("in/a.txt"), public.join("inside.txt")).unwrap();
    for path in ["/inside.txt", "/to/a.txt"] {
        until(&host, path, "a").await;
    }
    for path in [
        "/file.txt",
        "/relative.txt",
        "/folder/lithe.toml",
        "/folder/public/in/a.txt",
        "/in/routes/page.wasm",
        "/to/routes/page.wasm",
    ] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    let compressed = get(&host, "/in/a.txt", &[("accept-encoding", "gzip")]).await;
    assert_eq!((compressed.status, compressed.text()), (200, "a"));
    host.wait_for_log(&["WARN", "not all of `public/` is served", "a link leads out"]).await;
}

#[tokio::test]
async fn a_public_folder_that_leads_out_of_its_site_is_not_served() {
    for target in ["..", ".", "../victim/secrets", "../victim", "routes", "/etc"] {
        let sites = host()
            .component("evil/routes/index.wasm", BENCH_HELLO)
            .component("victim/routes/index.wasm", BENCH_HELLO)
            .file("victim/secrets/token", "a secret of the victim");
        let link = sites.site_folder().join("evil/public");
        symlink(target, link).unwrap();
        let host = sites.start().await;
        for path in [
            "/victim/secrets/token",
            "/secrets/token",
            "/token",
            "/index.wasm",
            "/routes/index.wasm",
            "/evil/routes/index.wasm",
            "/hostname",
        ] {
            let response = get(&host, path, &[("host", "evil")]).await;
            assert_eq!(response.status, 404, "{target}: {path}");
        }
        assert_eq!(get(&host, "/", &[("host", "evil")]).await.status, 200, "{target}");
        host.wait_for_log(&["WARN", "`public/` is not served", "evil"]).await;
    }
}

#[tokio::test]
async fn what_changes_in_public_is_served_as_it_is() {
    let host = site().public("changes.txt", "one").start().await;
    let before = host.get("/changes.txt").await;
    host.site.write("public/changes.txt", "another one");
    let after = host.get("/changes.txt").await;
    assert_eq!(after.text(), "another one", "at once");
    assert_ne!(after.header("etag"), before.header("etag"));

    host.site.write("public/new/index.html", "new");
    until(&host, "/new/", "new").await;
    host.site.write("public/.well-known/acme-challenge/token", "key");
    until(&host, "/.well-known/acme-challenge/token", "key").await;

    host.site.remove("public/changes.txt");
    assert_eq!(host.get("/changes.txt").await.status, 404, "at once");
    host.site.remove_folder("public");
    eventually("404 for /new/", async || (host.get("/new/").await.status == 404).then_some(()))
        .await;
    host.site.write("public/new/index.html", "again");
    until(&host, "/new/", "again").await;
}

#[tokio::test]
async fn public_files_come_though_a_component_is_wrong() {
    let host = site().start().await;
    host.site.write("routes/broken.wasm", "not a component");
    host.wait_for_log(&["routes/broken.wasm", "still being served"]).await;
    host.site.write("public/new.txt", "new");
    until(&host, "/new.txt", "new").await;
}

#[tokio::test]
async fn pipes_in_public_hold_nothing_up() {
    let site = site().public("was-a-file", "").public("a.txt", "a");
    let public = site.site_folder().join("public");
    make_pipe(&public.join("pipe"));
    symlink("/dev/zero", public.join("zero")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(public.join("socket"));
    let mut host = site.start().await;
    fs::remove_file(public.join("was-a-file")).unwrap();
    make_pipe(&public.join("was-a-file"));
    for path in ["/pipe", "/zero", "/socket", "/was-a-file"] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    let mut clients = Vec::new();
    for at in 0..530 {
        let mut raw = host.raw().await;
        let path = if at % 2 == 0 { "pipe" } else { "was-a-file" };
        raw.write(format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        clients.push(raw);
    }
    assert_eq!(host.get("/page").await.text(), "ok");
    assert_eq!(host.get("/a.txt").await.text(), "a");
    for client in &mut clients {
        assert_eq!(client.response().await.status, 404);
    }
    drop(clients);
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_503_and_not_404() {
    let host = site().start().await;
    let limit = |current| {
        let pid = Pid::from_raw(host.process_id().cast_signed());
        let maximum = Some(4096);
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).expect("it is our process")
    };
    let mut raw = host.raw().await;
    let request = "GET /digits.txt HTTP/1.1\r\nhost: localhost\r\n\r\n";
    raw.write(request).await;
    assert_eq!(raw.response().await.status, 200);
    limit(Some(0));
    raw.write(request).await;
    let refused = raw.response().await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    raw.write("GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(raw.response().await.status, 404, "what is not there is known");
    limit(Some(4096));
    raw.write(request).await;
    assert_eq!(raw.response().await.status, 200);
}
