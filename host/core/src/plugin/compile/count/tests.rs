use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentImportSection, ComponentInstanceSection,
    ComponentOuterAliasKind, ComponentSectionId, ComponentTypeRef, ComponentTypeSection, Function,
    FunctionSection, InstanceSection, MemorySection, MemoryType, Module, ModuleSection,
    NestedComponentSection, RawSection, TypeSection,
};

use super::*;

fn checked(component: Component) -> String {
    match check(&component.finish()) {
        Ok(()) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn nested(inner: &Component) -> NestedComponentSection<'_> {
    NestedComponentSection(inner)
}

/// Instantiates the component with this index `times` times.
fn instances(component: u32, times: usize) -> ComponentInstanceSection {
    let mut section = ComponentInstanceSection::new();
    for _ in 0..times {
        section.instantiate(component, std::iter::empty::<(&str, ComponentExportKind, u32)>());
    }
    section
}

/// Nested components, each of which instantiates the next one `times` times.
fn tower(levels: usize, times: usize, leaf: Component) -> Component {
    (0..levels).fold(leaf, |inner, _| {
        let mut outer = Component::new();
        outer.section(&nested(&inner)).section(&instances(0, times));
        outer
    })
}

/// A component with a module that it instantiates `times` times.
fn modules(times: usize) -> Component {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    module.section(&memories);
    let mut instances = InstanceSection::new();
    for _ in 0..times {
        instances.instantiate(0, std::iter::empty::<(&str, wasm_encoder::ModuleArg)>());
    }
    let mut component = Component::new();
    component.section(&ModuleSection(&module)).section(&instances);
    component
}

#[test]
fn what_doubles_with_each_level_is_counted_and_not_written_out() {
    assert_eq!(checked(tower(8, 2, Component::new())), "fine");
    for levels in [10, 24, 45] {
        let refused = checked(tower(levels, 2, Component::new()));
        assert!(refused.contains("more than 1000 instances of components"), "{refused}");
    }
    assert_eq!(checked(tower(40, 1, modules(40))), "fine");
    let refused = checked(tower(6, 2, modules(40)));
    assert!(refused.contains("more than 1000 instances of modules"), "{refused}");
    // The leaf is a level, too.
    assert_eq!(checked(tower(MAX_DEPTH as usize - 1, 1, Component::new())), "fine");
    let refused = checked(tower(MAX_DEPTH as usize, 1, Component::new()));
    assert!(refused.contains("more than 50 levels of nested components"), "{refused}");
}

#[test]
fn definitions_count_as_often_as_they_are_instantiated() {
    let mut types = ComponentTypeSection::new();
    for _ in 0..20_000 {
        types.defined_type().tuple([wasm_encoder::PrimitiveValType::U8; 4]);
    }
    let mut leaf = Component::new();
    leaf.section(&types);
    assert_eq!(checked(tower(1, 100, leaf.clone())), "fine");
    let refused = checked(tower(1, 200, leaf));
    assert!(refused.contains("bytes of definitions"), "{refused}");
}

/// A component that aliases the one before it from around it, and instantiates that twice.
#[test]
fn components_from_around_count_as_those_inside() {
    let mut outer = Component::new();
    outer.section(&nested(&Component::new()));
    for level in 0..8 {
        let mut aliases = ComponentAliasSection::new();
        aliases.alias(Alias::Outer {
            kind: ComponentOuterAliasKind::Component,
            count: 1,
            index: level,
        });
        let mut inner = Component::new();
        inner.section(&aliases).section(&instances(0, 2));
        outer.section(&nested(&inner));
    }
    outer.section(&instances(8, 1));
    assert_eq!(checked(outer.clone()), "fine");
    outer.section(&instances(8, 1));
    assert!(checked(outer).contains("instances of components"));
}

/// What is exported has a second index, under which it can be instantiated.
#[test]
fn exported_components_have_another_index() {
    let mut outer = Component::new();
    outer.section(&nested(&tower(9, 2, Component::new())));
    let mut exports = ComponentExportSection::new();
    exports.export("a", ComponentExportKind::Component, 0, None);
    outer.section(&exports).section(&instances(1, 1));
    assert!(checked(outer).contains("instances of components"));
}

/// Only the component that supplies the import determines its size, and a tower can be built of
/// such components, too.
#[test]
fn a_component_that_is_imported_is_not_instantiated() {
    let mut types = ComponentTypeSection::new();
    types.component(&wasm_encoder::ComponentType::new());
    let mut imports = ComponentImportSection::new();
    imports.import("a", ComponentTypeRef::Component(0));
    let mut component = Component::new();
    component.section(&types).section(&imports);
    assert_eq!(checked(component.clone()), "fine");
    component.section(&instances(0, 1));
    assert!(checked(component).contains("instantiates a component that it imports"));
}

#[test]
fn functions_have_a_size() {
    let with = |size: usize| {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut function = Function::new([]);
        function.raw(std::iter::repeat_n(0x01, size)).instructions().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component
    };
    // Its body has a byte for the locals, and one for the end.
    let most = MAX_FUNCTION as usize - 2;
    assert_eq!(checked(with(most)), "fine");
    assert!(checked(with(most + 1)).contains("more than 1048576 bytes in one function"));
}

#[test]
fn all_modules_together_have_so_many_functions() {
    let with = |count: u64| {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        let mut empty = Function::new([]);
        empty.instructions().end();
        for _ in 0..count {
            functions.function(0);
            code.function(&empty);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        module
    };
    let both = |count: u64| {
        let (one, other) = (with(MAX_FUNCTIONS / 2), with(count));
        let mut component = Component::new();
        component.section(&ModuleSection(&one)).section(&ModuleSection(&other));
        component
    };
    assert_eq!(checked(both(MAX_FUNCTIONS / 2)), "fine");
    assert!(checked(both(MAX_FUNCTIONS / 2 + 1)).contains("more than 500000 functions"));
}

#[test]
fn what_is_no_component_is_malformed() {
    let mut component = Component::new();
    component.section(&RawSection { id: ComponentSectionId::Alias.into(), data: &[9; 9] });
    assert!(checked(component).contains("malformed"));
    for bytes in [&b"\0asm"[..], b"\0asm\x0d\0\x01\0\x04", b""] {
        assert!(matches!(check(bytes), Err(CompileError::Malformed(_))), "{bytes:?}");
    }
}
