//! What a guest can do with the folders that it is granted, and how much of it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use lithe_tests::artifacts::FILES_ROUTE;
use lithe_tests::{Builder, TestHost};

use crate::host;

/// A site beside a secret that is not its own.
fn site(config: &str) -> Builder {
    host().route("f", FILES_ROUTE).config(config)
}

fn granted(folders: &str) -> String {
    format!("[plugin.\"routes/f.wasm\"]\nfolders = {{ {folders} }}\n")
}

const WRITABLE: &str = "\"/d\" = { path = \"d\", write = true }";

/// The result of what the guest is asked to do.
async fn ask(host: &TestHost, query: &str) -> (u16, String) {
    let answer = host.get(&format!("/f?do={query}")).await;
    (answer.status, answer.text().to_owned())
}

async fn does(host: &TestHost, query: &str) {
    assert_eq!(ask(host, query).await, (200, "done".to_owned()), "{query}");
}

async fn is_refused(host: &TestHost, query: &str, words: &str) {
    let (status, text) = ask(host, query).await;
    assert!(status == 403 && text.contains(words), "{query}: {status} {text}");
}

fn secret(host: &TestHost) -> PathBuf {
    let secret = host.site.folder().parent().expect("the site is in a folder").join("secret");
    std::fs::write(&secret, "hunter22").expect("it can be written");
    secret
}

#[tokio::test]
async fn a_folder_that_is_replaced_by_a_link_leads_no_new_instance_out() {
    let nested = format!("{WRITABLE}, \"/e\" = {{ path = \"d/x\" }}");
    let host = site(&granted(&nested)).file("d/x/keep", "1").start().await;
    secret(&host);
    does(&host, "remove&path=/d/x/keep").await;
    does(&host, "remove-folder&path=/d/x").await;
    for target in ["../../../../..", "/", "/etc", "..", "a/../..", "../secret"] {
        is_refused(&host, &format!("symlink&path=x&to={target}"), "not-permitted").await;
    }
    // The same holds if the owner of the site has made such a link.
    symlink("../../..", host.site.folder().join("d/x")).expect("a link can be made");
    assert_eq!(host.get("/f?do=exit").await.status, 500, "the next one is a new instance");
    for path in ["/e/etc/hostname", "/e/secret", "/d/x/etc/hostname", "/d/x/site/lithe.toml"] {
        assert_eq!(ask(&host, &format!("read&path={path}")).await.0, 403, "{path}");
        assert_eq!(ask(&host, &format!("write&n=1&path={path}")).await.0, 403, "{path}");
    }
    let folder = host.site.folder();
    assert_eq!(std::fs::read_to_string(folder.with_file_name("secret")).unwrap(), "hunter22");
}

#[tokio::test]
async fn a_grant_through_a_link_stays_the_folder_that_it_was() {
    let host = site(&granted("\"/l\" = { path = \"link\" }"))
        .file("one/name", "one")
        .link("link", "one")
        .start()
        .await;
    assert_eq!(ask(&host, "read&path=/l/name").await.1, "one");
    let folder = host.site.folder();
    std::fs::remove_file(folder.join("link")).expect("it is there");
    symlink("/etc", folder.join("link")).expect("a link can be made");
    assert_eq!(host.get("/f?do=exit").await.status, 500);
    assert_eq!(ask(&host, "read&path=/l/name").await.1, "one");
    assert_eq!(ask(&host, "read&path=/l/hostname").await.0, 403);
}

#[tokio::test]
async fn what_the_host_serves_from_is_granted_under_no_name() {
    for path in
        [".", "routes", "./routes", "d/../routes", "routes/deep", "public", ".lithe", "linked"]
    {
        let folders = format!("\"/d\" = {{ path = \"{path}\", write = true }}");
        let site = site(&granted(&folders))
            .file("routes/deep/no.txt", "")
            .file("d/x", "")
            .file("public/x", "")
            .file(".lithe/x", "")
            .link("linked", "public");
        site.end().await.says(&["the folder `/d`", &format!("`{path}` is")]);
    }
}

#[tokio::test]
async fn nothing_that_guests_may_write_is_a_part_of_the_site() {
    let granted_as = "in `d` (`/d` of `routes/f.wasm`), which guests may write to";
    for (link, target, file) in [
        ("routes/x", "../d", "`routes/x`"),
        ("routes/a.wasm", "../d/a.wasm", "`routes/a.wasm`"),
        ("plugins/a.wasm", "../d/a.wasm", "`plugins/a.wasm`"),
        ("middleware/a.wasm", "../d/a.wasm", "`middleware/a.wasm`"),
    ] {
        let site = site(&granted(WRITABLE)).component("d/a.wasm", FILES_ROUTE).link(link, target);
        site.end().await.says(&[file, granted_as]);
    }
    let settings = host().route("f", FILES_ROUTE).file("d/conf.toml", granted(WRITABLE));
    settings.link("lithe.toml", "d/conf.toml").end().await.says(&["lithe.toml`", granted_as]);
    let secret = format!("{}secrets = {{ S = {{ file = \"s\" }} }}\n", granted(WRITABLE));
    let secret = site(&secret).file("d/key", "hunter22").link("s", "d/key");
    secret.end().await.says(&["the secret `S`", granted_as]);
}

