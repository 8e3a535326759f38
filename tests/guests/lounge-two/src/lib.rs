//! The example lounge, in a version that prints differently.

#[path = "../../../../examples/guests/lounge/src/lounge.rs"]
mod lounge;

/// Between a name and what it says.
const SAYS: &str = " says: ";
