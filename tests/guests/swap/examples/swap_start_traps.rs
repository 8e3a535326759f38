//! A version that cannot even be instantiated.

test_guests_swap::version!("start-traps");

/// What is called when an instance is made.
#[allow(unsafe_code, reason = "the linker looks for this name")]
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // A panic must not leave it.
    std::process::abort();
}
