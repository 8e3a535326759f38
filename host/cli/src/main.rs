#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    lithe::main()
}
