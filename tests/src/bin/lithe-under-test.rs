//! The host, built together with the tests.

fn main() -> std::process::ExitCode {
    lithe::main()
}
