//! Variables of a UPS behind upsd, as dummy-ups plays them: all of them first, then what has changed.

use std::fmt::Write as _;
use std::time::Duration;

use muster_profiles::{Device, NutProfile};

use super::discreet::Variables as Discretion;
use super::{Args, LEFT_OUT, Out, Recorded, Trouble, head, interrupted, open, unwritten};
use crate::cli::{exit, profile as profiles};
use crate::clock::Stopwatch;
use crate::config::UpsName;
use crate::lines::printable;
use crate::sources::nut::{Variables, look, shown, variables};

/// Until the time is over, or it is interrupted.
pub(super) async fn record(args: &Args) -> Result<Recorded, Trouble> {
    let discretion = Discretion::new(profile(args)?, args.with_names, args.profile.is_some());
    let ups = ups(args).await?;
    let mut out = open(args.out.as_deref())?;
    let mut tape = Tape::default();
    let mut begin = head(args, &format!("ups {ups}"));
    if !args.with_names {
        begin += LEFT_OUT;
    }
    write(&mut out, &begin)?;
    let began = Stopwatch::start();
    let mut looks = tokio::time::interval(Duration::from_secs(args.every));
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = interrupted() => break,
        }
        let at_s = began.elapsed().as_secs();
        let said = variables(&args.address, args.ca.as_deref(), &ups).await;
        write(&mut out, &tape.take(at_s, said.map(|said| discretion.keep(said))))?;
        if began.elapsed() >= Duration::from_secs(args.seconds) {
            break;
        }
    }
    write(&mut out, &tape.until(began.elapsed().as_secs()))?;
    Ok(Recorded {
        count: tape.looks,
        what: "answers",
        cut: None,
    })
}

fn write(out: &mut Out, text: &str) -> Result<(), Trouble> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| unwritten(&error))
}

fn profile(args: &Args) -> Result<NutProfile, Trouble> {
    let name = args.profile.as_deref().unwrap_or("nut/ups");
    profiles::of_kind(name, "nut", Device::into_nut).map_err(|why| (exit::USAGE, why))
}

/// The one that was named, or the only one.
async fn ups(args: &Args) -> Result<UpsName, Trouble> {
    let no_name = |name: &str| (exit::USAGE, format!("{} is no name of a UPS", shown(name)));
    if let Some(name) = &args.ups {
        return UpsName::new(name).ok_or_else(|| no_name(name));
    }
    let seen = look(&args.address, args.ca.as_deref()).await;
    let seen = seen.map_err(|why| (exit::UNREACHABLE, why))?;
    match &seen[..] {
        [] => Err((exit::FINDING, "upsd knows no UPS".to_owned())),
        [only] => UpsName::new(&only.name).ok_or_else(|| no_name(&only.name)),
        many => {
            let names: Vec<String> = many.iter().map(|ups| format!("--ups {}", shown(&ups.name))).collect();
            let why = "a recording is of one UPS, and upsd knows several; give one of";
            Err((exit::USAGE, format!("{why} {}", names.join(", "))))
        }
    }
}

/// What has been written, so that only changes are.
#[derive(Default)]
struct Tape {
    said: Variables,
    trouble: Option<String>,
    /// Up to where the lines reach, in seconds.
    at_s: u64,
    looks: usize,
}

impl Tape {
    /// The lines of one look. A format that knows no silence says it in a comment; what was said before stays.
    fn take(&mut self, at_s: u64, said: Result<Variables, String>) -> String {
        let lines = match said {
            Ok(said) => {
                self.looks += 1;
                self.trouble = None;
                self.changed(said)
            }
            Err(why) if self.trouble.as_ref() == Some(&why) => String::new(),
            Err(why) => {
                let line = format!("# says nothing: {}\n", printable(&why));
                self.trouble = Some(why);
                line
            }
        };
        if lines.is_empty() {
            return lines;
        }
        self.until(at_s) + &lines
    }

    fn changed(&mut self, said: Variables) -> String {
        let mut lines = String::new();
        for (name, value) in &said {
            if self.said.get(name) != Some(value) {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "{}: {}", printable(name), printable(value));
            }
        }
        for name in self.said.keys().filter(|name| !said.contains_key(*name)) {
            let _ = writeln!(lines, "# no longer said: {}", printable(name));
        }
        self.said = said;
        lines
    }

    /// What was said holds until then.
    fn until(&mut self, at_s: u64) -> String {
        let past = at_s.saturating_sub(self.at_s);
        self.at_s = at_s;
        if past == 0 {
            return String::new();
        }
        format!("TIMER {past}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_profiles::capture::Capture;

    fn said(rows: &[(&str, &str)]) -> Result<Variables, String> {
        Ok(rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn only_changes_are_written_and_silence_is_a_comment() {
        let mut tape = Tape::default();
        let mut text = tape.take(0, said(&[("ups.status", "OL"), ("battery.charge", "100")]));
        text += &tape.take(1, said(&[("ups.status", "OL"), ("battery.charge", "100")]));
        text += &tape.take(2, said(&[("ups.status", "OB\u{1b}"), ("battery.charge", "100")]));
        text += &tape.take(3, Err("DATA-STALE".into()));
        text += &tape.take(4, Err("DATA-STALE".into()));
        text += &tape.take(5, said(&[("ups.status", "OL")]));
        text += &tape.until(6);
        assert_eq!(
            text,
            "battery.charge: 100\nups.status: OL\nTIMER 2\nups.status: OB\u{fffd}\nTIMER 1\n# says nothing: DATA-STALE\n\
             TIMER 2\nups.status: OL\n# no longer said: battery.charge\nTIMER 1\n"
        );
        let moments = Capture::variables(&text).unwrap();
        let states: Vec<_> = moments
            .iter()
            .map(|m| (m.at_ms, m.all["ups.status"].as_str()))
            .collect();
        assert_eq!(states[1], (2_000, "OB\u{fffd}"));
        assert_eq!(states.last().unwrap(), &(6_000, "OL"));
    }
}
