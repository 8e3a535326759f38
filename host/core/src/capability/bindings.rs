//! The code generated from `wit/`: private, and re-exported by name.
//!
//! It is generated from one world with everything that any component may import or export. The host
//! asks interface by interface which exports a component really has.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package lithe:host;
            world everything {
                include lithe:plugin/batch-plugin@0.1.0;
                include lithe:plugin/session-plugin@0.1.0;
                include lithe:plugin/middleware-plugin@0.1.0;
                export lithe:plugin/routes@0.1.0;
                export lithe:plugin/state@0.1.0;
                export lithe:plugin/resume@0.1.0;
                export lithe:plugin/health@0.1.0;
            }
        ",
        world: "lithe:host/everything",
        imports: {
            "lithe:plugin/receiver": async | trappable,
            "lithe:plugin/next": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "lithe:plugin/event.event": crate::capability::event::EventHandle,
        },
    });
}

/// Here `http-error` is a parameter, which the borrowing code above cannot express.
mod error_handling {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package lithe:host;
            world error-handling { export lithe:plugin/error-handler@0.1.0; }
        ",
        world: "lithe:host/error-handling",
        exports: { default: async },
        with: {
            "lithe:plugin/http": super::http,
            "lithe:plugin/event": super::event,
        },
    });
}

pub(crate) use error_handling::exports::lithe::plugin::error_handler;
pub(crate) use generated::exports::lithe::plugin as exports;
#[allow(unreachable_pub, reason = "the code of `error_handling` re-exports them")]
pub use generated::lithe::plugin::{event, http};
pub(crate) use generated::lithe::plugin::{
    next, outcome, receiver, socket, streams, timers, topics, turn, ws,
};
