//! The same examples in every language, held to the same promises.
//!
//! They need the toolchains of all languages:
//! `cargo test --workspace --features lithe-tests/languages --test languages`. `lithe build` builds
//! the examples, once for all tests.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics if something is not as expected"
)]

mod builds;
mod faults;
mod new;
mod units;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use lithe_tests::{Builder, TestHost};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lithe-under-test");

/// The examples' site.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/languages");

/// The site of the apps that have every feature.
const CONFORMANCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance");

/// A site's folder, in which `lithe build` has been run, once for all tests.
fn built(site: &'static str) -> &'static Path {
    static BUILT: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    // One that failed has failed all others, too.
    let mut built = BUILT.lock().expect("the site has been built");
    if built.insert(site) {
        let status = Command::new(PROGRAM).arg("build").arg(site).status();
        assert!(status.expect("the program can be run").success(), "`{site}` does not build");
    }
    Path::new(site)
}

/// A site with one of the examples, at its own path.
fn with(route: &str) -> Builder {
    let component = built(EXAMPLES).join(format!("routes/{route}.wasm"));
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
    (@ app $path:literal) => {
        mod app {
            lithe_tests::conformance!(
                app,
                lithe_tests::conformance::app::serving(
                    crate::PROGRAM,
                    crate::built(crate::CONFORMANCE).join(concat!("plugins/", $path, ".wasm"))));

            #[tokio::test]
            async fn a_handler_that_returns_nothing_is_a_500_that_says_so() {
                let component = crate::built(crate::CONFORMANCE).join(concat!("plugins/", $path, ".wasm"));
                let host = lithe_tests::conformance::app::serving(crate::PROGRAM, component).await;
                lithe_tests::conformance::app::a_handler_that_returns_nothing_is_a_500_that_says_so(&host).await;
            }
        }
    };
    (@ loops $path:literal) => {
        mod loops {
            lithe_tests::conformance!(
                loops,
                lithe_tests::conformance::loops::serving(
                    crate::PROGRAM,
                    crate::built(crate::CONFORMANCE).join(concat!("plugins/", $path, "-loops.wasm"))));
        }
    };
    (@ ping $path:literal) => {
        mod ping {
            lithe_tests::conformance!(
                ping, crate::serving(concat!($path, "/ping")), concat!("/", $path, "/ping"));
        }
    };
}

language!(c "c": app loops echo ping room blocking_loop);
language!(cpp "cpp": app echo ping room);
language!(zig "zig": app echo ping room);
language!(go "go": app loops echo ping room blocking_loop);
language!(py "py": app loops echo ping room blocking_loop);
language!(js "js": app loops echo ping room);
language!(js_full "js-full": app loops echo ping room);
