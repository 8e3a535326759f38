//! What a component is made of, without what is nested in it.

use anyhow::Context as _;
use wasm_encoder::{Component, RawSection};
use wasmparser::{Parser, Payload};

/// The component's own sections, in order.
///
/// # Errors
/// It is malformed.
pub(crate) fn of(component: &[u8]) -> anyhow::Result<Vec<Payload<'_>>> {
    let mut own = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let nests =
            matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. });
        let ends = matches!(payload, Payload::End(_));
        if depth == 0 {
            own.push(payload);
        }
        depth = if nests { depth.saturating_add(1) } else { depth.saturating_sub(ends.into()) };
    }
    Ok(own)
}

/// Adds a section to another component as it is.
///
/// # Errors
/// It is cut off.
pub(crate) fn copy(section: &Payload<'_>, from: &[u8], to: &mut Component) -> anyhow::Result<()> {
    let Some((id, range)) = section.as_section() else { return Ok(()) };
    to.section(&RawSection { id, data: from.get(range).context("a section is cut off")? });
    Ok(())
}
