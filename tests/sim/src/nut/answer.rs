//! What a server says to a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole answer, with its ends of lines.
pub(super) fn to(words: &[&str], ups: &str, said: &BTreeMap<String, String>) -> String {
    match words {
        ["VER"] => "Muster's simulated upsd\n".to_owned(),
        ["NETVER" | "PROTVER"] => "1.3\n".to_owned(),
        ["HELP"] => "Commands: HELP VER GET LIST LOGOUT STARTTLS\n".to_owned(),
        ["LOGOUT"] => "OK Goodbye\n".to_owned(),
        ["STARTTLS"] => "ERR FEATURE-NOT-CONFIGURED\n".to_owned(),
        ["LIST", "UPS"] => format!("BEGIN LIST UPS\nUPS {ups} \"a recording\"\nEND LIST UPS\n"),
        ["LIST" | "GET", _, name, ..] if *name != ups => "ERR UNKNOWN-UPS\n".to_owned(),
        ["LIST", "VAR", _] => list("VAR", ups, said),
        ["LIST", kind @ ("RW" | "CMD" | "CLIENT"), _] => list(kind, ups, &BTreeMap::new()),
        ["GET", "UPSDESC", _] => format!("UPSDESC {ups} \"a recording\"\n"),
        ["GET", "NUMLOGINS", _] => format!("NUMLOGINS {ups} 0\n"),
        ["GET", "VAR", _, name] => match said.get(*name) {
            Some(value) => format!("{}\n", variable(ups, name, value)),
            None => "ERR VAR-NOT-SUPPORTED\n".to_owned(),
        },
        ["GET", "TYPE", _, _] => format!("TYPE {} STRING\n", words[2..].join(" ")),
        ["GET", "DESC", _, _] => format!("DESC {} \"Description unavailable\"\n", words[2..].join(" ")),
        [
            "USERNAME" | "PASSWORD" | "LOGIN" | "PRIMARY" | "MASTER" | "FSD" | "SET" | "INSTCMD",
            ..,
        ] => "ERR ACCESS-DENIED\n".to_owned(),
        ["LIST" | "GET", ..] => "ERR INVALID-ARGUMENT\n".to_owned(),
        _ => "ERR UNKNOWN-COMMAND\n".to_owned(),
    }
}

fn list(kind: &str, ups: &str, said: &BTreeMap<String, String>) -> String {
    let mut text = format!("BEGIN LIST {kind} {ups}\n");
    for (name, value) in said {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", variable(ups, name, value));
    }
    text + &format!("END LIST {kind} {ups}\n")
}

fn variable(ups: &str, name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("VAR {ups} {name} \"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> String {
        let said = BTreeMap::from([("ups.id".to_owned(), "a \"b\" \\c".to_owned())]);
        let words: Vec<&str> = line.split_whitespace().collect();
        to(&words, "bat", &said)
    }

    #[test]
    fn it_can_be_read_and_nothing_else() {
        assert_eq!(
            answer("LIST VAR bat"),
            "BEGIN LIST VAR bat\nVAR bat ups.id \"a \\\"b\\\" \\\\c\"\nEND LIST VAR bat\n"
        );
        assert_eq!(answer("GET VAR bat nothing"), "ERR VAR-NOT-SUPPORTED\n");
        assert_eq!(answer("LIST VAR other"), "ERR UNKNOWN-UPS\n");
        assert_eq!(answer("STARTTLS"), "ERR FEATURE-NOT-CONFIGURED\n");
        for line in [
            "LOGIN bat",
            "FSD bat",
            "SET VAR bat ups.id x",
            "INSTCMD bat load.off",
            "USERNAME x",
        ] {
            assert_eq!(answer(line), "ERR ACCESS-DENIED\n", "{line}");
        }
        assert_eq!(answer(""), "ERR UNKNOWN-COMMAND\n");
        assert_eq!(answer("GET VAR bat"), "ERR INVALID-ARGUMENT\n");
    }
}
