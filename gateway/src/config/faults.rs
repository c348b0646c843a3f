//! Collects every fault of one file, with line and column.

use std::cell::RefCell;

use super::finding::{Finding, Severity};

/// A value and the byte of the file at which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

impl<T> At<T> {
    pub(super) const fn new(value: T, at: usize) -> Self {
        Self { value, at }
    }

    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At::new(f(self.value), self.at)
    }
}

/// Every fault of one file. Readers hold it shared, hence the cell.
pub(super) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
    found: RefCell<Vec<Finding>>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let after_newline = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            file,
            text,
            line_starts: std::iter::once(0).chain(after_newline).collect(),
            found: RefCell::default(),
        }
    }

    /// The config may not run.
    pub(super) fn error(&self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, at, what.into(), hint.into());
    }

    /// The config may run, but its owner should know.
    pub(super) fn warning(&self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, at, what.into(), hint.into());
    }

    /// A fault in another file that this one names.
    pub(super) fn elsewhere(&self, file: String, line: usize, what: String, hint: String) {
        let finding = Finding {
            file,
            line,
            column: 1,
            severity: Severity::Error,
            what,
            hint,
        };
        self.found.borrow_mut().push(finding);
    }

    fn add(&self, severity: Severity, at: usize, what: String, hint: String) {
        let (line, column) = self.place(at);
        let file = self.file.to_owned();
        self.found.borrow_mut().push(Finding {
            file,
            line,
            column,
            severity,
            what,
            hint,
        });
    }

    /// Line and column, both from 1; the column in characters, as editors count.
    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// Everything found, in the order of the file.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        found
    }
}

/// A word from the file as it may be shown: no control characters, at most 60 characters.
pub(super) fn quoted(word: &str) -> String {
    const SHOWN: usize = 60;
    let cut = word.chars().nth(SHOWN).map_or("", |_| "…");
    let head: String = word.chars().take(SHOWN).collect();
    format!("`{}{cut}`", head.escape_debug())
}
