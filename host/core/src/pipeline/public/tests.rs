use std::fs;
use std::io::Write as _;

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;
use crate::capability::account::HostMemory;

fn public(files: &[(&str, &[u8])]) -> (TempDir, Public) {
    let site = tempfile::tempdir().unwrap();
    for (file, content) in files {
        let path = site.path().join("public").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let public = Public::open("site".into(), site.path().to_owned()).unwrap();
    (site, public)
}

async fn ask(public: &Public, request: Request<()>) -> Option<Response<Body>> {
    let raw = request.uri().path().to_owned();
    let path = Path::parse(&raw).unwrap();
    let memory = SiteMemory::of(HostMemory::new(usize::MAX));
    public.serve(&request, &path, &path.decoded(), &memory)?.await
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

#[test]
fn a_request_for_no_file_is_passed_on_at_once() {
    let (_site, public) = public(&[("docs/index.html", b""), ("a.txt", b"")]);
    // This test has no runtime: anything that waits, or uses another thread, would panic.
    let mut others = vec![
        Request::post("/a.txt").body(()).unwrap(),
        Request::options("/a.txt").body(()).unwrap(),
        Request::get("/docs").header("upgrade", "websocket").body(()).unwrap(),
    ];
    let paths = ["/", "/none", "/a.txt/", "/docs%2findex.html", "/docs/none/", "/A.TXT", "/public"];
    others.extend(paths.map(get));
    for request in others {
        let shown = format!("{} {}", request.method(), request.uri());
        let answered = ask(&public, request).now_or_never();
        assert!(answered.expect("it waits for nothing").is_none(), "{shown}");
    }
}

#[test]
fn a_redirect_stays_on_the_host() {
    let (_site, public) = public(&[
        ("docs/index.html", b""),
        ("evil.example/index.html", b""),
        ("\\evil.example/index.html", b""),
        ("a b/é/index.html", b""),
        ("c?d/index.html", b""),
    ]);
    for (path, expected) in [
        ("/docs", "/docs/"),
        ("/docs?a=1&b=//x", "/docs/?a=1&b=//x"),
        ("/docs?", "/docs/?"),
        ("//evil.example", "/evil.example/"),
        ("//docs/..//evil.example", "/evil.example/"),
        ("/%5Cevil.example", "/%5Cevil.example/"),
        ("/a%20b/%C3%A9", "/a%20b/%C3%A9/"),
        ("/c%3Fd", "/c%3Fd/"),
        ("/docs/.", "/docs/"),
    ] {
        let answered = ask(&public, get(path)).now_or_never().flatten().expect(path);
        assert_eq!(answered.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answered.headers()[header::LOCATION], expected, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_is_cut_off_and_one_that_grows_is_not() {
    let large = vec![b'x'; 300_000];
    let (site, public) = public(&[("a", &large), ("b", &large)]);
    let shrinking = ask(&public, get("/a")).await.unwrap();
    let growing = ask(&public, get("/b")).await.unwrap();
    for response in [&shrinking, &growing] {
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "300000");
    }
    let file = |name| fs::File::options().append(true).open(site.path().join("public").join(name));
    file("a").unwrap().set_len(1000).unwrap();
    file("b").unwrap().write_all(b"more").unwrap();
    assert!(shrinking.into_body().collect().await.is_err());
    assert_eq!(growing.into_body().collect().await.unwrap().to_bytes(), large);
}

#[tokio::test]
async fn what_a_file_is_now_decides_and_not_what_it_was() {
    let (site, public) = public(&[("a", b"one"), ("pipe", b""), ("gone", b""), ("folder", b"")]);
    let path = |name: &str| site.path().join("public").join(name);
    fs::write(path("a"), "another").unwrap();
    for name in ["pipe", "gone", "folder"] {
        fs::remove_file(path(name)).unwrap();
    }
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir(path("folder")).unwrap();
    let now = ask(&public, get("/a")).await.unwrap();
    assert_eq!(now.headers()[header::CONTENT_LENGTH], "7");
    assert_eq!(now.into_body().collect().await.unwrap().to_bytes(), "another");
    for path in ["/pipe", "/gone", "/folder"] {
        assert!(ask(&public, get(path)).await.is_none(), "{path}");
    }
}

#[tokio::test]
async fn a_tag_is_of_one_content_only() {
    let (site, public) = public(&[("a", b"0123"), ("a.br", b"4567")]);
    let path = site.path().join("public/a");
    let tag = async |encoding: &str| {
        let request = Request::get("/a").header("accept-encoding", encoding).body(()).unwrap();
        ask(&public, request).await.unwrap().headers()[header::ETAG].clone()
    };
    let (first, encoded) = (tag("").await, tag("br").await);
    assert_ne!(first, encoded);
    // Its length and its time are those of the old file.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&path, "3210").unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_ne!(tag("").await, first);
}

#[tokio::test]
async fn times_that_no_header_can_say_are_left_out() {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    let (site, public) = public(&[("a", b"a")]);
    let file = fs::File::options().append(true).open(site.path().join("public/a")).unwrap();
    let future = SystemTime::now() + Duration::from_secs(3600);
    for time in [UNIX_EPOCH - Duration::from_secs(60), future] {
        file.set_modified(time).unwrap();
        let answered = ask(&public, get("/a")).await.unwrap();
        assert_eq!(answered.status(), StatusCode::OK);
        assert!(!answered.headers().contains_key(header::LAST_MODIFIED), "{time:?}");
    }
}
