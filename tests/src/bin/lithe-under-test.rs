//! The host, built together with the tests.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    lithe::main()
}
