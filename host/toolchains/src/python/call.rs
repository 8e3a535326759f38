//! A function that runs Python's text, added to a component of an interpreter.
//!
//! What is called are functions that its core modules export to each other: those of Python's C
//! API, and those with which componentize-py makes what was opened at the build be forgotten. A
//! call of one of the component's own exports would not do: the first one reads the environment,
//! and it is for the host.

use std::collections::HashMap;

use anyhow::Context as _;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, Component,
    ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentTypeSection,
    ExportKind, ExportSection, Function, FunctionSection, ImportSection, InstanceSection, Module,
    ModuleArg, ModuleSection, PrimitiveValType, TypeSection, ValType,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ExternalKind, Instance, Parser, Payload,
};

use crate::sections;

/// The function's name. It takes a text that ends in a NUL, and answers 0 where all went well.
pub(super) const NAME: &str = "run-python";

/// What the function calls: the name, the parameters and the results, all of the type `i32`.
const CALLED: [(&str, usize, usize); 6] = [
    ("malloc", 1, 1),
    ("PyGILState_Ensure", 0, 1),
    ("PyRun_SimpleString", 1, 1),
    ("PyGILState_Release", 1, 0),
    ("__wasilibc_reset_preopens", 0, 0),
    ("reset_adapter_state", 0, 0),
];

/// How many there are of what is known by its number.
#[derive(Default)]
struct Counts {
    modules: u32,
    instances: u32,
    core_functions: u32,
    functions: u32,
    types: u32,
}

/// Adds the function.
///
/// # Errors
/// The component is malformed, or is not an interpreter that componentize-py has made.
pub(super) fn add(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let sections = sections::of(component)?;
    let mut counts = Counts::default();
    let mut changed = Component::new();
    // The modules that export what is called, and then the instances of those modules.
    let (mut modules, mut instances) = (HashMap::new(), HashMap::new());
    for section in &sections {
        if let Payload::ModuleSection { unchecked_range, .. } = section {
            let module = component.get(unchecked_range.clone()).context("a module is cut off")?;
            for name in called_by(module)? {
                modules.entry(counts.modules).or_insert_with(Vec::new).push(name);
            }
        }
        if let Payload::InstanceSection(own) = section {
            for (number, instance) in (counts.instances..).zip(own.clone()) {
                if let Instance::Instantiate { module_index, .. } = instance? {
                    let names = modules.remove(&module_index).unwrap_or_default();
                    instances.extend(names.into_iter().map(|name| (name, number)));
                }
            }
        }
        counts.add(section)?;
        sections::copy(section, component, &mut changed)?;
    }
    let instance_of = |name: &str| {
        let found = instances.get(name).copied();
        found.with_context(|| format!("no module of it exports `{name}`"))
    };
    let mut arguments = Vec::new();
    for (name, ..) in CALLED {
        arguments.push((name, ModuleArg::Instance(instance_of(name)?)));
    }
    changed.section(&ModuleSection(&caller()));
    let mut own = InstanceSection::new();
    own.instantiate(counts.modules, arguments);
    changed.section(&own);
    let mut aliases = ComponentAliasSection::new();
    for name in ["run", "realloc"] {
        let (instance, kind) = (counts.instances, ExportKind::Func);
        aliases.alias(Alias::CoreInstanceExport { instance, kind, name });
    }
    changed.section(&aliases);
    let mut types = ComponentTypeSection::new();
    types
        .function()
        .params([("text", PrimitiveValType::String)])
        .result(Some(PrimitiveValType::S32.into()));
    changed.section(&types);
    let mut lifts = CanonicalFunctionSection::new();
    let (run, realloc) = (counts.core_functions, counts.core_functions.saturating_add(1));
    let options =
        [CanonicalOption::UTF8, CanonicalOption::Memory(0), CanonicalOption::Realloc(realloc)];
    lifts.lift(run, counts.types, options);
    changed.section(&lifts);
    let mut exports = ComponentExportSection::new();
    exports.export(NAME, ComponentExportKind::Func, counts.functions, None);
    changed.section(&exports);
    Ok(changed.finish())
}

/// What a module exports of what is called.
fn called_by(module: &[u8]) -> anyhow::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            let export = export?;
            let called = CALLED.iter().map(|(name, ..)| *name).find(|name| *name == export.name);
            found.extend(called.filter(|_| export.kind == ExternalKind::Func));
        }
    }
    Ok(found)
}

/// The module that calls them.
fn caller() -> Module {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    let i32s = |count| vec![ValType::I32; count];
    for (number, (name, parameters, results)) in (0..).zip(CALLED) {
        types.ty().function(i32s(parameters), i32s(results));
        imports.import(name, name, wasm_encoder::EntityType::Function(number));
    }
    let [malloc, ensure, run, release, reset_preopens, reset_adapter] = [0, 1, 2, 3, 4, 5];
    types.ty().function(i32s(2), i32s(1));
    types.ty().function(i32s(4), i32s(1));
    let (mut functions, mut exports) = (FunctionSection::new(), ExportSection::new());
    functions.function(6).function(7);
    exports.export("run", ExportKind::Func, 6).export("realloc", ExportKind::Func, 7);
    let mut runs = Function::new([(2, ValType::I32)]);
    let (text, state, result) = (0, 2, 3);
    runs.instructions()
        .call(ensure)
        .local_set(state)
        .local_get(text)
        .call(run)
        .local_set(result)
        .local_get(state)
        .call(release)
        .call(reset_preopens)
        .call(reset_adapter)
        .local_get(result)
        .end();
    let mut reallocs = Function::new([]);
    let size = 3;
    reallocs.instructions().local_get(size).call(malloc).end();
    let mut code = CodeSection::new();
    code.function(&runs).function(&reallocs);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module
}

impl Counts {
    /// Counts what a section defines.
    fn add(&mut self, section: &Payload<'_>) -> anyhow::Result<()> {
        match section {
            Payload::ModuleSection { .. } => count(&mut self.modules, 1),
            Payload::InstanceSection(own) => count(&mut self.instances, own.count()),
            Payload::ComponentTypeSection(own) => count(&mut self.types, own.count()),
            Payload::ComponentImportSection(own) => {
                for import in own.clone() {
                    self.add_one(import?.ty.kind());
                }
            }
            Payload::ComponentExportSection(own) => {
                for export in own.clone() {
                    self.add_one(export?.kind);
                }
            }
            Payload::ComponentAliasSection(own) => {
                for alias in own.clone() {
                    match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => self.add_one(kind),
                        ComponentAlias::CoreInstanceExport { kind, .. } => {
                            count(&mut self.core_functions, (kind == ExternalKind::Func).into());
                        }
                        ComponentAlias::Outer { kind, .. } => match kind {
                            ComponentOuterAliasKind::Type => count(&mut self.types, 1),
                            ComponentOuterAliasKind::CoreModule => count(&mut self.modules, 1),
                            _ => {}
                        },
                    }
                }
            }
            Payload::ComponentCanonicalSection(own) => {
                for function in own.clone() {
                    match function? {
                        CanonicalFunction::Lift { .. } => count(&mut self.functions, 1),
                        _ => count(&mut self.core_functions, 1),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_one(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Func => count(&mut self.functions, 1),
            ComponentExternalKind::Type => count(&mut self.types, 1),
            ComponentExternalKind::Module => count(&mut self.modules, 1),
            _ => {}
        }
    }
}

/// Saturates: no component that can be run has more.
fn count(counted: &mut u32, more: u32) {
    *counted = counted.saturating_add(more);
}