#[tokio::test]
async fn a_link_that_comes_later_makes_nothing_that_guests_may_write_a_part_of_the_site() {
    let host = site(&granted(WRITABLE))
        .file("d/page", "page")
        .component("d/a.wasm", FILES_ROUTE)
        .public("fine", "fine")
        .start()
        .await;
    host.site.link("public/page", "../d/page");
    host.wait_for_log(&["`/page`"]).await;
    assert_eq!(host.get("/page").await.status, 404);
    assert_eq!(host.get("/fine").await.text(), "fine");
    host.site.link("routes/a.wasm", "../d/a.wasm");
    host.wait_for_log(&["`routes/a.wasm`", "which guests may write to"]).await;
    assert_eq!(host.get("/a").await.status, 404);
    host.site.remove("routes/a.wasm");
    // What the guest writes grants it nothing.
    host.site.write("d/conf.toml", "");
    host.site.remove("lithe.toml");
    host.site.link("lithe.toml", "d/conf.toml");
    host.wait_for_log(&["lithe.toml`", "which guests may write to"]).await;
    assert_eq!(ask(&host, "read&path=/d/page").await.1, "page", "what was served goes on");
}

#[tokio::test]
async fn links_are_moved_nowhere_from_where_they_would_lead_out() {
    let host = site(&granted(WRITABLE))
        .file("d/a/b/c/file", "file")
        .file("outside", "outside")
        .link("d/a/b/c/up", "../../../file")
        .link("d/a/b/fine", "c/file")
        .start()
        .await;
    // Within its folder it may have another name.
    does(&host, "rename&path=/d/a/b/c/up&to=/d/a/b/c/upward").await;
    for (from, to) in [("a/b/c/upward", "up"), ("a/b/c", "c"), ("a/b", "b")] {
        is_refused(&host, &format!("rename&path=/d/{from}&to=/d/{to}"), "PermissionDenied").await;
    }
    is_refused(&host, "link&path=/d/a/b/c/upward&to=/d/up", "PermissionDenied").await;
    does(&host, "rename&path=/d/a/b/fine&to=/d/a/fine").await;
    does(&host, "symlink&path=new&to=a/b/c/file").await;
    assert_eq!(ask(&host, "read&path=/d/new").await.1, "file");
}

#[tokio::test]
async fn a_file_of_a_read_only_folder_gets_no_name_in_a_writable_one() {
    let both = format!("{WRITABLE}, \"/r\" = {{ path = \"r\" }}");
    let host = site(&granted(&both)).file("d/own", "own").file("r/file", "kept").start().await;
    for query in [
        "link&path=/r/file&to=/d/file",
        "rename&path=/r/file&to=/d/file",
        "rename&path=/d/own&to=/r/own",
        "link&path=/d/own&to=/r/own",
        "write&path=/r/file&n=1",
        "append&path=/r/file&n=1",
        "resize&path=/r/file&n=0",
        "remove&path=/r/file",
        "make&path=/r/new",
    ] {
        assert_eq!(ask(&host, query).await.0, 403, "{query}");
    }
    assert_eq!(ask(&host, "read&path=/r/file").await.1, "kept");
}

