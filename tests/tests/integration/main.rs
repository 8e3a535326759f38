//! What Lithe promises, asked of a real process over real connections.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics if something is not as expected"
)]

mod accounts;
mod adding;
mod architecture;
mod bad_input;
mod browser;
mod builds;
mod by_hand;
mod bytes_before_close;
mod cache;
mod chain;
mod close_codes;
mod compile;
mod deflate;
mod dev;
mod durability;
mod embedding;
mod frames;
mod fuzzed;
mod guests;
mod handshake;
mod hosts;
mod inspect;
mod limits;
mod liveness;
mod logs;
mod many_sockets;
mod memory;
mod neighbours;
mod operator;
mod outbound;
mod panics;
mod proxies;
mod public;
mod quotas;
mod refusals;
mod requests;
mod routing;
mod scopes;
mod semantics;
mod session_ends;
mod settings;
mod shared_plugins;
mod shutdown;
mod slow_sites;
mod starting;
mod streams;
mod swap;
mod tenants;
mod topics_and_timers;
mod watching;
mod weights;

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
