//! Dumps of `upsc`, and the sequences that dummy-ups plays.

use super::{CaptureError, Moment, Variables};

pub(super) fn parse(text: &str) -> Result<Vec<Moment<Variables>>, CaptureError> {
    let mut moments = vec![Moment::<Variables>::default()];
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        take(line, &mut moments).map_err(|what| CaptureError { line: n + 1, what })?;
    }
    moments.retain(|moment| !moment.all.is_empty());
    Ok(moments)
}

fn take(line: &str, moments: &mut Vec<Moment<Variables>>) -> Result<(), String> {
    let before = moments.last().cloned().unwrap_or_default();
    if let Some(seconds) = line.strip_prefix("TIMER ") {
        let seconds: u64 = seconds
            .trim()
            .parse()
            .map_err(|_| "a time is written `TIMER 60`, in seconds")?;
        let at_ms = seconds.checked_mul(1_000).and_then(|ms| before.at_ms.checked_add(ms));
        let at_ms = at_ms.ok_or("longer than all time")?;
        moments.push(Moment { at_ms, ..before });
        return Ok(());
    }
    // An alarm's text is nothing a profile reads.
    if line == "ALARM" || line.starts_with("ALARM ") {
        return Ok(());
    }
    let (name, value) = line
        .split_once(':')
        .ok_or("a line is `battery.charge: 100`, `TIMER 60` or `ALARM text`")?;
    if let Some(moment) = moments.last_mut() {
        moment
            .all
            .insert(name.trim().to_owned(), value.trim().trim_matches('"').to_owned());
    }
    Ok(())
}
