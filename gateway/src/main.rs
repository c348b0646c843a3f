//! `muster`: see `muster --help`.

fn main() -> std::process::ExitCode {
    muster::cli::main()
}
