//! Counts what a component amounts to when it is compiled.
//!
//! A component may contain others and instantiate each of them any number of times, and so may
//! these. The compiler writes all instances out, so a few hundred bytes can grow to any size. Here
//! they are counted instead: each nested component once, and then multiplied. That takes time in
//! proportion to the file.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload,
};

use super::CompileError;

/// How deep components may be nested. Composed ones are three or four deep.
const MAX_DEPTH: u64 = 50;

/// The most functions of all modules together. CPython has 30,000.
const MAX_FUNCTIONS: u64 = 500_000;

/// The most bytes of one function. The largest real functions, the loops of interpreters, have a
/// tenth of it. The compiler's time and memory grow faster than this size.
const MAX_FUNCTION: u64 = 1024 * 1024;

/// What an instance of a component consists of, with everything nested in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    /// The number of components. A real component has a handful.
    instances: u64,
    /// The number of modules. Real components have up to 38; the pool has 50 for one.
    core_instances: u64,
    memories: u64,
    tables: u64,
    /// The bytes of types, imports, exports, aliases, and anything else that is defined outside of
    /// modules. Real components have up to some 100 kB.
    definitions: u64,
}

/// The most of each.
const MAX: Size = Size {
    instances: 1_000,
    core_instances: 1_000,
    memories: 1_000,
    tables: 1_000,
    definitions: 16 * 1024 * 1024,
};

impl Size {
    fn add(&mut self, other: Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.core_instances = self.core_instances.saturating_add(other.core_instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
        self.definitions = self.definitions.saturating_add(other.definitions);
    }

    fn check(&self) -> Result<(), CompileError> {
        check_max(self.instances, MAX.instances, "instances of components in all")?;
        check_max(self.core_instances, MAX.core_instances, "instances of modules in all")?;
        check_max(self.memories, MAX.memories, "memories in all")?;
        check_max(self.tables, MAX.tables, "tables in all")?;
        check_max(self.definitions, MAX.definitions, "bytes of definitions in all")
    }
}

/// A module or component that is being read.
#[derive(Default)]
struct Frame {
    is_component: bool,
    own: Size,
    /// The sizes of its components and modules, by index. None if it imports one or takes it from
    /// an instance.
    components: Vec<Option<Size>>,
    modules: Vec<Option<Size>>,
}

/// Counts what a component amounts to, without compiling or validating it.
///
/// # Errors
/// It is malformed, or amounts to more than any real component.
pub(crate) fn check(bytes: &[u8]) -> Result<(), CompileError> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut functions: u64 = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        match &payload {
            Payload::Version { encoding, .. } => {
                let is_component = *encoding == Encoding::Component;
                frames.push(Frame { is_component, ..Frame::default() });
                check_max(frames.len() as u64, MAX_DEPTH, "levels of nested components")?;
            }
            Payload::End(_) => {
                let Some(done) = frames.pop() else { break };
                if let Some(outer) = frames.last_mut() {
                    let space =
                        if done.is_component { &mut outer.components } else { &mut outer.modules };
                    space.push(Some(done.own));
                }
            }
            Payload::CodeSectionStart { count, .. } => {
                functions = functions.saturating_add(u64::from(*count));
                check_max(functions, MAX_FUNCTIONS, "functions")?;
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                check_max(range.len() as u64, MAX_FUNCTION, "bytes in one function")?;
            }
            payload => section(payload, &mut frames)?,
        }
    }
    Ok(())
}

