//! A component without some of its exports.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{ReencodeComponent as _, RoundtripReencoder};
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection,
};
use wasmparser::Payload;

use crate::contract::Export;
use crate::sections;

/// Leaves out what a component may export besides what its kind says, but for `kept`.
///
/// # Errors
/// The component is malformed.
pub(super) fn keep(component: &[u8], kept: &BTreeSet<Export>) -> anyhow::Result<Vec<u8>> {
    let is_left_out = |name: &str| {
        Export::ALL.iter().any(|export| !kept.contains(export) && export.full_name() == name)
    };
    let mut changed = Component::new();
    for section in sections::of(component)? {
        let Payload::ComponentExportSection(exports) = section else {
            sections::copy(&section, component, &mut changed)?;
            continue;
        };
        for export in exports {
            let export = export?;
            if is_left_out(export.name.name) {
                // An export is an instance, too, and what follows is known by its number.
                let mut empty = ComponentInstanceSection::new();
                empty.export_items([("", ComponentExportKind::Func, 0); 0]);
                changed.section(&empty);
            } else {
                let mut own = ComponentExportSection::new();
                RoundtripReencoder.parse_component_export(&mut own, export)?;
                changed.section(&own);
            }
        }
    }
    Ok(changed.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_moves_no_number() {
        let names = [Export::State, Export::Health, Export::Routes].map(Export::full_name);
        let mut component = Component::new();
        for (number, name) in (0..).step_by(2).zip(&names) {
            let mut instance = ComponentInstanceSection::new();
            instance.export_items([("", ComponentExportKind::Func, 0); 0]);
            let mut exports = ComponentExportSection::new();
            exports.export(name, ComponentExportKind::Instance, number, None);
            component.section(&instance).section(&exports);
        }
        // By the number that the first export has made.
        let mut again = ComponentExportSection::new();
        again.export("again", ComponentExportKind::Instance, 1, None);
        component.section(&again);

        let changed = keep(&component.finish(), &BTreeSet::from([Export::Health])).unwrap();
        wasmparser::Validator::new().validate_all(&changed).unwrap();
        let mut left = Vec::new();
        for section in sections::of(&changed).unwrap() {
            let Payload::ComponentExportSection(exports) = section else { continue };
            left.extend(exports.into_iter().map(|export| export.unwrap().name.name.to_owned()));
        }
        assert_eq!(left, [&names[1], "again"]);
    }
}
