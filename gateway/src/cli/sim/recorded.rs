//! `muster sim --capture`: a recorded device answers again, over the real protocol.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use muster_profiles::Table;
use muster_profiles::capture::{Capture, Moment, Registers};
use muster_sim::modbus::recorded::{self, Cells};

use crate::cli::exit;
use crate::cli::interrupted::interrupted;
use crate::clock::Clock;
use crate::demo::story::Story;
use crate::lines;

/// How a recording is played.
#[derive(Debug, clap::Args)]
pub(super) struct Recording {
    /// Answer over Modbus TCP as the device did that `muster capture` recorded
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(super) capture: Option<PathBuf>,
    /// Of a recording: where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:5020", requires = "capture")]
    listen: SocketAddr,
    /// Of a recording: its unit id
    #[arg(long, default_value_t = 1, requires = "capture")]
    unit: u8,
}

/// Plays a recording until it is interrupted.
pub(super) async fn run(path: &Path, how: &Recording) -> ExitCode {
    match play(path, how).await {
        Ok(device) => {
            println!("{} answers on {} as unit {}", path.display(), device.addr(), how.unit);
            interrupted().await;
            device.stop().await;
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("muster sim: {why}");
            exit::USAGE.into()
        }
    }
}

async fn play(path: &Path, how: &Recording) -> Result<muster_sim::modbus::Device, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|why| named(format!("cannot be read: {why}")))?;
    let moments = Capture::registers(&text).map_err(|why| named(why.to_string()))?;
    if moments.is_empty() {
        return Err(named("nothing was recorded".to_owned()));
    }
    let moments = moments.into_iter().map(of_sim).collect();
    let story = Arc::new(Story::new(Clock::starting_at(0), 0));
    let device = recorded::play(moments, how.listen, how.unit, story).await;
    device.map_err(|error| lines::with_causes(&error))
}

fn of_sim(moment: Moment<Registers>) -> recorded::Moment {
    let cell = |((table, address), word): ((Table, u16), u16)| {
        let cells = match table {
            Table::Holding => Cells::Holding,
            Table::Input => Cells::Input,
            Table::Coil => Cells::Coil,
            Table::Discrete => Cells::Discrete,
        };
        (cells, address, word)
    };
    recorded::Moment {
        at_ms: moment.at_ms,
        cells: moment.all.into_iter().map(cell).collect(),
    }
}
