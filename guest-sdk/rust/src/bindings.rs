//! What `wit-bindgen` makes of the contract (`wit/` of the repository) by the worlds of the SDK
//! (`wit/worlds.wit`): one module for everything that a component may import, and one for each
//! interface that it may export. All share the types of the imports.
//!
//! A component exports an interface only where it calls that interface's `export` macro, and the
//! component encoder drops the imports that nothing calls. So a plugin's kind, which the host reads
//! from its exports, is what its attribute says.

mod imports {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "lithe:sdk/imports",
        ownership: Borrowing { duplicate_if_necessary: true },
        generate_all,
    });
}

pub(crate) use imports::lithe::plugin::{
    event, http, next, outcome, receiver, socket, streams, timers, topics, turn, ws,
};

/// Makes a module for each world: the trait `Guest` of the interface that the world exports, and
/// the macro `export`, which exports an implementation.
macro_rules! exports {
    ($($module:ident: $world:literal,)+) => {$(
        #[doc = concat!("The export of the world `", $world, "`.")]
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../../wit", "wit"],
                world: $world,
                ownership: Borrowing { duplicate_if_necessary: true },
                pub_export_macro: true,
                export_macro_name: "export",
                with: {
                    "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
                    "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
                    "lithe:plugin/next@0.1.0": super::imports::lithe::plugin::next,
                    "lithe:plugin/outcome@0.1.0": super::imports::lithe::plugin::outcome,
                    "lithe:plugin/receiver@0.1.0": super::imports::lithe::plugin::receiver,
                    "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
                    "lithe:plugin/streams@0.1.0": super::imports::lithe::plugin::streams,
                    "lithe:plugin/timers@0.1.0": super::imports::lithe::plugin::timers,
                    "lithe:plugin/topics@0.1.0": super::imports::lithe::plugin::topics,
                    "lithe:plugin/turn@0.1.0": super::imports::lithe::plugin::turn,
                    "lithe:plugin/ws@0.1.0": super::imports::lithe::plugin::ws,
                },
            });

            pub use exports::lithe::plugin::$module::*;
        }
    )+};
}

exports! {
    handler: "lithe:sdk/handler",
    hooks: "lithe:sdk/hooks",
    batch: "lithe:sdk/batch",
    session: "lithe:sdk/session",
    middleware: "lithe:sdk/middleware",
    error_handler: "lithe:sdk/error-handler",
    routes: "lithe:sdk/routes",
    state: "lithe:sdk/state",
    resume: "lithe:sdk/resume",
    health: "lithe:sdk/health",
}
