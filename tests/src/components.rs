//! Components that no tool makes.

use std::borrow::Cow;

use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentExportKind, ComponentInstanceSection,
    CustomSection, Function, FunctionSection, MemArg, MemorySection, MemoryType, Module,
    ModuleSection, NestedComponentSection, TypeSection, ValType,
};

/// Nested blocks. Each may be left from each.
const BLOCKS: u32 = 1_000;

/// Variables that all of them need.
const LOCALS: u32 = 1_000;

/// A well-formed, small component that takes the compiler minutes. Another number makes another
/// component.
pub fn slow_to_compile(number: u8) -> Vec<u8> {
    with_functions(&[(); 4].map(|()| tangle()), number)
}

/// A well-formed component that a compiler with 64 MiB cannot compile.
pub fn large_to_compile() -> Vec<u8> {
    with_functions(&[(); 8].map(|()| straight()), 0)
}

/// The component with another digest: it has one more custom section at its end, with this tag.
pub fn tagged(component: &str, tag: u8) -> Vec<u8> {
    let mut component = std::fs::read(component).expect("it is there");
    component.extend([0, 5, 3, b't', b'a', b'g', tag]);
    component
}

/// A component with a module of these functions.
fn with_functions(bodies: &[Function], number: u8) -> Vec<u8> {
    let (mut types, mut memories) = (TypeSection::new(), MemorySection::new());
    types.ty().function([ValType::I32], [ValType::I32]);
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for body in bodies {
        functions.function(0);
        code.function(body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&code);
    let mut component = Component::new();
    let number = CustomSection { name: "number".into(), data: Cow::Owned(vec![number]) };
    component.section(&ModuleSection(&module)).section(&number);
    component.finish()
}

/// A thousand variables that are all needed to the end, and nothing that can be left out.
fn straight() -> Function {
    let mut function = Function::new([(LOCALS, ValType::I32)]);
    let mut body = function.instructions();
    for number in 0..60_000u32 {
        let local = |factor: u32| number * factor % LOCALS;
        let place = MemArg { offset: u64::from(number % 1_000) * 4, align: 2, memory_index: 0 };
        body.i32_const(0).local_get(local(7)).local_get(local(13)).i32_mul();
        body.local_tee(local(31)).i32_store(place);
    }
    body.local_get(5).end();
    function
}

fn tangle() -> Function {
    let mut function = Function::new([(LOCALS, ValType::I32)]);
    let mut body = function.instructions();
    for _ in 0..BLOCKS {
        body.block(BlockType::Empty);
    }
    for block in 0..BLOCKS {
        if block % 8 == 0 {
            body.local_get(0).br_table(0..BLOCKS - block, 0);
        }
        for number in 0..4 {
            let local = 1 + (block * 7 + number * 13) % LOCALS;
            body.local_get(local).local_get(0).i32_add().local_set(1 + local * 31 % LOCALS);
        }
        body.end();
    }
    body.local_get(5).end();
    function
}

/// Nested components, which each instantiate the next one twice.
pub fn tower(levels: usize) -> Vec<u8> {
    let tower = (0..levels).fold(Component::new(), |inner, _| {
        let mut instances = ComponentInstanceSection::new();
        for _ in 0..2 {
            instances.instantiate(0, std::iter::empty::<(&str, ComponentExportKind, u32)>());
        }
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner)).section(&instances);
        outer
    });
    tower.finish()
}