#[tokio::test]
async fn a_named_pipe_is_refused_and_nobody_waits_for_it() {
    let host = site(&granted(WRITABLE)).file("d/x", "").start().await;
    let pipe = host.site.folder().join("d/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("`mkfifo` is there").success());
    for _ in 0..3 {
        assert_eq!(ask(&host, "read&path=/d/pipe").await.0, 403);
        assert_eq!(ask(&host, "append&path=/d/pipe&n=1").await.0, 403);
    }
}

#[tokio::test]
async fn open_files_listings_and_streams_are_bounded_and_given_back() {
    let config = format!("[limits]\nfiles = 40\n{}", granted("\"/d\" = { path = \"d\" }"));
    let host = site(&config).file("d/file", "text").start().await;
    for (query, most) in
        [("open&path=/d/file&n=50", "10 "), ("list&n=50", "10 "), ("stream&path=file&n=50", "9 ")]
    {
        let (status, text) = ask(&host, query).await;
        assert!(status == 200 && text.starts_with(most), "{query}: {text}");
        assert!(text.to_lowercase().contains("quota"), "{query}: {text}");
        is_refused(&host, "read&path=/d/file", "uota exceeded").await;
        assert_eq!(host.get("/f?do=exit").await.status, 500);
        assert_eq!(ask(&host, "read&path=/d/file").await.1, "text", "after {query}");
    }
    host.wait_for_log(&["`limits.files` was exceeded"]).await;
}

#[tokio::test]
async fn a_large_folder_is_listed_whole_and_costs_no_memory() {
    let host = site(&granted("\"/d\" = { path = \"d\" }")).file("d/first", "").start().await;
    for number in 0..3_000 {
        let name = format!("d/{number:0>200}");
        std::fs::write(host.site.folder().join(name), "").expect("it can be written");
    }
    assert_eq!(ask(&host, "names&path=/d").await.1, "3001");
    let before = host.peak_memory();
    assert!(ask(&host, "list&n=400").await.1.starts_with("400"), "they are begun");
    let more = host.peak_memory() - before;
    assert!(more < 32 * 1024 * 1024, "{more} bytes for 400 listings");
}

#[tokio::test]
async fn a_writable_folder_holds_no_more_than_its_size() {
    let folder = "\"/d\" = { path = \"d\", write = true, size = \"64 KiB\" }, \
                  \"/e\" = { path = \"e\", write = true, size = \"1 MiB\" }";
    let host = site(&granted(folder)).file("d/old", "0123456789").file("e/x", "").start().await;
    does(&host, "write&path=/d/a&n=40000").await;
    // The C library knows only one error of streams.
    is_refused(&host, "write&path=/d/b&n=40000", "I/O error").await;
    is_refused(&host, "append&path=/d/a&n=40000", "I/O error").await;
    let over = "No space left";
    is_refused(&host, "resize&path=/d/a&n=90000", over).await;
    is_refused(&host, "punch&path=a&n=90000", "insufficient-space").await;
    does(&host, "write&path=/e/large&n=90000").await;
    // Two sizes are two file systems: what is open would count for the one that it came from.
    is_refused(&host, "rename&path=/e/large&to=/d/large", "Cross-device").await;
    is_refused(&host, "link&path=/e/large&to=/d/large", "Cross-device").await;
    host.wait_for_log(&["`folders.size` was exceeded"]).await;
    // What is removed is there for others, and what is written again costs nothing.
    does(&host, "write&path=/d/a&n=40000").await;
    does(&host, "remove&path=/d/a").await;
    does(&host, "write&path=/d/b&n=40000").await;
    // Names count, too.
    let mut made = 0;
    while ask(&host, &format!("make&path=/d/folder{made}")).await.0 == 200 {
        made += 1;
        assert!(made < 16, "64 KiB are 16 names");
    }
    does(&host, "remove&path=/d/b").await;
    does(&host, "make&path=/d/more").await;
}

#[tokio::test]
async fn a_removed_file_that_is_open_still_counts() {
    let folder = "\"/d\" = { path = \"d\", write = true, size = \"64 KiB\" }";
    let host = site(&granted(folder)).file("d/old", "").start().await;
    does(&host, "write&path=/d/a&n=40000").await;
    assert_eq!(ask(&host, "open&path=/d/a&n=1").await.1, "1");
    does(&host, "remove&path=/d/a").await;
    is_refused(&host, "write&path=/d/b&n=40000", "I/O error").await;
    assert_eq!(host.get("/f?do=exit").await.status, 500, "it closes what it has open");
    does(&host, "write&path=/d/b&n=40000").await;
}

#[tokio::test]
async fn a_removed_file_counts_that_is_open_by_a_read_only_grant() {
    let folder = "\"/d\" = { path = \"d\", write = true, size = \"64 KiB\" }, \
                  \"/e\" = { path = \"d\" }, \"/x\" = { path = \"d/x\" }";
    for (path, own) in [("/e/a", "/d/a"), ("/e/x/a", "/d/x/a"), ("/x/a", "/d/x/a")] {
        let host = site(&granted(folder)).file("d/x/old", "").start().await;
        does(&host, &format!("write&path={own}&n=40000")).await;
        assert_eq!(ask(&host, &format!("open&path={path}&n=1")).await.1, "1");
        does(&host, &format!("remove&path={own}")).await;
        is_refused(&host, "write&path=/d/b&n=40000", "I/O error").await;
        assert_eq!(host.get("/f?do=exit").await.status, 500, "it closes what it has open");
        does(&host, "write&path=/d/b&n=40000").await;
    }
}

#[tokio::test]
async fn two_writable_folders_in_each_other_are_refused() {
    let nested = format!("{WRITABLE}, \"/e\" = {{ path = \"d/x\", write = true }}");
    let site = site(&granted(&nested)).file("d/x/keep", "1");
    let words = ["`d/x` (`/e` of `routes/f.wasm`) is in `d` (`/d` of `routes/f.wasm`)", "`size`"];
    site.end().await.says(&words);
}

#[tokio::test]
async fn a_guest_waits_for_no_more_things_than_it_can_hold() {
    let host = site(&granted(WRITABLE)).file("d/x", "").start().await;
    assert_eq!(ask(&host, "poll&n=10000").await, (200, "10000".to_owned()));
    assert_eq!(host.get("/f?do=poll&n=10001").await.status, 500);
    host.wait_for_log(&["a guest may wait for 10000 things at once, not for 10001"]).await;
}

#[tokio::test]
async fn a_guest_gets_so_many_random_bytes_at_once() {
    let host = site(&granted(WRITABLE)).file("d/x", "").start().await;
    let most = 256 * 1024;
    assert_eq!(ask(&host, &format!("random&n={most}")).await, (200, most.to_string()));
    assert_eq!(host.get(&format!("/f?do=random&n={}", most + 1)).await.status, 500);
}
