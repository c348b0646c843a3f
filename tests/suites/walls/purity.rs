//! What no room may contain: `unsafe`, a second reader of a clock, a write to a device. Lints can be allowed away in the
//! file that breaks them; these walls read the tokens themselves. Comments and strings do not count.

use proc_macro2::{TokenStream, TokenTree};

use super::tree::Source;
use super::{assert_none, tree};

/// Rooms that run on a microcontroller, or must decide alike there and here.
const NO_STD: &[&str] = &[
    "firmware/wire/src/lib.rs",
    "firmware/node/src/lib.rs",
    "gateway/core/src/lib.rs",
];

/// What reads a clock, as `Type::now`.
const CLOCKS: &[&str] = &["Instant", "SystemTime", "Timestamp", "Zoned"];

/// Everything in tokio-modbus that names a function code that writes.
const MODBUS_WRITES: &[&str] = &[
    "write_single_coil",
    "write_multiple_coils",
    "write_single_register",
    "write_multiple_registers",
    "masked_write_register",
    "read_write_multiple_registers",
    "WriteSingleCoil",
    "WriteMultipleCoils",
    "WriteSingleRegister",
    "WriteMultipleRegisters",
    "MaskWriteRegister",
    "ReadWriteMultipleRegisters",
];

/// Everything in async-snmp that sends more than a question.
const SNMP_WRITES: &[&str] = &[
    "set",
    "set_many",
    "SetRequest",
    "send_trap",
    "send_v1_trap",
    "send_inform",
];
/// Where alone async-snmp is spoken to: by who asks, and by who answers in the asked one's place.
const SNMP: [&str; 2] = ["gateway/src/sources/snmp/", "tests/sim/src/snmp.rs"];

/// Identifiers and punctuation in order, groups flattened; literals, and with them doc comments, are left out.
fn words(stream: TokenStream) -> Vec<String> {
    let words = stream.into_iter().flat_map(|tree| match tree {
        TokenTree::Group(group) => words(group.stream()),
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Punct(punct) => vec![punct.to_string()],
        TokenTree::Literal(_) => Vec::new(),
    });
    words.collect()
}

fn words_of(source: &Source) -> Vec<String> {
    words(
        source
            .text
            .parse()
            .unwrap_or_else(|fault| panic!("{}: {fault}", source.path)),
    )
}

fn clock_read(words: &[String]) -> Option<String> {
    let reads = |four: &&[String]| CLOCKS.contains(&four[0].as_str()) && four[1..] == [":", ":", "now"];
    words.windows(4).find(reads).map(|four| four.concat())
}

fn is_board(path: &str) -> bool {
    path.starts_with("firmware/boards/")
}

fn offences(source: &Source) -> Vec<String> {
    let words = words_of(source);
    let mut found = Vec::new();
    if !is_board(&source.path) && words.iter().any(|word| word == "unsafe") {
        found.push("unsafe, outside firmware/boards".to_owned());
    }
    if !is_board(&source.path) && !source.path.ends_with("/clock.rs") {
        found.extend(clock_read(&words).map(|read| format!("{read}, outside clock.rs")));
    }
    let writes = words.iter().filter(|word| MODBUS_WRITES.contains(&word.as_str()));
    found.extend(writes.map(|word| format!("{word}: Muster never writes to a device")));
    found.extend(snmp(&source.path, &words));
    found
        .into_iter()
        .map(|what| format!("{}: {what}", source.path))
        .collect()
}

fn snmp(path: &str, words: &[String]) -> Vec<String> {
    let word = |of: &[&str]| {
        words
            .iter()
            .filter(|w| of.contains(&w.as_str()))
            .cloned()
            .collect::<Vec<_>>()
    };
    if SNMP.iter().any(|place| path.starts_with(place)) {
        let writes = word(SNMP_WRITES);
        return writes
            .iter()
            .map(|w| format!("{w}: Muster never writes to a device"))
            .collect();
    }
    let elsewhere = word(&["async_snmp"]);
    elsewhere.iter().map(|w| format!("{w}, outside {}", SNMP[0])).collect()
}

/// Whether a crate's root says `#![no_std]` and `#![forbid(unsafe_code)]`. An empty crate has nothing to guard.
fn guarded(text: &str) -> bool {
    let file = syn::parse_file(text).expect("Rust");
    let no_std = file.attrs.iter().any(|attr| attr.path().is_ident("no_std"));
    let forbids = |attr: &syn::Attribute| {
        attr.path().is_ident("forbid")
            && attr
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("unsafe_code"))
    };
    file.items.is_empty() || (no_std && file.attrs.iter().any(forbids))
}

#[test]
fn no_room_contains_what_none_may() {
    let found: Vec<String> = tree::rust().iter().flat_map(offences).collect();
    assert_none("Forbidden in the source:", &found);
}

#[test]
fn the_pure_rooms_are_no_std_without_unsafe() {
    let all = tree::rust();
    let roots: Vec<&Source> = all
        .iter()
        .filter(|source| NO_STD.contains(&source.path.as_str()))
        .collect();
    assert_eq!(roots.len(), NO_STD.len(), "a pure room is missing");
    let open = roots.iter().filter(|source| !guarded(&source.text));
    let open: Vec<String> = open.map(|source| source.path.clone()).collect();
    assert_none("Needs #![no_std] and #![forbid(unsafe_code)]:", &open);
}

#[test]
fn planted_offences_are_seen() {
    let planted = |text: &str| {
        let (path, text) = ("gateway/src/planted.rs".to_owned(), text.to_owned());
        offences(&Source { path, text }).len()
    };
    assert_eq!(planted("fn f() { unsafe { g() } }"), 1);
    assert_eq!(planted("fn f() { let _ = std::time::Instant::now(); }"), 1);
    assert_eq!(planted("m! { tokio::time::Instant::now() }"), 1);
    assert_eq!(planted("fn f() { context.write_single_coil(1, true) }"), 1);
    assert_eq!(planted("use async_snmp::Client;"), 1);
    let set = "fn f() { client.set(&oid, value) }".to_owned();
    let path = format!("{}link.rs", SNMP[0]);
    assert_eq!(offences(&Source { path, text: set }).len(), 1, "an SNMP SET");
    assert_eq!(
        planted("/// Unlike Instant::now, never unsafe.\nfn f() { say(\"unsafe\") }"),
        0
    );
    assert!(!guarded("#![no_std]\nfn f() {}"));
    assert!(!guarded("#![forbid(unsafe_code)]\nfn f() {}"));
    assert!(guarded("#![no_std]\n#![forbid(unsafe_code)]\nfn f() {}"));
}
