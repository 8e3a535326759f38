//! The example lounge, in a version that prints differently.

// By path: the two versions share the rest of their source.
#[path = "../../../../examples/guests/lounge/src/lounge.rs"]
mod lounge;

/// Between a name and what it says.
const SAYS: &str = " says: ";
