//! Lines of registers.

use super::{CaptureError, Moment, Registers};
use crate::Table;

/// See the module above.
pub(super) fn parse(text: &str) -> Result<Vec<Moment<Registers>>, CaptureError> {
    let mut moments: Vec<Moment<Registers>> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        take(line, &mut moments).map_err(|what| CaptureError { line: n + 1, what })?;
    }
    Ok(moments)
}

fn take(line: &str, moments: &mut Vec<Moment<Registers>>) -> Result<(), String> {
    if let Some(time) = line.strip_prefix("at ") {
        let at_ms = time.trim().strip_suffix("ms").and_then(|ms| ms.trim().parse().ok());
        let at_ms = at_ms.ok_or("a time is written `at 1000 ms`")?;
        let before = moments.last().cloned().unwrap_or_default();
        if at_ms < before.at_ms {
            return Err(format!("{at_ms} ms is before {} ms", before.at_ms));
        }
        moments.push(Moment { at_ms, ..before });
        return Ok(());
    }
    let moment = moments.last_mut().ok_or("say `at 0 ms` first")?;
    if line.starts_with("refused ") || line.starts_with("silent ") {
        return forget(line, &mut moment.all);
    }
    let (place, values) = line.split_once(':').ok_or(LINE)?;
    let (table, address) = place.trim().split_once(' ').ok_or(LINE)?;
    let (table, address) = (table_of(table)?, address.trim().parse::<u16>().map_err(|_| LINE)?);
    for (n, value) in (0..).zip(values.split_whitespace()) {
        let address = address.checked_add(n).ok_or("past address 65535")?;
        moment.all.insert((table, address), word(value)?);
    }
    Ok(())
}

const LINE: &str = "a line is `holding 128: 0x0000 0x0E10`: table, address from 0, and what stands there";

/// What a device refuses, or is silent about, it does not hold any more.
fn forget(line: &str, all: &mut Registers) -> Result<(), String> {
    const WANTED: &str = "written `refused input 300 8: exception 2` or `silent input 300 8`";
    let place = line.split(':').next().unwrap_or_default();
    let mut words = place.split_whitespace().skip(1);
    let (Some(table), Some(from), Some(count), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(WANTED.into());
    };
    let (from, count) = (from.parse::<u16>(), count.parse::<u16>());
    let (from, count) = (from.map_err(|_| WANTED)?, count.map_err(|_| WANTED)?);
    let table = table_of(table)?;
    all.retain(|(t, address), _| *t != table || !(from..from.saturating_add(count)).contains(address));
    Ok(())
}

fn table_of(word: &str) -> Result<Table, String> {
    match word {
        "holding" => Ok(Table::Holding),
        "input" => Ok(Table::Input),
        "coil" => Ok(Table::Coil),
        "discrete" => Ok(Table::Discrete),
        _ => Err(format!("{word:?} is no table: holding, input, coil or discrete")),
    }
}

fn word(text: &str) -> Result<u16, String> {
    let parsed = text
        .strip_prefix("0x")
        .map_or_else(|| text.parse(), |hex| u16::from_str_radix(hex, 16));
    parsed.map_err(|_| format!("{text:?} is no register: 0x0000 to 0xFFFF, or 0 to 65535"))
}
