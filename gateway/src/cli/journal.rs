//! `muster journal`: what was decided, and whether it still says what was written. Works beside a running gateway.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::journal::{JournalError, Reader, StoredEntry, StoredEvent, Verified, line};

/// Version of the JSON this command prints.
const SCHEMA: u32 = 1;
/// Something was found.
const FINDING: u8 = 1;
/// Usage, or a file that cannot be meant.
const USAGE: u8 = 64;
/// Our own fault, or the terminal's.
const OURS: u8 = 70;

/// Prints a journal's decisions, oldest first. Reads only; the gateway may be running.
///
/// Exit: 0 fine, 1 the chain or the file is broken, 64 no journal there.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The journal: what [store] path in the config names.
    file: PathBuf,
    /// Print the lines for people instead of the decisions.
    #[arg(long, conflicts_with = "verify")]
    events: bool,
    /// Begin with this sequence (with --events: this line's id).
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    since: u64,
    /// Follow the hash chain and print its head. A cut at the end shows only against a head noted elsewhere: note it.
    #[arg(long, conflicts_with = "since")]
    verify: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Why the command did not end well.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("cannot write to stdout: {0}")]
    Stdout(#[from] io::Error),
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match print(args, &mut io::stdout().lock()) {
        Ok(code) => code.into(),
        // `muster journal … | head` is no fault.
        Err(Failure::Stdout(e)) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "muster journal: {failure}");
            exit_of(&failure).into()
        }
    }
}

fn exit_of(failure: &Failure) -> u8 {
    match failure {
        Failure::Journal(JournalError::Corrupt { .. }) => FINDING,
        Failure::Journal(_) => USAGE,
        Failure::Stdout(_) => OURS,
    }
}

fn print(args: &Args, out: &mut impl Write) -> Result<u8, Failure> {
    let reader = Reader::open(&args.file)?;
    if args.verify {
        let verified = reader.verify()?;
        print_verified(&verified, args.json, out)?;
        return Ok(if verified.holds() { 0 } else { FINDING });
    }
    let since = i64::try_from(args.since).unwrap_or(i64::MAX);
    if args.events {
        print_all("events", args.json, since, |from| reader.events(from), out)?;
    } else {
        print_all("entries", args.json, since, |from| reader.entries(from), out)?;
    }
    out.flush()?;
    Ok(0)
}

/// Prints slice by slice, so that a slow pager keeps nothing of the gateway's waiting.
fn print_all<T: Listed>(
    name: &str,
    as_json: bool,
    since: i64,
    read: impl Fn(i64) -> Result<Vec<T>, JournalError>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if as_json {
        write!(out, "{{\"schema\":{SCHEMA},\"{name}\":[")?;
    }
    let (mut from, mut between) = (Some(since), "");
    while let Some(first) = from {
        let slice = read(first)?;
        from = slice.last().and_then(|last| last.place().checked_add(1));
        for row in &slice {
            if as_json {
                write!(out, "{between}\n{}", row.json())?;
                between = ",";
            } else {
                writeln!(out, "{}", escaped(&row.text()))?;
            }
        }
    }
    if as_json {
        writeln!(out, "\n]}}")?;
    }
    Ok(())
}

fn print_verified(verified: &Verified, as_json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let (entries, head) = (verified.entries, hex(&verified.head));
    let first = verified.breaks.first().map(ToString::to_string);
    if as_json {
        let breaks: Vec<_> = verified.breaks.iter().map(ToString::to_string).collect();
        let document = json!({
            "schema": SCHEMA, "holds": verified.holds(), "entries": entries, "head": head,
            "breaks": breaks, "breaks_total": verified.breaks_total,
        });
        writeln!(out, "{document}")?;
    } else if let Some(first) = first {
        writeln!(out, "chain broken in {} places, first: {first}", verified.breaks_total)?;
    } else {
        writeln!(out, "chain holds: {entries} entries, head {head}")?;
    }
    Ok(())
}

/// A row of either list.
trait Listed {
    /// Its sequence or id.
    fn place(&self) -> i64;
    /// For programs.
    fn json(&self) -> Value;
    /// For people.
    fn text(&self) -> String;
}

impl Listed for StoredEntry {
    fn place(&self) -> i64 {
        self.seq
    }

    fn json(&self) -> Value {
        let record: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        json!({
            "seq": self.seq, "at_ms": self.at_ms, "wall": wall(self.wall_ms), "kind": self.kind,
            "text": words(self), "record": record, "hash": hex(&self.hash),
        })
    }

    fn text(&self) -> String {
        format!(
            "{}  {:>6}  {:<15}  {}",
            wall(self.wall_ms),
            self.seq,
            self.kind,
            words(self)
        )
    }
}

impl Listed for StoredEvent {
    fn place(&self) -> i64 {
        self.id
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "at_ms": self.at_ms, "wall": wall(self.wall_ms), "kind": self.kind,
            "level": self.level, "subject": self.subject, "line": self.line,
        })
    }

    fn text(&self) -> String {
        let wall = wall(self.wall_ms);
        format!(
            "{wall}  {:>6}  {:<8}  {:<8}  {}: {}",
            self.id, self.level, self.kind, self.subject, self.line
        )
    }
}

fn words(entry: &StoredEntry) -> String {
    match entry.record() {
        Ok(record) => line(&record),
        Err(e) => format!("cannot be read: {e}"),
    }
}

/// RFC 3339, to the millisecond, in UTC.
fn wall(unix_ms: i64) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("{unix_ms} ms"),
    }
}

/// Words from outside must not steer a terminal.
fn escaped(text: &str) -> String {
    let one = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(one).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
