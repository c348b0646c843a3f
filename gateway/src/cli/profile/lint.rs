//! `muster profile lint`.

use std::process::ExitCode;

use crate::cli::exit;

/// Name every fault of profile files at once, each with file, line and a hint
///
/// What may be right and is mostly wrong is named too.
///
/// Exit: 0 all are good, 64 at least one is not.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Profile files, or names of shipped profiles
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut bad = 0;
    for file in &args.files {
        let (device, doubts) = super::lint(file);
        doubts.iter().for_each(|doubt| println!("{doubt}"));
        match device {
            Ok(device) => println!(
                "{file}: good: {}, kind {}, {}",
                device.head().name(),
                device.kind(),
                many(device.signals().len())
            ),
            Err(faults) => {
                bad += 1;
                faults.iter().for_each(|fault| println!("{fault}"));
            }
        }
    }
    if bad == 0 {
        ExitCode::SUCCESS
    } else {
        exit::USAGE.into()
    }
}

fn many(signals: usize) -> String {
    if signals == 1 {
        "1 signal".to_owned()
    } else {
        format!("{signals} signals")
    }
}
