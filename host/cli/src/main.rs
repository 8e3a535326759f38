fn main() -> std::process::ExitCode {
    lithe::main()
}
