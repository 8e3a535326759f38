//! The kind of a component, told by its exports.

use wasmtime::component::Component;

use super::exports::{self, Interface as _};
use crate::capability::bindings::error_handler;
use crate::capability::bindings::exports::{handler, hooks, middleware, session};

/// The kind of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `handler`: a pool of instances.
    Route,
    /// `handler` and `hooks`: one shared instance.
    Hooks,
    /// `handler` and `session`: an instance for each connection.
    Session,
    /// `middleware`: a pool of instances.
    Middleware,
    /// `error-handler`: a pool of instances.
    ErrorHandler,
}

/// Why a component has no kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    #[error(
        "it exports none of `{HANDLER}` (a route), `{MIDDLEWARE}` and `{ERROR_HANDLER}`; it exports {}",
        listed(.exports)
    )]
    Nothing { exports: Vec<String> },
    #[error("it exports both `{0}` and `{1}`: keep one")]
    Both(&'static str, &'static str),
}

const HANDLER: &str = handler::Guest::NAME;
const HOOKS: &str = hooks::Guest::NAME;
const SESSION: &str = session::Guest::NAME;
const MIDDLEWARE: &str = middleware::Guest::NAME;
const ERROR_HANDLER: &str = error_handler::Guest::NAME;

fn listed(exports: &[String]) -> String {
    if exports.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<String> = exports.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

impl Kind {
    /// Reads a component's exports.
    ///
    /// # Errors
    /// They fit no kind, or two.
    pub fn of(component: &Component) -> Result<Self, Unfit> {
        let exports = exports::names(component);
        let has = |name: &str| exports.iter().any(|export| export == name);
        let kinds = [
            (HOOKS, Self::Hooks),
            (SESSION, Self::Session),
            (MIDDLEWARE, Self::Middleware),
            (ERROR_HANDLER, Self::ErrorHandler),
        ];
        let mut found = kinds.into_iter().filter(|(name, _)| has(name));
        match (has(HANDLER), found.next(), found.next()) {
            (_, Some((one, _)), Some((other, _))) => Err(Unfit::Both(one, other)),
            (true, Some((name @ (MIDDLEWARE | ERROR_HANDLER), _)), None) => {
                Err(Unfit::Both(HANDLER, name))
            }
            (true, Some((_, kind)), None) => Ok(kind),
            (true, None, _) => Ok(Self::Route),
            (false, Some((_, kind @ (Self::Middleware | Self::ErrorHandler))), None) => Ok(kind),
            (false, ..) => Err(Unfit::Nothing { exports }),
        }
    }

    /// Whether a component that exports this has sessions.
    pub fn is_of_sessions(export: &str) -> bool {
        export == HOOKS || export == SESSION
    }

    /// Whether its requests can become sockets.
    pub fn has_sessions(self) -> bool {
        matches!(self, Self::Hooks | Self::Session)
    }

    /// Whether it answers requests.
    pub fn is_route(self) -> bool {
        matches!(self, Self::Route | Self::Hooks | Self::Session)
    }
}
