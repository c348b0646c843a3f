//! `muster sim --capture`: a recorded device answers again, over the real protocol.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use muster_profiles::Table;
use muster_profiles::capture::{Capture, Moment, Registers};
use muster_sim::modbus::recorded::{self, Cells};
use muster_sim::{modbus, nut, snmp};

use crate::cli::exit;
use crate::cli::interrupted::interrupted;
use crate::clock::Clock;
use crate::config::UpsName;
use crate::demo::story::Story;
use crate::lines;

/// How a recording is played.
#[derive(Debug, clap::Args)]
pub(super) struct Recording {
    /// Answer as the device did that was recorded: over Modbus TCP, SNMP v2c or NUT, as the recording is
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(super) capture: Option<PathBuf>,
    /// Of a recording: where it listens; port 0 takes a free one [default: 127.0.0.1:5020; SNMP :1161, NUT :13493]
    #[arg(long, requires = "capture")]
    listen: Option<SocketAddr>,
    /// Of a Modbus recording: its unit id
    #[arg(long, default_value_t = 1, requires = "capture")]
    unit: u8,
    /// Of an SNMP recording: the community it answers to
    #[arg(long, value_name = "WORD", default_value = "public", requires = "capture")]
    community: String,
    /// Of a NUT recording: the name of the UPS
    #[arg(long, value_name = "NAME", default_value = "ups", requires = "capture")]
    ups: String,
}

/// What answers; it ends when this is dropped.
enum Playing {
    Modbus(modbus::Device),
    Snmp(snmp::Played),
    Nut(nut::Server),
}

/// Plays a recording until it is interrupted.
pub(super) async fn run(path: &Path, how: &Recording) -> ExitCode {
    match play(path, how).await {
        Ok(playing) => {
            println!("{} answers on {}", path.display(), told(&playing, how));
            interrupted().await;
            if let Playing::Modbus(device) = playing {
                device.stop().await;
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("muster sim: {}: {why}", path.display());
            exit::USAGE.into()
        }
    }
}

fn told(playing: &Playing, how: &Recording) -> String {
    match playing {
        Playing::Modbus(device) => format!("{} as unit {}", device.addr(), how.unit),
        Playing::Snmp(agent) => {
            let left = match agent.unreadable {
                0 => String::new(),
                n => format!(" ({} of it cannot be answered for)", lines::many(n, "object")),
            };
            format!("{} by SNMP v2c, community {}{left}", agent.addr(), how.community)
        }
        Playing::Nut(server) => format!("{} by NUT, as UPS {}", server.addr(), how.ups),
    }
}

async fn play(path: &Path, how: &Recording) -> Result<Playing, String> {
    let text = std::fs::read(path).map_err(|why| format!("cannot be read: {why}"))?;
    // Recordings of others hold names in whatever their makers wrote.
    let text = String::from_utf8_lossy(&text);
    let listen = |port: u16| how.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)));
    match Capture::kind(&text) {
        Some("modbus") => registers(&text, listen(5_020), how).await,
        Some("snmp") => objects(&text, listen(1_161), how).await,
        Some(_) => variables(&text, listen(13_493), how).await,
        None => Err(NOTHING.to_owned()),
    }
}

const NOTHING: &str = "nothing was recorded";

async fn registers(text: &str, listen: SocketAddr, how: &Recording) -> Result<Playing, String> {
    let moments = Capture::registers(text).map_err(|why| why.to_string())?;
    let moments = moments.into_iter().map(of_sim).collect();
    let device = recorded::play(moments, listen, how.unit, story()).await;
    device.map(Playing::Modbus).map_err(|error| lines::with_causes(&error))
}

async fn objects(text: &str, listen: SocketAddr, how: &Recording) -> Result<Playing, String> {
    let records = Capture::records(text).map_err(|why| why.to_string())?;
    let object = |(oid, record): (&muster_profiles::Oid, &muster_profiles::capture::Record)| snmp::Object {
        arcs: oid.arcs().to_vec(),
        // No type has this tag: what is to be computed cannot be answered for.
        tag: record.tag.unwrap_or_default(),
        bytes: record.bytes.clone(),
    };
    let objects: Vec<_> = records.iter().map(object).collect();
    let agent = snmp::Played::start(&objects, listen, &how.community).await;
    agent.map(Playing::Snmp).map_err(|error| lines::with_causes(&error))
}

async fn variables(text: &str, listen: SocketAddr, how: &Recording) -> Result<Playing, String> {
    let name = UpsName::new(&how.ups).ok_or("--ups is no name of a UPS: letters, digits, `-`, `_` and dots")?;
    let moments = Capture::variables(text).map_err(|why| why.to_string())?;
    if moments.is_empty() {
        return Err(NOTHING.to_owned());
    }
    let moment = |moment: Moment<_>| nut::Moment {
        at_ms: moment.at_ms,
        variables: moment.all,
    };
    let moments = moments.into_iter().map(moment).collect();
    let server = nut::Server::play(moments, listen, name.as_str(), story()).await;
    server
        .map(Playing::Nut)
        .map_err(|error| format!("cannot listen on {listen}: {error}"))
}

/// It begins now.
fn story() -> Arc<Story> {
    Arc::new(Story::new(Clock::starting_at(0), 0))
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
