//! What `wit-bindgen` makes of `wit/`: one module for everything that a component may import, and one
//! for each interface that it may export, which share the types of the imports.
//!
//! A component exports an interface only where it calls that interface's export macro, and the
//! component encoder drops the imports that nothing calls. So a plugin's kind, which the host reads
//! from its exports, is what its attribute says.

mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: r#"
            package lithe:sdk-imports;

            world imports {
                include lithe:plugin/imports@0.1.0;
                import lithe:plugin/outcome@0.1.0;
                import lithe:plugin/next@0.1.0;
                import lithe:plugin/receiver@0.1.0;
                import lithe:plugin/timers@0.1.0;
                import lithe:plugin/turn@0.1.0;
            }
        "#,
        world: "lithe:sdk-imports/imports",
        ownership: Borrowing { duplicate_if_necessary: true },
        generate_all,
    });
}

pub(crate) use imports::lithe::plugin::{
    event, http, next, outcome, receiver, socket, streams, timers, topics, turn, ws,
};

/// The export `handler`: its trait, and the macro that exports an implementation.
pub mod handler {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-handler; world handler { export lithe:plugin/handler@0.1.0; }",
        world: "lithe:sdk-handler/handler",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
            "lithe:plugin/outcome@0.1.0": super::imports::lithe::plugin::outcome,
            "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
            "lithe:plugin/streams@0.1.0": super::imports::lithe::plugin::streams,
            "lithe:plugin/ws@0.1.0": super::imports::lithe::plugin::ws,
        },
    });
}

/// The export `hooks`: its trait, and the macro that exports an implementation.
pub mod hooks {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-hooks; world hooks { export lithe:plugin/hooks@0.1.0; }",
        world: "lithe:sdk-hooks/hooks",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
            "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
        },
    });
}

/// The export `batch`: its trait, and the macro that exports an implementation.
pub mod batch {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-batch; world batch { export lithe:plugin/batch@0.1.0; }",
        world: "lithe:sdk-batch/batch",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// The export `session`: its trait, and the macro that exports an implementation.
pub mod session {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-session; world session { export lithe:plugin/session@0.1.0; }",
        world: "lithe:sdk-session/session",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
            "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
        },
    });
}

/// The export `middleware`: its trait, and the macro that exports an implementation.
pub mod middleware {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-middleware; world middleware { export lithe:plugin/middleware@0.1.0; }",
        world: "lithe:sdk-middleware/middleware",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
            "lithe:plugin/outcome@0.1.0": super::imports::lithe::plugin::outcome,
            "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
            "lithe:plugin/streams@0.1.0": super::imports::lithe::plugin::streams,
            "lithe:plugin/ws@0.1.0": super::imports::lithe::plugin::ws,
        },
    });
}

/// The export `error-handler`: its trait, and the macro that exports an implementation.
pub mod error_handler {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-error; world error { export lithe:plugin/error-handler@0.1.0; }",
        world: "lithe:sdk-error/error",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
        },
    });
}

/// The export `routes`: its trait, and the macro that exports an implementation.
pub mod routes {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-routes; world routes { export lithe:plugin/routes@0.1.0; }",
        world: "lithe:sdk-routes/routes",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// The export `state`: its trait, and the macro that exports an implementation.
pub mod state {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-state; world state { export lithe:plugin/state@0.1.0; }",
        world: "lithe:sdk-state/state",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// The export `resume`: its trait, and the macro that exports an implementation.
pub mod resume {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-resume; world resume { export lithe:plugin/resume@0.1.0; }",
        world: "lithe:sdk-resume/resume",
        ownership: Borrowing { duplicate_if_necessary: true },
        pub_export_macro: true,
        export_macro_name: "export",
        with: {
            "lithe:plugin/http@0.1.0": super::imports::lithe::plugin::http,
            "lithe:plugin/event@0.1.0": super::imports::lithe::plugin::event,
            "lithe:plugin/socket@0.1.0": super::imports::lithe::plugin::socket,
        },
    });
}

/// The export `health`: its trait, and the macro that exports an implementation.
pub mod health {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package lithe:sdk-health; world health { export lithe:plugin/health@0.1.0; }",
        world: "lithe:sdk-health/health",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}
