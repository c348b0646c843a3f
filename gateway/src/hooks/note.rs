//! A hook's own words, made fit for a screen and a log.

/// Characters kept of a hook's words (design §6).
const CHARS: usize = 200;

/// The first 200 characters of what a hook said, on one line, without control characters or marks that turn the
/// direction of writing: nothing a hook says may forge a line of the log.
pub(super) fn clean(bytes: &[u8]) -> String {
    // Four bytes a character and some white space to fold: no need to look at a whole page of HTML.
    let head = &bytes[..bytes.len().min(CHARS * 8)];
    one_line(&String::from_utf8_lossy(head), CHARS)
}

/// At most `chars` characters of a text, on one line: nothing in it can begin a header, a line of a log or a new paragraph.
pub(crate) fn one_line(text: &str, chars: usize) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || hides(c))
        .filter(|w| !w.is_empty())
        .collect();
    words.join(" ").chars().take(chars).collect()
}

fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn is_one_line_of_at_most_200_characters() {
        assert_eq!(clean(b"no room\r\n  in \x1b[31mrack 7\0"), "no room in [31mrack 7");
        assert_eq!(clean("é".repeat(5_000).as_bytes()).chars().count(), 200);
        assert_eq!(clean("a\u{202e}b".as_bytes()), "a b");
        assert_eq!(clean(&[0xff; 1_000]).chars().count(), 200);
        assert_eq!(clean(b""), "");
    }
}
