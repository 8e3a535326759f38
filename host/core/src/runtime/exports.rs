//! What components export: the contract's interfaces, and those that each kind of component has.

use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

use crate::capability::State;
use crate::capability::bindings::error_handler;
use crate::capability::bindings::exports::{
    batch, handler, health, hooks, middleware, resume, routes, session, state,
};

/// Exports that are found once in a component, and loaded from each of its instances.
pub trait Exports: Sized + Send + Sync + 'static {
    /// Where the exports are in the component.
    type Indices: Clone + Send + Sync;

    /// Finds the exports in a component.
    ///
    /// # Errors
    /// The component does not export them, or lacks a function of one.
    fn find(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices>;

    /// Loads the exports from an instance of the component.
    ///
    /// # Errors
    /// A function's type is not the contract's.
    fn load(
        indices: &Self::Indices,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Self>;
}

/// One interface of the contract.
pub trait Interface: Exports {
    /// The interface's name among a component's exports.
    const NAME: &'static str;
}

/// Defines the interfaces: the name of each in the WIT, and its bindings.
macro_rules! exports {
    ($($name:literal: $bindings:ident,)*) => {$(
        impl Interface for $bindings::Guest {
            const NAME: &'static str = concat!("lithe:plugin/", $name, "@0.1.0");
        }

        impl Exports for $bindings::Guest {
            type Indices = $bindings::GuestIndices;

            fn find(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
                $bindings::GuestIndices::new(component)
            }

            fn load(
                indices: &Self::Indices,
                store: &mut Store<State>,
                instance: &Instance,
            ) -> wasmtime::Result<Self> {
                indices.load(store, instance)
            }
        }
    )*};
}

exports! {
    "handler": handler,
    "hooks": hooks,
    "batch": batch,
    "session": session,
    "middleware": middleware,
    "error-handler": error_handler,
    "routes": routes,
    "state": state,
    "resume": resume,
    "health": health,
}

/// An interface that a component may or may not export.
impl<I: Interface> Exports for Option<I> {
    type Indices = Option<I::Indices>;

    fn find(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        has::<I>(component.component()).then(|| I::find(component)).transpose()
    }

    fn load(
        indices: &Self::Indices,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Self> {
        indices.as_ref().map(|indices| I::load(indices, store, instance)).transpose()
    }
}

/// Defines sets of interfaces: the name of each set, the name of its indices, and its interfaces.
macro_rules! sets {
    ($($(#[$doc:meta])* $set:ident, $indices:ident { $($export:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[allow(unreachable_pub, reason = "types of the hidden API have some of the sets")]
        pub struct $set {
            $(pub(super) $export: $type,)*
        }

        #[doc = concat!("Where [`", stringify!($set), "`] is in a component.")]
        #[allow(unreachable_pub, reason = "types of the hidden API have some of the sets")]
        #[derive(Clone)]
        pub struct $indices {
            $(pub(super) $export: <$type as Exports>::Indices,)*
        }

        impl Exports for $set {
            type Indices = $indices;

            fn find(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
                Ok($indices { $($export: <$type as Exports>::find(component)?,)* })
            }

            fn load(
                indices: &Self::Indices,
                store: &mut Store<State>,
                instance: &Instance,
            ) -> wasmtime::Result<Self> {
                $(let $export = <$type as Exports>::load(&indices.$export, store, instance)?;)*
                Ok(Self { $($export,)* })
            }
        }
    )*};
}

sets! {
    /// What a route exports.
    Route, RouteIndices {
        handler: handler::Guest,
    }

    /// What a component with sessions as events exports.
    Hooks, HooksIndices {
        handler: handler::Guest,
        hooks: hooks::Guest,
    }

    /// What a component with blocking sessions exports.
    Session, SessionIndices {
        handler: handler::Guest,
        session: session::Guest,
    }

    /// What a middleware exports.
    Middleware, MiddlewareIndices {
        middleware: middleware::Guest,
    }

    /// What an error handler exports.
    ErrorHandler, ErrorHandlerIndices {
        error_handler: error_handler::Guest,
    }

    /// What a component of any kind may export in addition.
    Optional, OptionalIndices {
        batch: Option<batch::Guest>,
        routes: Option<routes::Guest>,
        state: Option<state::Guest>,
        resume: Option<resume::Guest>,
        health: Option<health::Guest>,
    }
}

/// Components that answer requests.
pub trait Handles: Exports {
    /// The interface that answers them.
    fn handler(&self) -> &handler::Guest;
}

macro_rules! handles {
    ($($set:ident)*) => {$(
        impl Handles for $set {
            fn handler(&self) -> &handler::Guest {
                &self.handler
            }
        }
    )*};
}

handles!(Route Hooks Session);

/// The names of everything that a component exports.
pub(super) fn names(component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    component_type.exports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// Whether a component names its routes itself.
pub(crate) fn names_routes(component: &Component) -> bool {
    has::<routes::Guest>(component)
}

fn has<I: Interface>(component: &Component) -> bool {
    component.component_type().exports(component.engine()).any(|(name, _)| name == I::NAME)
}
