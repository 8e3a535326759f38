//! What Lithe promises, asked of a real process over real connections.

#![forbid(unsafe_code)]

mod architecture;
mod bad_input;
mod browser;
mod builds;
mod bytes_before_close;
mod cache;
mod chain;
mod close_codes;
mod deflate;
mod dev;
mod frames;
mod fuzzed;
mod guests;
mod handshake;
mod hostile_tenants;
mod inspect;
mod limits;
mod liveness;
mod logs;
mod many_sockets;
mod outbound;
mod panics;
mod quotas;
mod requests;
mod routing;
mod scopes;
mod session_ends;
mod shutdown;
mod streams;
mod swap;
mod tenants;
mod topics_and_timers;

use lithe_tests::{Builder, TestHost};

/// The host under test, built with these tests, and an empty site.
fn host() -> Builder {
    TestHost::builder(env!("CARGO_BIN_EXE_lithe-under-test"))
}

/// A guest without tests in a module of its name is a compile error.
macro_rules! is_tested {
    ($guest:ident) => {
        #[expect(unused_imports)]
        use guests::$guest as _;
    };
}

lithe_tests::foreach_guest!(is_tested);
