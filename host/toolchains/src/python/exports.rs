//! A component without some of its exports.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{ReencodeComponent as _, RoundtripReencoder};
use wasm_encoder::{Component, ComponentExportSection, ComponentInstanceSection};
use wasmparser::Payload;

use super::sections;
use crate::contract::Export;

/// Leaves out what a component may export besides what its kind says, but for `kept`.
///
/// # Errors
/// The component is malformed.
pub fn keep(component: &[u8], kept: &BTreeSet<Export>) -> anyhow::Result<Vec<u8>> {
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
                empty.export_items([("", wasm_encoder::ComponentExportKind::Func, 0); 0]);
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
