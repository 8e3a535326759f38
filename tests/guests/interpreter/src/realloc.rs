//! Our own `cabi_realloc`: where the host places what it answers, and where a guest may not call
//! it.

use std::alloc::{Layout, alloc, handle_alloc_error, realloc};
use std::cell::RefCell;

use crate::interpreter::Machine;

thread_local! {
    static NEXT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs the code at the next call.
pub fn run_next(code: Vec<u8>) {
    NEXT.replace(Some(code));
}

/// As the component model asks for.
///
/// # Safety
/// The host calls it with what it has been given before.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_length: usize,
    align: usize,
    new_length: usize,
) -> *mut u8 {
    if let Some(code) = NEXT.take() {
        Machine::default().run(&code);
    }
    let layout = |length| Layout::from_size_align(length, align);
    let (Ok(before), Ok(after)) = (layout(old_length), layout(new_length)) else {
        std::arch::wasm32::unreachable()
    };
    let place = match (old_length, new_length) {
        (0, 0) => return std::ptr::without_provenance_mut(align),
        // SAFETY: the length is not 0.
        (0, _) => unsafe { alloc(after) },
        // SAFETY: the host passes on what it was given, with its length.
        _ => unsafe { realloc(old, before, new_length) },
    };
    if place.is_null() {
        handle_alloc_error(after);
    }
    place
}
