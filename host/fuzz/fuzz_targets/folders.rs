//! No folder makes what looks at sites panic or wait, and nothing outside of it is reached.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../folders/mod.rs"]
mod folders;

use folders::Folders;

static FOLDERS: LazyLock<Folders> = LazyLock::new(Folders::default);

fuzz_target!(|program: &[u8]| FOLDERS.look(program));
