//! A version that cannot even be instantiated.

test_guests_swap::version!("start-traps");

/// What the linker has called when an instance is made.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    // It must not unwind.
    std::process::abort();
}
