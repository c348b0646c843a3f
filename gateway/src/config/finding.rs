//! One thing that is wrong with a config, and what to do about it.

/// Whether a config with this finding may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may not.
    Error,
    /// It may, but its owner should know.
    Warning,
}

/// A fault with its place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Whether it stops the config from running.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub what: String,
    /// What to do, in one line.
    pub hint: String,
}

impl Finding {
    /// An error about a file as a whole.
    pub(super) fn of_file(file: &str, what: String, hint: &str) -> Self {
        let (file, hint) = (file.to_owned(), hint.to_owned());
        Self {
            file,
            line: 1,
            column: 1,
            severity: Severity::Error,
            what,
            hint,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self {
            file,
            line,
            column,
            what,
            hint,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {what}\n  hint: {hint}")
    }
}
