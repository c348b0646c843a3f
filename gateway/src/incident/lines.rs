//! A file as statements, each with its line, its words and its mark.

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// From 1.
    pub(super) line: usize,
    /// What stands before `|`.
    pub(super) text: String,
    /// What stands behind it.
    pub(super) mark: Option<String>,
}

impl Statement {
    /// First word and the rest.
    pub(super) fn split(&self) -> (&str, &str) {
        split(&self.text)
    }
}

/// First word and the rest.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

/// The statements of a file. Comment lines and empty ones are left out, indented ones joined to the one before.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut raw: Vec<(usize, String)> = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let trimmed = content.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match raw.last_mut() {
            Some((_, before)) if content.starts_with(char::is_whitespace) => {
                before.push(' ');
                before.push_str(trimmed);
            }
            _ => raw.push((line, trimmed.to_owned())),
        }
    }
    raw.into_iter().map(|(line, text)| statement(line, &text)).collect()
}

fn statement(line: usize, text: &str) -> Statement {
    let (text, mark) = match text.split_once(" | ") {
        Some((text, mark)) => (text, Some(mark.trim().to_owned())),
        None => (text, None),
    };
    Statement {
        line,
        text: text.trim().to_owned(),
        mark,
    }
}
