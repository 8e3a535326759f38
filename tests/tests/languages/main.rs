//! The same examples in every language, held to the same promises.
//!
//! Needs the toolchains of all languages: `cargo test -p lithe-tests --features languages --test
//! languages`. They are built by `lithe build`, once for all tests.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lithe_tests::{Builder, TestHost};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lithe-under-test");

/// The site of the examples, built.
static SITE: LazyLock<PathBuf> = LazyLock::new(|| {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/languages");
    let built = Command::new(PROGRAM).arg("build").arg(&site).status();
    assert!(built.expect("the program can be run").success(), "an example does not build");
    site
});

/// A site with one of the examples, at its own path.
fn with(route: &str) -> Builder {
    let component = SITE.join(format!("routes/{route}.wasm"));
    TestHost::builder(PROGRAM).route(route, component.to_str().expect("the path is UTF-8"))
}

/// A host that serves one of the examples.
async fn serving(route: &str) -> TestHost {
    with(route).start().await
}

/// The tests of one language: its name, and those of its examples.
macro_rules! language {
    ($language:ident $path:literal: $($example:ident)*) => {
        mod $language {
            $(language!(@ $example $path);)*
        }
    };
    (@ room $path:literal) => {
        mod room {
            lithe_tests::conformance!(
                room, crate::serving(concat!($path, "/rooms/[id].get")), concat!("/", $path, "/rooms"));
        }
    };
    (@ blocking_loop $path:literal) => {
        mod blocking_loop {
            lithe_tests::conformance!(
                blocking_loop, crate::serving(concat!($path, "/loop")), concat!("/", $path, "/loop"));
        }
    };
    (@ echo $path:literal) => {
        mod echo {
            lithe_tests::conformance!(
                echo, crate::serving(concat!($path, "/echo")), concat!("/", $path, "/echo"));
        }
    };
    (@ ping $path:literal) => {
        mod ping {
            lithe_tests::conformance!(
                ping, crate::serving(concat!($path, "/ping")), concat!("/", $path, "/ping"));
        }
    };
}

language!(c "c": echo ping room blocking_loop);
language!(zig "zig": echo ping room);
language!(py "py": echo ping room blocking_loop);
language!(js "js": echo ping room);
language!(js_full "js-full": echo ping room);
