//! Registers of a Modbus device, look after look.

use std::time::Duration;

use muster_profiles::{Block, Device, Table};

use super::{Args, Out, Recorded, Trouble, head, interrupted, open, unwritten};
use crate::cli::{exit, profile as profiles};
use crate::clock::Stopwatch;
use crate::sources::modbus::Recorder;

/// An answer later than this is none, where no profile says otherwise.
const WITHIN: Duration = Duration::from_secs(2);

/// `table:from-to`.
pub(super) fn range(text: &str) -> Result<Block, String> {
    const WANTED: &str = "such as holding:0-99 (125 at most at once; bits 2,000)";
    let (table, numbers) = text.split_once(':').ok_or(WANTED)?;
    let table = match table {
        "holding" => Table::Holding,
        "input" => Table::Input,
        "coil" => Table::Coil,
        "discrete" => Table::Discrete,
        _ => return Err(format!("{table:?} is no table: holding, input, coil or discrete")),
    };
    let (from, to) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let (start, last): (u16, u16) = (from.parse().map_err(|_| WANTED)?, to.parse().map_err(|_| WANTED)?);
    let count = last.checked_sub(start).and_then(|n| n.checked_add(1)).ok_or(WANTED)?;
    let fits = count <= table.most_per_read();
    fits.then_some(Block { table, start, count })
        .ok_or_else(|| WANTED.to_owned())
}

/// Until the time is over, or it is interrupted.
pub(super) async fn record(args: &Args) -> Result<Recorded, Trouble> {
    let mut recorder = recorder(args).await?;
    let mut out = open(args.out.as_deref())?;
    let what = format!("{} unit {}", args.address, args.unit);
    let begin = out.write_all(head(args, &what).as_bytes());
    begin.map_err(|error| unwritten(&error))?;
    let count = looks(args, &mut recorder, &mut out).await;
    Ok(Recorded {
        count: count.map_err(|error| unwritten(&error))?,
        what: "answers",
        cut: None,
    })
}

async fn recorder(args: &Args) -> Result<Recorder, Trouble> {
    let port = args.line.port(&args.address).map_err(|why| (exit::USAGE, why))?;
    let Some(name) = &args.profile else {
        let blocks = args.registers.clone();
        if blocks.is_empty() {
            let why = "of a Modbus device say what to record: --profile PROFILE, or --registers holding:0-99";
            return Err((exit::USAGE, why.to_owned()));
        }
        return Ok(Recorder::new(port, args.unit, WITHIN, blocks));
    };
    let profile = profiles::of_kind(name, "modbus", Device::into_modbus).map_err(|why| (exit::USAGE, why))?;
    let recorder = Recorder::of_profile(port, args.unit, &profile).await;
    recorder.map_err(|why| (exit::UNREACHABLE, why))
}

async fn looks(args: &Args, recorder: &mut Recorder, out: &mut Out) -> std::io::Result<usize> {
    let began = Stopwatch::start();
    let mut looks = tokio::time::interval(Duration::from_secs(args.every));
    let mut all = 0;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = interrupted() => break,
        }
        let at_ms = began.elapsed().as_millis();
        let (lines, answered) = recorder.look().await;
        all += answered;
        if !lines.is_empty() {
            writeln!(out, "at {at_ms} ms")?;
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            out.flush()?;
        }
        if began.elapsed() >= Duration::from_secs(args.seconds) {
            break;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_refused_with_what_is_wanted() {
        let block = range("holding:0-99").unwrap();
        assert_eq!((block.table, block.start, block.count), (Table::Holding, 0, 100));
        assert_eq!(range("input:446").unwrap().count, 1);
        assert!(range("discrete:0-1999").is_ok());
        for wrong in [
            "holding",
            "holding:",
            "holding:5-4",
            "holding:0-125",
            "holdng:1",
            "coil:0-2000",
            "input:70000",
        ] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
