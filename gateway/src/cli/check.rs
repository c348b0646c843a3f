//! `muster check`: every fault of every file at once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, Finding, Severity, load};
use crate::lines::many;

/// Exit code for faults of usage or config (sysexits' `EX_USAGE`).
const EXIT_CONFIG: u8 = 64;

/// Find every fault of config files at once, each with file, line and a hint
///
/// Exit 0: all files can run, though there may be warnings. Exit 64: at least one cannot.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Config files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// One JSON document instead of lines
    #[arg(long)]
    pub json: bool,
}

/// Prints what it found to stdout. Exit 0 or 64.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let checked: Vec<_> = args.files.iter().map(|file| Checked::of(file)).collect();
    let text = if args.json { json(&checked) } else { lines(&checked) };
    // A reader that has gone away changes nothing about the answer.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if checked.iter().all(|c| c.counts.is_some()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_CONFIG)
    }
}

/// What one file came to.
#[derive(serde::Serialize)]
struct Checked {
    file: String,
    /// None for a file that cannot run.
    counts: Option<Counts>,
    errors: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

/// How much a config holds.
#[derive(serde::Serialize)]
struct Counts {
    zones: usize,
    sources: usize,
    channels: usize,
    groups: usize,
    workloads: usize,
}

impl Checked {
    fn of(file: &Path) -> Self {
        let (counts, findings) = match load(file) {
            Ok((config, warnings)) => (Some(Counts::of(&config)), warnings),
            Err(findings) => (None, findings),
        };
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        Self {
            file: file.display().to_string(),
            counts,
            errors,
            warnings,
            findings,
        }
    }

    fn summary(&self) -> String {
        let tally = format!("{}, {}", many(self.errors, "error"), many(self.warnings, "warning"));
        match &self.counts {
            Some(counts) => format!("{}: ok: {}; {tally}", self.file, counts.summary()),
            None => format!("{}: cannot run: {tally}", self.file),
        }
    }
}

impl Counts {
    fn of(config: &Config) -> Self {
        let site = &config.site;
        Self {
            zones: site.zones.len(),
            sources: site.sources.len(),
            channels: site.channels.len(),
            groups: site.groups.len(),
            workloads: site.workloads.len(),
        }
    }

    fn summary(&self) -> String {
        let each = [
            many(self.zones, "zone"),
            many(self.sources, "source"),
            many(self.channels, "channel"),
            many(self.groups, "group"),
            many(self.workloads, "workload"),
        ];
        each.join(", ")
    }
}

fn lines(checked: &[Checked]) -> String {
    let mut text = String::new();
    for finding in checked.iter().flat_map(|c| &c.findings) {
        let _ = writeln!(text, "{finding}");
    }
    for file in checked {
        let _ = writeln!(text, "{}", file.summary());
    }
    text
}

fn json(checked: &[Checked]) -> String {
    format!("{}\n", serde_json::json!({ "schema": 1, "files": checked }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Vec<Checked> {
        vec![Checked::of(Path::new("no/such/file.toml"))]
    }

    #[test]
    fn a_file_that_is_not_there_is_a_finding() {
        let text = lines(&missing());
        assert!(
            text.starts_with("no/such/file.toml:1:1: error: the config cannot be read: No such file"),
            "{text}"
        );
        assert!(
            text.ends_with("no/such/file.toml: cannot run: 1 error, 0 warnings\n"),
            "{text}"
        );
    }

    #[test]
    fn a_good_file_is_one_line() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pangyo-as-built.toml");
        let text = lines(&[Checked::of(&file)]);
        assert!(text.contains(".toml: ok: 2 zones, 4 sources, "), "{text}");
        assert!(
            text.ends_with(" channels, 2 groups, 12 workloads; 0 errors, 0 warnings\n"),
            "{text}"
        );
    }

    #[test]
    fn json_carries_its_schema_and_every_finding() {
        let document: serde_json::Value = serde_json::from_str(&json(&missing())).unwrap();
        assert_eq!(document["schema"], 1);
        assert_eq!(document["files"][0]["counts"], serde_json::Value::Null);
        assert_eq!(document["files"][0]["findings"][0]["severity"], "error");
        assert_eq!(document["files"][0]["findings"][0]["line"], 1);
    }
}
