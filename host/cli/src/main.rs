//! The program `lithe`.

/// It gives memory back to the system some seconds after a burst, on a thread of its own. The C
/// library's keeps most of it (ARCHITECTURE.md, "Speed").
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    lithe::main()
}
