//! What stands at the top level, what files are called, and what no text may name.

use std::collections::BTreeSet;

use super::{assert_none, tree};

/// The rooms, and what a newcomer needs to enter them.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "firmware",
    "gateway",
    "hardware",
    "tests",
];

/// What a tool or a custom forces to stand there as well, with the reason. Tool configs are dotfiles.
const FORCED: &[(&str, &str)] = &[
    (
        "LICENSE-MIT",
        "package tools, hosts and licence scanners look for it beside the manifest",
    ),
    (
        "LICENSE-APACHE",
        "package tools, hosts and licence scanners look for it beside the manifest",
    ),
];

/// Words of file names that say nothing about what the file holds.
const EMPTY_NAMES: &[&str] = &["util", "utils", "manager", "managers", "misc"];

/// Folders of one machine; a path below them in a text works nowhere else.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "tmp/wt"];

fn strangers<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let tops: BTreeSet<&str> = paths.filter_map(|path| path.split('/').next()).collect();
    let known = |top: &str| top.starts_with('.') || TOP_LEVEL.contains(&top) || FORCED.iter().any(|row| row.0 == top);
    tops.into_iter().filter(|top| !known(top)).map(String::from).collect()
}

fn has_empty_name(path: &str) -> bool {
    let stems = path.split('/').filter_map(|part| part.split('.').next());
    let mut words = stems.flat_map(|stem| stem.split(['_', '-']));
    words.any(|word| EMPTY_NAMES.contains(&word.to_ascii_lowercase().as_str()))
}

/// Whether a line names a folder of one machine, as the start of a path.
fn names_a_machine(line: &str) -> bool {
    let names = |folder: &str| {
        let needle = format!("/{folder}/");
        let starts_a_path = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}*/".contains(c));
        line.match_indices(&needle).any(|(at, _)| starts_a_path(at))
    };
    MACHINE_FOLDERS.iter().any(|folder| names(folder))
}

#[test]
fn the_top_level_holds_the_rooms_and_nothing_else() {
    let tracked = tree::tracked();
    assert_none(
        "Does not belong at the top level:",
        &strangers(tracked.iter().map(String::as_str)),
    );
}

#[test]
fn files_are_named_after_what_they_hold() {
    let named: Vec<String> = tree::tracked()
        .into_iter()
        .filter(|path| has_empty_name(path))
        .collect();
    assert_none("A name that says nothing:", &named);
}

#[test]
fn no_text_names_a_path_of_one_machine() {
    let texts = tree::texts();
    let lines = texts
        .iter()
        .flat_map(|source| source.text.lines().enumerate().map(move |line| (&source.path, line)));
    let named = lines.filter(|(_, (_, line))| names_a_machine(line));
    let named: Vec<String> = named
        .map(|(path, (at, line))| format!("{path}:{}: {}", at + 1, line.trim()))
        .collect();
    assert_none("A path of one machine:", &named);
}

#[test]
fn planted_offences_are_seen() {
    let paths = [
        "Cargo.toml",
        "scripts/x.sh",
        ".ci/run",
        "gateway/src/lib.rs",
        "notes.md",
        "LICENSE-MIT",
    ];
    assert_eq!(strangers(paths.into_iter()), ["notes.md", "scripts"]);
    assert!(has_empty_name("gateway/src/utils.rs") && has_empty_name("gateway/hook_manager/mod.rs"));
    assert!(!has_empty_name("gateway/src/lanes.rs"));
    let machine = [
        "see ~work",
        "see \u{2f}work/x",
        "`\u{2f}tmp/wt/a`",
        "\"\u{2f}root/b\"",
        "https://host\u{2f}work/x",
    ];
    let seen: Vec<bool> = machine.into_iter().map(names_a_machine).collect();
    assert_eq!(seen, [false, true, true, true, false]);
}
