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

/// Read a journal, or verify its chain
///
/// Prints its decisions, oldest first. Reads only; the gateway may be running.
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
            "removed_through": verified.removed.as_ref().map(|r| r.through),
        });
        writeln!(out, "{document}")?;
    } else if let Some(first) = first {
        writeln!(out, "chain broken in {} places, first: {first}", verified.breaks_total)?;
    } else {
        writeln!(out, "chain holds: {entries} entries, head {head}")?;
    }
    if let Some(removed) = verified.removed.as_ref().filter(|_| !as_json) {
        let (from, wall) = (removed.through + 1, wall(removed.wall_ms));
        writeln!(
            out,
            "from entry {from} on: those before were older than is kept and removed at {wall}, as entry {} says",
            removed.said_by
        )?;
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

#[cfg(test)]
mod tests {

    use std::path::Path;

    use clap::Parser;
    use rusqlite::Connection;

    use super::*;
    use crate::journal::tests::{Folder, written};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn said(path: &Path, flags: &[&str]) -> (u8, String) {
        let words = ["journal", path.to_str().unwrap()];
        let args = Line::try_parse_from(words.iter().chain(flags)).unwrap().args;
        let mut out = Vec::new();
        let code = print(&args, &mut out).unwrap_or_else(|failure| exit_of(&failure));
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_line_a_decision_with_wall_time_sequence_kind_and_words() {
        let folder = Folder::new();
        written(&folder.journal(), 400);
        let (code, text) = said(&folder.journal(), &[]);
        assert_eq!((code, text.lines().count()), (0, 1_200));
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            "2022-10-15T06:19:00.010Z       1  step_accepted    db-1.0.evacuate.busan accepted by its hook"
        );
        assert_eq!(said(&folder.journal(), &["--since", "1200"]).1.lines().count(), 1);
        assert_eq!(
            said(&folder.journal(), &["--events", "--since", "399"])
                .1
                .lines()
                .count(),
            2
        );
        assert_eq!(
            said(&folder.journal(), &["--since", "18446744073709551615"]),
            (0, String::new())
        );
    }

    #[test]
    fn json_is_one_document_whatever_it_holds() {
        let folder = Folder::new();
        for batches in [0, 400] {
            if batches > 0 {
                written(&folder.journal(), batches);
            } else {
                crate::journal::Journal::open(&folder.journal()).unwrap();
            }
            let lists: [(&[&str], &str, u64); 2] = [
                (&["--json"], "entries", batches * 3),
                (&["--json", "--events"], "events", batches),
            ];
            for (flags, name, n) in lists {
                let (code, text) = said(&folder.journal(), flags);
                let document: Value = serde_json::from_str(&text).unwrap();
                assert_eq!((code, document["schema"].as_u64()), (0, Some(1)));
                assert_eq!(document[name].as_array().unwrap().len() as u64, n);
            }
        }
        let document: Value = serde_json::from_str(&said(&folder.journal(), &["--json"]).1).unwrap();
        assert_eq!(document["entries"][4]["record"]["step"], "db-5.0.evacuate.busan");
    }

    #[test]
    fn verify_prints_the_head_or_names_the_first_break() {
        let folder = Folder::new();
        written(&folder.journal(), 2);
        let (code, text) = said(&folder.journal(), &["--verify"]);
        assert!(code == 0 && text.starts_with("chain holds: 6 entries, head "), "{text}");
        assert_eq!(text.trim_end().len(), "chain holds: 6 entries, head ".len() + 64);
        let conn = Connection::open(folder.journal()).unwrap();
        conn.execute("UPDATE entry SET at_ms = 0 WHERE seq IN (3, 5)", [])
            .unwrap();
        let (code, text) = said(&folder.journal(), &["--verify"]);
        assert!(
            code == 1 && text.starts_with("chain broken in 2 places, first: entry 3 "),
            "{text}"
        );
        let (code, text) = said(&folder.journal(), &["--verify", "--json"]);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (code, &document["holds"], &document["breaks_total"]),
            (1, &json!(false), &json!(2))
        );
    }

    #[test]
    fn what_is_no_journal_is_told_apart_by_the_exit_code() {
        let folder = Folder::new();
        assert_eq!(said(&folder.journal(), &[]).0, 64);
        std::fs::write(folder.journal(), "").unwrap();
        assert_eq!(said(&folder.journal(), &[]).0, 64);
        std::fs::write(folder.journal(), [0x5A; 9_000]).unwrap();
        assert_eq!(said(&folder.journal(), &["--verify"]).0, 1);
    }

    #[test]
    fn words_from_outside_do_not_steer_a_terminal() {
        assert_eq!(escaped("gas \u{1b}[2J\n\u{7}가스"), "gas \\u{1b}[2J\\n\\u{7}가스");
    }
}
