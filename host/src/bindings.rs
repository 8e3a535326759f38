//! The code generated from `wit/`, private, re-exported by name.
//!
//! One world with everything that any component may import or export: which exports a component
//! really has is asked interface by interface.

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package lithe:host;
            world everything {
                include lithe:plugin/hooks-plugin@0.1.0;
                include lithe:plugin/session-plugin@0.1.0;
            }
        ",
        world: "lithe:host/everything",
        imports: {
            "lithe:plugin/receiver": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "lithe:plugin/event.event": crate::capability::event::EventHandle,
        },
    });
}

pub use generated::exports::lithe::plugin as exports;
pub use generated::lithe::plugin::{event, http, outcome, receiver, socket, timers, topics, ws};
