//! The SDKs of languages whose bindings nobody compiles are held to the contract's text here: a
//! change of `wit/` that one of them misses fails.

use std::path::Path;

use wit_parser::{Interface, TypeDefKind};

use super::*;

#[test]
fn every_file_of_the_contract_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, FILES.map(|(name, _)| name));
}

#[test]
fn each_kind_has_a_world() {
    use GuestKind::{Error, Hooks, Middleware, Route, Session};
    for kind in [Route, Hooks, Session, Middleware, Error] {
        World::new(kind, []).resolve().unwrap();
    }
}

#[test]
fn a_world_has_what_the_component_exports_besides() {
    let (resolve, world) = World::new(GuestKind::Hooks, Export::ALL).resolve().unwrap();
    let exports: Vec<String> =
        resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key)).collect();
    for export in Export::ALL {
        let name = format!("lithe:plugin/{}@0.1.0", export.interface());
        assert!(exports.contains(&name), "no `{name}` in {exports:?}");
    }
}

/// The interfaces that a component may import, but for `event`'s resource.
fn imported() -> Vec<(String, Interface, Resolve)> {
    let mut found: Vec<(String, Interface, Resolve)> = Vec::new();
    for kind in [GuestKind::Hooks, GuestKind::Session, GuestKind::Middleware] {
        let (resolve, world) = World::new(kind, []).resolve().unwrap();
        for (key, _) in &resolve.worlds[world].imports {
            let wit_parser::WorldKey::Interface(id) = key else { continue };
            let interface = resolve.interfaces[*id].clone();
            let name = interface.name.clone().unwrap();
            if !found.iter().any(|(other, ..)| *other == name) {
                found.push((name, interface, resolve.clone()));
            }
        }
    }
    assert_eq!(found.len(), 10);
    found
}

fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (start, rest) = word.split_at(1);
        name + &start.to_uppercase() + rest
    })
}

fn pascal(name: &str) -> String {
    let name = camel(name);
    let (start, rest) = name.split_at(1);
    start.to_uppercase() + rest
}

/// What a language has to say of an interface.
struct Said {
    /// Functions, and how many parameters each has; methods without the resource itself.
    functions: Vec<(String, usize)>,
    records: Vec<(String, Vec<String>)>,
    /// Variants and enums.
    cases: Vec<(String, Vec<String>)>,
}

fn said(interface: &Interface, resolve: &Resolve) -> Said {
    let mut said = Said { functions: Vec::new(), records: Vec::new(), cases: Vec::new() };
    for function in interface.functions.values() {
        let is_method = function.kind.resource().is_some();
        let parameters = function.params.len() - usize::from(is_method);
        said.functions.push((function.item_name().to_owned(), parameters));
    }
    for (name, id) in &interface.types {
        match &resolve.types[*id].kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| field.name.clone());
                said.records.push((name.clone(), fields.collect()));
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| case.name.clone());
                said.cases.push((name.clone(), cases.collect()));
            }
            TypeDefKind::Enum(all) => {
                let cases = all.cases.iter().map(|case| case.name.clone());
                said.cases.push((name.clone(), cases.collect()));
            }
            _ => {}
        }
    }
    said
}

#[test]
fn javascript_declares_what_the_contract_has() {
    let declared = include_str!("../../../../guest-sdk/js/src/contract.d.ts");
    for (name, interface, resolve) in imported() {
        let start = format!("declare module \"lithe:plugin/{name}@0.1.0\" {{");
        let (_, rest) = declared.split_once(&start).unwrap_or_else(|| panic!("no `{name}`"));
        let (module, _) = rest.split_once("\n}\n").unwrap();
        let said = said(&interface, &resolve);
        for (function, parameters) in &said.functions {
            let function = camel(function);
            let found = module.lines().find_map(|line| {
                let line = line.trim().trim_start_matches("export function ");
                line.strip_prefix(&format!("{function}("))?.split_once("): ")
            });
            let Some((list, _)) = found else { panic!("`{name}` lacks `{function}`") };
            assert_eq!(
                list.matches(": ").count(),
                *parameters,
                "`{name}` has another `{function}`"
            );
        }
        let functions = module.matches("export function ").count();
        if functions > 0 {
            assert_eq!(functions, said.functions.len(), "`{name}` has a function too many");
        }
        for (record, fields) in &said.records {
            let start = format!("export interface {} {{", pascal(record));
            let (_, rest) =
                module.split_once(&start).unwrap_or_else(|| panic!("`{name}` lacks `{record}`"));
            let (body, _) = rest.split_once('}').unwrap();
            for field in fields {
                let field = format!("{}: ", camel(field));
                assert!(body.contains(&field), "`{record}` lacks `{field}`");
            }
            assert_eq!(body.matches(": ").count(), fields.len(), "`{record}` has a field too many");
        }
        for (variant, cases) in said.cases.iter().filter(|(name, _)| !name.ends_with("-error")) {
            let (_, rest) = module
                .split_once(&format!("export type {} =", pascal(variant)))
                .unwrap_or_else(|| panic!("`{name}` lacks `{variant}`"));
            let body = rest.split(";\n").next().unwrap();
            for case in cases {
                assert!(body.contains(&format!("\"{case}\"")), "`{variant}` lacks `{case}`");
            }
        }
    }
}

#[test]
fn python_s_played_host_has_what_the_contract_has() {
    let played = include_str!("../../../../guest-sdk/python/lithe_sdk/_played.py");
    for (name, interface, resolve) in imported() {
        // Its resource is a class of `testing.py`, and used by its methods' names.
        if name == "event" {
            continue;
        }
        let (_, rest) = played
            .split_once(&format!("\n{name} = SimpleNamespace("))
            .unwrap_or_else(|| panic!("no `{name}`"));
        let module = rest.split("\n\n\n").next().unwrap();
        let said = said(&interface, &resolve);
        for (function, _) in &said.functions {
            let function = function.replace('-', "_");
            // Nothing of the SDK asks for it: a component is told when it upgrades.
            if function == "is_supported" {
                continue;
            }
            assert!(module.contains(&format!("{function}=")), "`{name}` lacks `{function}`");
        }
        for (record, fields) in &said.records {
            let record = pascal(record);
            let fields: Vec<String> =
                fields.iter().map(|field| format!("\"{}\"", field.replace('-', "_"))).collect();
            let made = format!("{record}=_record(\"{record}\", {})", fields.join(", "));
            assert!(module.contains(&made), "`{name}` lacks `{made}`");
        }
    }
}

#[test]
fn python_s_events_have_what_the_contract_s_have() {
    let testing = include_str!("../../../../guest-sdk/python/lithe_sdk/testing.py");
    let (_, interface, resolve) =
        imported().into_iter().find(|(name, ..)| name == "event").unwrap();
    for (method, _) in said(&interface, &resolve).functions {
        let method = format!("def {}(", method.replace('-', "_"));
        assert!(testing.contains(&method), "no `{method}`");
    }
}

#[test]
fn files_of_an_earlier_contract_go() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("earlier.wit"), "interface state {}").unwrap();
    std::fs::write(folder.path().join("component.wit"), "world own {}").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    write(folder.path()).unwrap();
    let is_there = |name| folder.path().join(name).exists();
    assert!(!is_there("earlier.wit"));
    assert!(is_there("component.wit") && is_there("notes.txt") && is_there(FILES[0].0));
}
