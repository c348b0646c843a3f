//! placeholder
use std::process::ExitCode;
/// x
#[derive(Debug, clap::Args)]
pub struct Args {}
/// x
pub async fn run(_: Args) -> ExitCode {
    ExitCode::SUCCESS
}
