//! Builds the guests of the targets that run the host, without what makes the host fuzzable.

use std::path::Path;
use std::process::Command;

/// The guests of each feature: their packages, and what Cargo builds of them.
const GUESTS: [(&str, &[&str]); 4] = [
    ("ADMIN", &["--package=example-bench-hello", "--lib"]),
    ("SESSION", &["--package=example-bench-echo", "--package=example-loop", "--lib"]),
    ("SETTINGS", &["--package=example-bench-echo", "--lib"]),
    (
        "HOSTILE",
        &[
            "--package=example-bench-publish",
            "--package=example-bench-hello",
            "--package=test-guests-interpreter",
            "--lib",
            "--examples",
        ],
    ),
];

const SOURCES: [&str; 4] = ["examples/guests", "tests/guests/interpreter", "guest-sdk/rust", "wit"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for (feature, arguments) in GUESTS {
        if std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some() {
            build(&root, &out, arguments);
        }
    }
}

fn build(root: &Path, out: &str, arguments: &[&str]) {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--target", "wasm32-wasip2", "--target-dir", out]);
    cargo.args(arguments).current_dir(root);
    for flags in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(flags);
    }
    assert!(cargo.status().expect("cargo runs").success(), "the guests do not build");
    println!("cargo::rustc-env=GUESTS={out}/wasm32-wasip2/release");
}
