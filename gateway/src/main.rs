//! `muster`: see `muster --help`.

/// The gateway alone: libraries and tests take what they are given.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    muster::cli::main()
}