/// Adds one section to what is being read.
fn section(payload: &Payload<'_>, frames: &mut [Frame]) -> Result<(), CompileError> {
    let Some((frame, around)) = frames.split_last_mut() else { return Ok(()) };
    match payload {
        Payload::MemorySection(memories) => {
            frame.own.add(Size { memories: memories.count().into(), ..Size::default() });
        }
        Payload::TableSection(tables) => {
            frame.own.add(Size { tables: tables.count().into(), ..Size::default() });
        }
        Payload::InstanceSection(instances) => {
            for instance in instances.clone() {
                frame.add_core_instance(&instance.map_err(malformed)?);
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances.clone() {
                frame.add_instance(&instance.map_err(malformed)?)?;
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports.clone() {
                match import.map_err(malformed)?.ty {
                    ComponentTypeRef::Component(_) => frame.components.push(None),
                    ComponentTypeRef::Module(_) => frame.modules.push(None),
                    _ => {}
                }
            }
        }
        // An export has a second index from there on.
        Payload::ComponentExportSection(exports) => {
            for export in exports.clone() {
                let export = export.map_err(malformed)?;
                frame.define(export.kind, |space| known(space, export.index));
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases.clone() {
                alias_of(alias.map_err(malformed)?, frame, around);
            }
        }
        _ => {}
    }
    let is_counted = frame.is_component
        && !matches!(
            payload,
            Payload::ModuleSection { .. }
                | Payload::ComponentSection { .. }
                | Payload::CustomSection(_)
        );
    if let Some((_, range)) = payload.as_section().filter(|_| is_counted) {
        let definitions = range.len() as u64;
        frame.own.add(Size { definitions, ..Size::default() });
    }
    frame.own.check()
}

impl Frame {
    /// Adds what an instance of a module takes. A module that is not known counts as one instance.
    fn add_core_instance(&mut self, instance: &Instance<'_>) {
        if let Instance::Instantiate { module_index, .. } = instance {
            let module = known(&self.modules, *module_index).unwrap_or_default();
            self.own.add(Size { core_instances: 1, ..module });
        }
    }

    /// Adds what an instance of a component takes, with everything in it.
    ///
    /// # Errors
    /// The component is not known: it may take anything.
    fn add_instance(&mut self, instance: &ComponentInstance<'_>) -> Result<(), CompileError> {
        if let ComponentInstance::Instantiate { component_index, .. } = instance {
            let component = known(&self.components, *component_index);
            let unknown = || CompileError::Excessive(UNKNOWN_COMPONENT.to_owned());
            self.own.add(component.ok_or_else(unknown)?);
            self.own.add(Size { instances: 1, ..Size::default() });
        }
        Ok(())
    }

    /// Defines one more module or component. Ignores other kinds.
    fn define(
        &mut self,
        kind: ComponentExternalKind,
        size: impl FnOnce(&[Option<Size>]) -> Option<Size>,
    ) {
        let space = match kind {
            ComponentExternalKind::Component => &mut self.components,
            ComponentExternalKind::Module => &mut self.modules,
            _ => return,
        };
        let size = size(space);
        space.push(size);
    }
}

/// `around` are the components that contain this one, innermost last.
fn alias_of(alias: ComponentAlias<'_>, frame: &mut Frame, around: &[Frame]) {
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => frame.define(kind, |_| None),
        ComponentAlias::CoreInstanceExport { .. } => {}
        ComponentAlias::Outer { kind, count, index } => {
            let kind = match kind {
                ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                _ => return,
            };
            let outer = (count as usize).checked_sub(1).map(|above| {
                let outer = around.iter().rev().nth(above)?;
                let space = match kind {
                    ComponentExternalKind::Component => &outer.components,
                    _ => &outer.modules,
                };
                known(space, index)
            });
            frame.define(kind, |own| outer.unwrap_or_else(|| known(own, index)));
        }
    }
}

/// The size at an index. None if it is unknown, or if the index does not exist, which validation
/// refuses later.
fn known(space: &[Option<Size>], index: u32) -> Option<Size> {
    space.get(index as usize).copied().flatten()
}

fn check_max(count: u64, max: u64, what: &str) -> Result<(), CompileError> {
    match count <= max {
        true => Ok(()),
        false => Err(CompileError::Excessive(format!("it has more than {max} {what}"))),
    }
}

fn malformed(error: wasmparser::BinaryReaderError) -> CompileError {
    CompileError::Malformed(error.to_string())
}

/// Its size depends on the component that instantiates the one around it, and this may be nested to
/// any depth.
const UNKNOWN_COMPONENT: &str = "it instantiates a component that it imports, or takes from an instance: \
    have the component in it instead";

#[cfg(test)]
mod tests;
