//! What the design names but this version has not got. It is refused by name, never silently ignored.

/// What to do about it.
pub(super) const HINT: &str = "this comes in a later version of Muster; remove it until then";

/// Table and key.
const KEYS: &[(&str, &str)] = &[
    ("the file", "peer"),
    ("[http]", "tls"),
    ("[http]", "cert"),
    ("[http]", "key"),
    ("[[channel]]", "rate"),
    ("[[workload]]", "probe"),
];

/// Table, key and word.
const WORDS: &[(&str, &str, &[&str])] = &[("[[source]]", "kind", &["modbus-rtu", "modbus-tls"])];

/// Whether the key of this table is planned.
pub(super) fn is_key(table: &str, key: &str) -> bool {
    KEYS.contains(&(table, key))
}

/// Whether the word for this key is planned.
pub(super) fn is_word(table: &str, key: &str, word: &str) -> bool {
    WORDS
        .iter()
        .any(|(t, k, words)| *t == table && *k == key && words.contains(&word))
}
