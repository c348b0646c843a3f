//! The lines of config that read a device.

use std::fmt::Write as _;

use super::found::Found;

/// Ids are no longer than this.
const LONGEST_ID: usize = 32;

/// A `[[source]]` with the signals that answered; none for a device that says nothing.
pub(super) fn of(found: &Found, zone: &str) -> Option<String> {
    if !found.answers() {
        return None;
    }
    let mut text = format!("\n[[source]]\nid = \"{}\"\n", id(&found.name));
    for (key, value) in &found.keys {
        let _ = writeln!(text, "{key} = {value}");
    }
    let _ = writeln!(text, "zone = {}", quoted(zone));
    let names: Vec<String> = found.live().map(|live| quoted(&live.name)).collect();
    let _ = writeln!(text, "signals = [{}]", names.join(", "));
    Some(text)
}

/// As a text in TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The nearest id to a name.
fn id(name: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let id: String = name.chars().map(allowed).take(LONGEST_ID).collect();
    let id = id.trim_matches('-');
    if id.is_empty() {
        "device".to_owned()
    } else {
        id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_an_id() {
        assert_eq!(id("Rack_A.1"), "rack-a-1");
        assert_eq!(id("___"), "device");
        assert_eq!(id(&"x".repeat(99)).len(), 32);
        for text in ["plain", "a\"b", "a\\b\n", "é'"] {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(read["x"].as_str(), Some(text));
        }
    }
}
