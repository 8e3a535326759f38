//! Builds the guests of the target `session`, without what makes the host fuzzable.

use std::path::Path;
use std::process::Command;

const GUESTS: [&str; 2] = ["bench-echo", "loop"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SESSION").is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for source in ["examples/guests/bench-echo", "examples/guests/loop", "guest-sdk/rust", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--target", "wasm32-wasip2", "--target-dir", &out]);
    cargo.args(GUESTS.map(|guest| format!("--package=example-{guest}"))).current_dir(root);
    for flags in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(flags);
    }
    assert!(cargo.status().expect("cargo runs").success(), "the guests do not build");
    println!("cargo::rustc-env=GUESTS={out}/wasm32-wasip2/release");
}
