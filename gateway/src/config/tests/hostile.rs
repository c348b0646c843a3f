//! Files made to hurt: none of them panics, hangs or is taken.

use std::path::Path;

use proptest::prelude::*;

use super::{GOOD, brief, check};
use crate::config::{MAX_BYTES, load, parse};

/// The one finding for a file with these bytes.
fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    std::fs::write(&path, bytes).unwrap();
    let findings = load(&path).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    brief(&findings).remove(0)
}

#[test]
fn files_that_are_no_config() {
    assert!(refused(&vec![b'#'; MAX_BYTES as usize + 1]).ends_with(&format!("it is larger than {MAX_BYTES} bytes")));
    assert!(refused(b"[site]\nid = \"\xff\"\n").ends_with("it is not UTF-8 text"));
    assert!(refused(b"[site]\nid = here\n").starts_with("2 error not TOML: "));
    assert!(
        load(Path::new("/")).unwrap_err()[0]
            .what
            .ends_with("it is not a regular file")
    );
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(refused(deep.as_bytes()).starts_with("1 error not TOML: "));
}

#[test]
fn a_key_that_stands_there_twice_keeps_nothing_else_from_being_checked() {
    let found = brief(&check(
        "[site]\nid = \"a\"\nid = \"b\"\nbogus = 1\n[[zone]]\nid = \"z\"\n[site]\n[[zone]]\nid = \"z\"\n",
    ));
    for part in [
        "3 error this key stands there twice",
        "4 error [site] has no key `bogus`",
        "7 error this key stands there twice",
        "9 error a second zone with the id `z`",
    ] {
        assert!(found.iter().any(|line| line == part), "{part}: {found:#?}");
    }
}

#[test]
fn an_empty_file_names_what_it_needs() {
    let found = brief(&check(""));
    assert!(
        found.contains(&"1 error `[site]` is missing in the file".to_owned()),
        "{found:#?}"
    );
    assert!(
        found.contains(&"1 error `[[source]]` is missing in the file".to_owned()),
        "{found:#?}"
    );
}

#[test]
fn words_are_shown_without_their_control_characters_and_cut() {
    let shown = brief(&check(&GOOD.replacen("id = \"room\"", "id = \"\\u001b[31m\\n\"", 1)));
    assert!(shown.iter().all(|line| !line.contains(['\u{1b}', '\n'])), "{shown:#?}");
    let long = GOOD.replacen("id = \"room\"", &format!("id = \"{}\"", "x".repeat(100_000)), 1);
    assert!(check(&long).iter().all(|f| f.to_string().len() < 500));
}

#[test]
fn the_largest_files_are_checked_without_running_away() {
    let zones: String = (0..70_000).map(|ix| format!("{{id=\"{ix}\"}},")).collect();
    let found = brief(&check(&format!("zone = [{zones}]\n")));
    assert!(
        found.contains(&"1 error 70000 tables [[zone]]".to_owned()),
        "{}",
        found.len()
    );
    let chain: String = (0..10_000)
        .map(|ix| format!("[[workload]]\nid=\"w{ix}\"\nafter=[\"w{}\"]\n", (ix + 1) % 10_000))
        .collect();
    assert!(
        brief(&check(&chain))
            .iter()
            .any(|f| f.contains("workloads wait for each other"))
    );
    let unknown: String = (0..10_000)
        .map(|ix| format!("[[channel]]\nsource=\"no-such-{ix}\"\nsignal=\"x\"\n"))
        .collect();
    assert!(check(&format!("{GOOD}{unknown}")).len() >= 10_000);
    let loops: String = (0..10_000)
        .map(|ix| format!("[[workload]]\nid=\"w{ix}\"\nafter=[\"w{ix}\"]\n"))
        .collect();
    assert!(check(&loops).len() >= 10_000, "each names itself");
}

/// Words a config is made of, so that random files get past the first table.
const WORDS: &[&str] = &[
    "site",
    "zone",
    "source",
    "channel",
    "hook",
    "workload",
    "rung",
    "principal",
    "id",
    "kind",
    "\"node\"",
    "\"modbus\"",
    "signals",
    "adjacent",
    "after",
    "watch",
    "alarm",
    "below",
    "k",
    "n",
    "\"a\"",
    "\"127.0.0.1:1\"",
    "-1",
    "1e99",
    "nan",
    "true",
    "false",
    "=",
    "\n",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    ".",
    "\"\"",
    "0x7fffffffffffffff",
    "1979-05-27",
    "profile",
    "\"generic/dry-contacts\"",
    "needs_s",
    "listen",
    "url",
    "\"http://[::1]/\"",
    "secret",
    "\"whsec_\"",
    "_",
];

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text, Path::new("site.toml"));
    }

    #[test]
    fn arbitrary_words_never_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let _ = parse(&words.join(" "), Path::new("site.toml"));
    }

    /// One line of a good file replaced by another of its lines or by a key with an odd value.
    #[test]
    fn a_changed_line_never_panics(
        line in 0_usize..42,
        with in prop_oneof![
            (0_usize..42).prop_map(|l| GOOD.lines().nth(l).unwrap_or("").to_owned()),
            (prop::sample::select(WORDS), prop::sample::select(WORDS)).prop_map(|(k, v)| format!("{k} = {v}")),
        ],
    ) {
        let text: Vec<_> = GOOD.lines().enumerate().map(|(ix, l)| if ix == line { with.as_str() } else { l }).collect();
        for finding in check(&text.join("\n")) {
            prop_assert!(finding.line >= 1 && finding.line <= 42 && !finding.hint.is_empty());
        }
    }

    #[test]
    fn a_cut_file_never_panics(at in 0_usize..GOOD.len()) {
        check(&GOOD[..at]);
    }
}
