//! No table and no path makes the router panic, and a table answers as its routes would alone.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../router/mod.rs"]
mod property;

fuzz_target!(|input: &str| property::holds_for(input));
