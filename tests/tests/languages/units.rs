//! The unit tests of the apps in C, C++ and Zig. They run the SDK with its played host on this
//! machine.

use std::path::Path;
use std::process::Command;

use crate::built;

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance");

/// Runs the app's tests, by the script that `lithe build` has written beside the SDK.
fn pass(language: &str, flags: &str) {
    let folder = Path::new(built(SITE)).join(format!("guests/{language}/app"));
    let tested = Command::new("sh")
        .arg(".lithe/hooks/lithe_test.sh")
        .env("CFLAGS", flags)
        .current_dir(folder)
        .output()
        .expect("there is a shell");
    let (said, warned) =
        (String::from_utf8_lossy(&tested.stdout), String::from_utf8_lossy(&tested.stderr));
    assert!(tested.status.success(), "{language}: {said}{warned}");
}

#[test]
fn c() {
    pass("c", "-g -fsanitize=address,undefined -fno-sanitize-recover=all");
}

#[test]
fn cpp() {
    pass("cpp", "-g -fsanitize=address,undefined -fno-sanitize-recover=all");
}

#[test]
fn zig() {
    pass("zig", "");
}
