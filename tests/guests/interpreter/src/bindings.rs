//! The contract's bindings: all of its imports in every component, and the exports of each kind.

mod imports {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: r#"
            package lithe:interpreter;

            world imports {
                include lithe:plugin/imports@0.1.0;
                import lithe:plugin/outcome@0.1.0;
                import lithe:plugin/next@0.1.0;
                import lithe:plugin/receiver@0.1.0;
                import lithe:plugin/timers@0.1.0;
                import lithe:plugin/turn@0.1.0;
            }
        "#,
        world: "lithe:interpreter/imports",
        ownership: Borrowing { duplicate_if_necessary: true },
        generate_all,
    });
}

/// What of WASI the standard library does not reach: whole interfaces, for the library has them,
/// too.
mod system {
    wit_bindgen::generate!({
        inline: r#"
            package lithe:interpreter-system;

            world system {
                import wasi:random/random@0.2.0;
                import wasi:clocks/monotonic-clock@0.2.0;
            }

            package wasi:random@0.2.0 {
                interface random {
                    get-random-bytes: func(len: u64) -> list<u8>;
                    get-random-u64: func() -> u64;
                }
            }

            package wasi:io@0.2.0 {
                interface poll {
                    resource pollable {
                        ready: func() -> bool;
                        block: func();
                    }
                    poll: func(in: list<borrow<pollable>>) -> list<u32>;
                }
            }

            package wasi:clocks@0.2.0 {
                interface monotonic-clock {
                    use wasi:io/poll@0.2.0.{pollable};
                    type instant = u64;
                    type duration = u64;
                    now: func() -> instant;
                    resolution: func() -> duration;
                    subscribe-instant: func(when: instant) -> pollable;
                    subscribe-duration: func(when: duration) -> pollable;
                }
            }
        "#,
        world: "lithe:interpreter-system/system",
        generate_all,
    });
}

pub(crate) use imports::lithe::plugin::{
    event, http, next, outcome, receiver, socket, streams, timers, topics, turn, ws,
};
pub(crate) use system::wasi::clocks::monotonic_clock;
pub(crate) use system::wasi::io::poll;
pub(crate) use system::wasi::random::random;

/// The bindings of an export, which share the types of these imports.
macro_rules! exports {
    ($(#[$doc:meta])* $module:ident: $inline:tt, $world:tt, [$($name:tt $interface:ident),*]) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../../wit",
                inline: $inline,
                world: $world,
                ownership: Borrowing { duplicate_if_necessary: true },
                pub_export_macro: true,
                export_macro_name: "export",
                with: { $($name: super::imports::lithe::plugin::$interface),* },
            });
        }
    };
}

exports! {
    /// The export `handler`.
    handler: "package lithe:interpreter-handler; world handler { export lithe:plugin/handler@0.1.0; }",
    "lithe:interpreter-handler/handler",
    [
        "lithe:plugin/http@0.1.0" http,
        "lithe:plugin/event@0.1.0" event,
        "lithe:plugin/outcome@0.1.0" outcome,
        "lithe:plugin/socket@0.1.0" socket,
        "lithe:plugin/streams@0.1.0" streams,
        "lithe:plugin/ws@0.1.0" ws
    ]
}

exports! {
    /// The export `hooks`.
    hooks: "package lithe:interpreter-hooks; world hooks { export lithe:plugin/hooks@0.1.0; }",
    "lithe:interpreter-hooks/hooks",
    [
        "lithe:plugin/http@0.1.0" http,
        "lithe:plugin/event@0.1.0" event,
        "lithe:plugin/socket@0.1.0" socket
    ]
}

exports! {
    /// The export `batch`.
    batch: "package lithe:interpreter-batch; world batch { export lithe:plugin/batch@0.1.0; }",
    "lithe:interpreter-batch/batch",
    []
}

exports! {
    /// The export `session`.
    session: "package lithe:interpreter-session; world session { export lithe:plugin/session@0.1.0; }",
    "lithe:interpreter-session/session",
    [
        "lithe:plugin/http@0.1.0" http,
        "lithe:plugin/event@0.1.0" event,
        "lithe:plugin/socket@0.1.0" socket
    ]
}

exports! {
    /// The export `middleware`.
    middleware: "package lithe:interpreter-around; world around { export lithe:plugin/middleware@0.1.0; }",
    "lithe:interpreter-around/around",
    [
        "lithe:plugin/http@0.1.0" http,
        "lithe:plugin/event@0.1.0" event,
        "lithe:plugin/outcome@0.1.0" outcome,
        "lithe:plugin/socket@0.1.0" socket,
        "lithe:plugin/streams@0.1.0" streams,
        "lithe:plugin/ws@0.1.0" ws
    ]
}
