//! Lines of NUT's protocol, as words. What they say is looked at elsewhere; nothing that can stand in one is a surprise here.

/// A line that cannot be taken apart without guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Torn {
    /// A quote that opens and does not close.
    #[error("a quote that never closes")]
    OpenQuote,
    /// `"a"b` or `a"b`.
    #[error("a quote in the middle of a word")]
    QuoteInside,
    /// `\` with nothing behind it.
    #[error("a backslash at the end")]
    LooseBackslash,
}

/// The words of a line: blanks stand between them, except within quotes; `\` makes the next character an ordinary one.
pub(crate) fn words(line: &str) -> Result<Vec<String>, Torn> {
    let mut letters = line.chars().peekable();
    let mut words = Vec::new();
    loop {
        while letters.next_if(char::is_ascii_whitespace).is_some() {}
        match letters.peek() {
            None => return Ok(words),
            Some('"') => words.push(quoted(&mut letters)?),
            Some(_) => words.push(plain(&mut letters)?),
        }
    }
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(letters: &mut Letters<'_>) -> Result<String, Torn> {
    letters.next();
    let mut word = String::new();
    loop {
        match letters.next().ok_or(Torn::OpenQuote)? {
            '"' => break,
            '\\' => word.push(letters.next().ok_or(Torn::LooseBackslash)?),
            letter => word.push(letter),
        }
    }
    let ends = letters.peek().is_none_or(char::is_ascii_whitespace);
    ends.then_some(word).ok_or(Torn::QuoteInside)
}

fn plain(letters: &mut Letters<'_>) -> Result<String, Torn> {
    let mut word = String::new();
    while let Some(letter) = letters.next_if(|l| !l.is_ascii_whitespace()) {
        match letter {
            '"' => return Err(Torn::QuoteInside),
            '\\' => word.push(letters.next().ok_or(Torn::LooseBackslash)?),
            letter => word.push(letter),
        }
    }
    Ok(word)
}

/// What upsd says, short and without anything that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    let cut = text.chars().nth(SHOWN).map_or("", |_| "…");
    let head: String = text.chars().take(SHOWN).collect();
    format!("{}{cut}", head.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As upsd writes a value (`pconf_encode`).
    fn written(value: &str) -> String {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }

    #[test]
    fn words_are_taken_apart_as_upsd_puts_them_together() {
        for (line, expected) in [
            ("", vec![]),
            (" \t ", vec![]),
            (
                r#"VAR bat ups.status "OL CHRG""#,
                vec!["VAR", "bat", "ups.status", "OL CHRG"],
            ),
            (
                r#"VAR bat ups.id "a \"b\" \\ c""#,
                vec!["VAR", "bat", "ups.id", r#"a "b" \ c"#],
            ),
            (r#"VAR bat x """#, vec!["VAR", "bat", "x", ""]),
            ("  OK   Goodbye ", vec!["OK", "Goodbye"]),
            (r"a\ b c\\d", vec!["a b", r"c\d"]),
            ("VAR bat x \"\u{fffd}\u{0}\"", vec!["VAR", "bat", "x", "\u{fffd}\u{0}"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line:?}");
        }
    }

    #[test]
    fn what_would_have_to_be_guessed_is_refused() {
        for (line, torn) in [
            ("VAR bat x \"OL", Torn::OpenQuote),
            ("\"", Torn::OpenQuote),
            ("\"a\\\"", Torn::OpenQuote),
            ("\"a\"b", Torn::QuoteInside),
            ("\"a\"\"b\"", Torn::QuoteInside),
            ("a\"b\"", Torn::QuoteInside),
            ("a\\", Torn::LooseBackslash),
            ("\"a\\", Torn::LooseBackslash),
        ] {
            assert_eq!(words(line), Err(torn), "{line:?}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("\u{1b}[31mX\n"), "\\u{1b}[31mX\\n");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 61);
    }

    proptest! {
        #[test]
        fn any_value_comes_out_as_it_went_in(value in "[^\r\n]{0,80}") {
            let line = format!("VAR bat x {}", written(&value));
            prop_assert_eq!(words(&line).unwrap(), ["VAR", "bat", "x", value.as_str()]);
        }

        #[test]
        fn no_line_is_too_much(line in "(?s).{0,200}") {
            let _ = words(&line);
        }
    }
}
