//! What is wrong with a profile, and where.

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what} ({hint})")]
pub struct Fault {
    /// The file, as it was named to [`crate::Profile::parse`].
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// Collects the faults of one text.
pub(crate) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Fault>,
    doubts: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(text: &'a str, file: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// Notes a fault at a byte of the text.
    pub(crate) fn add(&mut self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        let fault = self.at(at, what.into(), hint.into());
        self.found.push(fault);
    }

    /// Notes what may be right and is mostly wrong.
    pub(crate) fn doubt(&mut self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        let doubt = self.at(at, what.into(), hint.into());
        self.doubts.push(doubt);
    }

    fn at(&self, at: usize, what: String, hint: String) -> Fault {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        Fault {
            file: self.file.to_owned(),
            line: before.iter().filter(|b| **b == b'\n').count() + 1,
            what,
            hint,
        }
    }

    /// `Ok` where nothing was found; else everything, in the order of lines. Beside it the doubts.
    pub(crate) fn into_result<T>(mut self, value: Option<T>) -> (Result<T, Vec<Fault>>, Vec<Fault>) {
        self.found.sort_by_key(|f| f.line);
        let result = match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.found),
        };
        (result, self.doubts)
    }
}

/// The word of `words` that a misspelt one most likely meant, as a hint; else all of them.
pub(crate) fn nearest(word: &str, words: &[&str]) -> String {
    let near = words.iter().map(|w| (distance(word, w), w)).min();
    match near {
        Some((far, near)) if far <= 2 => format!("did you mean {near}?"),
        _ => format!("one of: {}", words.join(", ")),
    }
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_nearest_word_or_all() {
        assert_eq!(nearest("adress", &["address", "name"]), "did you mean address?");
        assert_eq!(nearest("colour", &["address", "name"]), "one of: address, name");
        assert_eq!(
            (distance("kitten", "sitting"), distance("", "ab"), distance("ab", "")),
            (3, 2, 2)
        );
    }

    #[test]
    fn a_place_beyond_the_text_is_its_last_line() {
        let mut faults = Faults::new("a\nb", "f");
        faults.add(99, "x", "y");
        assert_eq!(faults.into_result(Some(())).0.map_err(|f| f[0].line), Err(2));
    }
}
