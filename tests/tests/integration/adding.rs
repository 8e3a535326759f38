//! `lithe add`: another handler for a site, however the site is written.

use std::fs;
use std::process::Command;

use lithe_tests::Site;

/// What `lithe add` says of a route in C, and whether it has made it.
fn add(site: &Site, named: &[&str]) -> (bool, String) {
    let added = Command::new(env!("CARGO_BIN_EXE_lithe-under-test"))
        .arg("add")
        .arg(site.folder())
        .args(["--lang", "c"])
        .args(named)
        .output()
        .expect("the program can be run");
    (added.status.success(), String::from_utf8_lossy(&added.stderr).into_owned())
}

#[track_caller]
fn adds(site: &Site, named: &[&str], words: &str) {
    let (is_added, said) = add(site, named);
    assert!(is_added && said.contains(words), "{said}");
}

#[track_caller]
fn refuses(site: &Site, named: &[&str], words: &str) {
    let (is_added, said) = add(site, named);
    assert!(!is_added && said.starts_with("error: ") && said.contains(words), "{said}");
}

fn settings(site: &Site) -> String {
    fs::read_to_string(site.folder().join("lithe.toml")).expect("it is there")
}

#[test]
fn a_line_is_added_to_the_table_that_is_there() {
    let site = Site::default();
    site.write("lithe.toml", "[ build ] # what is built\n\"routes/a.wasm\" = \"a\"\n");
    adds(&site, &["vote", "--kind", "hooks"], "`lithe build` makes `routes/vote.wasm` from it");
    let line = "\"routes/vote.wasm\" = { source = \"guests/vote\", kind = \"hooks\" }\n";
    let expected = format!("[ build ] # what is built\n\"routes/a.wasm\" = \"a\"\n{line}");
    assert_eq!(settings(&site), expected);
    assert!(site.folder().join("guests/vote/main.c").is_file());
    refuses(&site, &["vote"], "the site has `routes/vote.wasm` already");
}

#[test]
fn a_component_is_named_by_its_route_or_by_its_whole_file() {
    let site = Site::default();
    adds(&site, &["foo.wasm"], "`routes/foo.wasm`");
    refuses(&site, &["routes/bar"], "`routes/bar.wasm` or the file `routes/routes/bar.wasm`");
    adds(&site, &["routes/bar.wasm"], "`routes/bar.wasm`");
    refuses(&site, &["routes/_middleware.wasm"], "add `--kind middleware`");
    let scoped = ["routes/_middleware.wasm", "--kind", "middleware"];
    adds(&site, &scoped, "`routes/_middleware.wasm`");
    refuses(&site, &["--", "-x"], "`-x` begins with `-`");
}

#[test]
fn routes_whose_names_are_alike_have_sources_of_their_own() {
    let site = Site::default();
    for (route, source) in [
        ("foo", "guests/foo"),
        ("FOO", "guests/foo-2"),
        ("ä", "guests/route"),
        ("ö", "guests/route-2"),
        ("route/x", "guests/route-x"),
    ] {
        adds(&site, &[route], &format!("made `{source}`"));
        let line =
            format!("\"routes/{route}.wasm\" = {{ source = \"{source}\", kind = \"route\" }}");
        assert!(settings(&site).contains(&line), "{}", settings(&site));
    }
}

#[test]
fn nothing_is_written_out_of_the_site() {
    let outside = tempfile::tempdir().expect("a temporary folder can be made");
    let site = Site::default();
    site.link("guests", &outside.path().to_string_lossy());
    refuses(&site, &["foo"], "cannot write into `guests`: it leads outside");
    assert_eq!(fs::read_dir(outside.path()).expect("it is there").count(), 0);
    assert!(!site.folder().join("lithe.toml").exists());
    fs::remove_file(site.folder().join("guests")).expect("it is a link");
    site.write("sources/mine", "");
    site.link("guests", "sources");
    adds(&site, &["foo"], "made `guests/foo`");
    assert!(site.folder().join("sources/foo/main.c").is_file());
}
