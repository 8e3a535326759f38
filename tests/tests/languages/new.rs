//! `lithe new`: what it makes builds at once, does what it says, and passes its own test.

use std::path::Path;
use std::process::{Command, Output};

use lithe_tests::artifacts::{CACHE, TARGET};

use crate::PROGRAM;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn new(folder: &Path, language: &str, kind: &str) -> Output {
    Command::new(PROGRAM)
        .arg("new")
        .arg(folder)
        .args(["--lang", language, "--kind", kind])
        .args(["--sdk", &format!("{REPOSITORY}/guest-sdk/rust")])
        .output()
        .expect("the program can be run")
}

/// Makes a project of each kind, and runs the test that it has.
fn every_kind_passes_its_own_test(language: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    if language == "js" || language == "ts" {
        // As `npm install` would have done.
        let tools = format!("{REPOSITORY}/examples/languages/guests/js/node_modules");
        std::os::unix::fs::symlink(tools, folder.path().join("node_modules")).expect("it is new");
    }
    for kind in ["route", "hooks", "session", "middleware"] {
        let site = folder.path().join(format!("my-{kind}"));
        let made = new(&site, language, kind);
        assert!(made.status.success(), "{made:?}");
        if language == "rust" {
            for guest in std::fs::read_dir(site.join("guests")).expect("there are guests") {
                // The versions that the repository is built with are there already.
                let lock = guest.expect("the folder can be read").path().join("Cargo.lock");
                std::fs::copy(format!("{REPOSITORY}/Cargo.lock"), lock).expect("it can be written");
            }
        }
        let tested = Command::new("sh")
            .arg(site.join("test.sh"))
            .env("LITHE", PROGRAM)
            .env("LITHE_CACHE", CACHE)
            .env("CARGO_TARGET_DIR", TARGET)
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .expect("there is a shell");
        let said = String::from_utf8_lossy(&tested.stdout);
        assert!(tested.status.success() && said.contains("ok: "), "{language} {kind}: {tested:?}");
        if language == "ts" {
            is_well_typed(&site.join(format!("guests/my-{kind}")));
        }
    }
}

/// The project's own settings find the SDK's types.
fn is_well_typed(guest: &Path) {
    let tsc = format!("{REPOSITORY}/examples/languages/guests/js/node_modules/.bin/tsc");
    let checked = Command::new(tsc).arg("--project").arg(guest).output();
    let checked = checked.expect("the program can be run");
    assert!(checked.status.success(), "{checked:?}");
}

macro_rules! languages {
    ($($language:ident)*) => {
        $(
            #[test]
            fn $language() {
                every_kind_passes_its_own_test(stringify!($language));
            }
        )*
    };
}

languages!(rust ts js python c zig go);

fn add(site: &Path, route: &str, kind: &str) -> Output {
    Command::new(PROGRAM)
        .arg("add")
        .arg(site)
        .args([route, "--lang", "c", "--kind", kind])
        .output()
        .expect("the program can be run")
}

#[test]
fn a_route_can_be_added_to_a_site() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let site = folder.path().join("my_site");
    assert!(new(&site, "c", "route").status.success());
    for (route, kind) in [("vote/[option].post", "hooks"), ("02_seen", "middleware")] {
        let added = add(&site, route, kind);
        assert!(added.status.success(), "{added:?}");
    }
    let refused = add(&site, "vote/[option].post", "hooks");
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("the site has `routes/vote/[option].post.wasm` already"), "{error}");
    let refused = add(&site, "../x", "route");
    assert!(!refused.status.success(), "{refused:?}");

    let built = Command::new(PROGRAM).arg("build").arg(&site).output();
    let built = built.expect("the program can be run");
    assert!(String::from_utf8_lossy(&built.stderr).contains("built 3 components"), "{built:?}");
    let listed = Command::new(PROGRAM).arg("routes").arg(&site).args(["--cache", CACHE]).output();
    let table = String::from_utf8_lossy(&listed.expect("it can be run").stdout).into_owned();
    assert!(table.contains("POST") && table.contains("/vote/:option"), "{table}");
    assert!(table.contains("middleware/02_seen.wasm"), "{table}");
}

#[test]
fn a_folder_that_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let site = folder.path().join("site");
    std::fs::create_dir(&site).expect("it is new");
    std::fs::write(site.join("mine"), "").expect("it can be written");
    for (site, word) in
        [(site, "is there already"), (folder.path().join("Not A Name"), "letters a to z")]
    {
        let refused = new(&site, "c", "route");
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && error.contains(word), "{error}");
    }
}
