//! Links a component, and makes the instances for its kind, if the site's place is for that kind.

use std::sync::Arc;

use wasmtime::component::Component;

use super::{Grant, LoadError, Role, Settings};
use crate::capability::filesystem::Threads;
use crate::capability::{Calls, Context, VersionId};
use crate::plugin::Instances;
use crate::plugin::handler::{Handler, HandlerInstances};
use crate::runtime::exports::{self, Exports};
use crate::runtime::{InstanceSet, Kind, PerConnection, Pool, Runtime, Share, Template};

/// The instances of sessions follow their scope, and outlive a call.
const FRESH_WITH_SESSIONS: &str = "has `fresh`, and sessions: of a component with `hooks`, \
    `scope = \"connection\"` gives each connection an instance of its own, and one with `session` has that \
    always";

/// Finds out what a component is, and links its imports.
pub(super) fn link(
    runtime: Arc<Runtime>,
    component: &Component,
    plugin: Arc<str>,
    role: Role,
    settings: &Settings,
) -> Result<(Arc<Context>, Instances), LoadError> {
    let kind = Kind::of(component)?;
    check_imports(&runtime, component)?;
    let context = Arc::new(Context {
        site: settings.site.clone(),
        plugin,
        version: VersionId::next(),
        calls: Calls::default(),
        account: settings.account.clone(),
        sockets: settings.identity.sockets.clone(),
        limits: settings.limits.clone(),
        sessions: kind.has_sessions(),
        upgrades: settings.websocket && kind.has_sessions(),
        settings: settings.plugin.clone(),
        grants: settings.grants.clone(),
        threads: settings.share.clone().map(|share| share as Arc<dyn Threads>),
    });
    let linking = Linking { runtime, component, context: &context, share: &settings.share };
    let handler =
        |instances| Instances::Handler(Arc::new(Handler::new(context.clone(), instances)));
    let instances = match kind {
        Kind::Route => handler(HandlerInstances::Pool(Pool::new(linking.template()?))),
        Kind::Hooks => {
            let (own, current) = (&settings.plugin, &settings.identity.current);
            let set = InstanceSet::new(&linking.template()?, current, &own.scope, own.replicas);
            handler(HandlerInstances::Shared(set))
        }
        Kind::Session => {
            handler(HandlerInstances::PerConnection(PerConnection::new(linking.template()?)))
        }
        Kind::Middleware => Instances::Middleware(Arc::new(Pool::new(linking.template()?))),
        Kind::ErrorHandler => Instances::ErrorHandler(Arc::new(Pool::new(linking.template()?))),
    };
    check_role(role, kind, exports::names_routes(component))?;
    if settings.plugin.fresh && kind.has_sessions() {
        return Err(LoadError::Misplaced(FRESH_WITH_SESSIONS));
    }
    Ok((context, instances))
}

/// What a component's instances are made from.
struct Linking<'l> {
    runtime: Arc<Runtime>,
    component: &'l Component,
    context: &'l Arc<Context>,
    share: &'l Option<Arc<Share>>,
}

impl Linking<'_> {
    fn template<E: Exports>(&self) -> Result<Arc<Template<E>>, LoadError> {
        let (runtime, context) = (self.runtime.clone(), self.context.clone());
        let template = Template::new(runtime, self.component, context, self.share.clone());
        Ok(Arc::new(template.map_err(|error| LoadError::Link(format!("{error:#}")))?))
    }
}

/// Checks that the host has everything that a component imports. Its grants say what the component
/// may do with it.
fn check_imports(runtime: &Runtime, component: &Component) -> Result<(), LoadError> {
    let component_type = component.component_type();
    let mut imports = component_type.imports(&runtime.engine);
    match imports.find(|(name, _)| Grant::of(name) == Grant::Denied) {
        Some((name, _)) => Err(LoadError::Import(name.to_owned())),
        None => Ok(()),
    }
}

fn check_role(role: Role, kind: Kind, names_routes: bool) -> Result<(), LoadError> {
    let misplaced = match role {
        Role::Route if !kind.is_route() => {
            "is not a route: it does not export `handler`; middleware is `_middleware.wasm` or lies in \
             `middleware/`, an error handler is `_error.wasm`"
        }
        Role::Route if names_routes => "names its routes itself: move it into `plugins/`",
        Role::Plugin if !kind.is_route() => {
            "is not a route: it does not export `handler`; middleware belongs in `middleware/`"
        }
        Role::Plugin if !names_routes => {
            "does not name its routes: export `routes`, or move it into `routes/` under the name of \
             its route"
        }
        Role::Middleware if kind != Kind::Middleware => {
            "is not middleware: it does not export `lithe:plugin/middleware@0.1.0`; a route belongs in \
             `routes/` under another name"
        }
        Role::ErrorHandler if kind != Kind::ErrorHandler => {
            "is not an error handler: it does not export `lithe:plugin/error-handler@0.1.0`; a route belongs \
             into `routes/` under another name"
        }
        _ => return Ok(()),
    };
    Err(LoadError::Misplaced(misplaced))
}
