//! `ERR`: what upsd will not or cannot say, in words that lead to the next act.

use super::line::shown;

/// Why upsd does not answer. The connection is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The driver runs and hears nothing of the UPS, or hangs.
    DataStale,
    /// No driver runs.
    DriverNotConnected,
    /// It knows no UPS of that name.
    UnknownUps,
    /// It does not want us.
    AccessDenied,
    /// It has no certificate to encrypt with, or cannot encrypt at all.
    NoTls,
    /// Another word, as it says it.
    Other(String),
}

impl Refusal {
    /// Of the words of a line, if it is one.
    pub(super) fn of(words: &[String]) -> Option<Self> {
        let [first, rest @ ..] = words else { return None };
        if first != "ERR" {
            return None;
        }
        let word = rest.first().map_or("", String::as_str);
        Some(match word {
            "DATA-STALE" => Self::DataStale,
            "DRIVER-NOT-CONNECTED" => Self::DriverNotConnected,
            "UNKNOWN-UPS" => Self::UnknownUps,
            "ACCESS-DENIED" => Self::AccessDenied,
            "FEATURE-NOT-CONFIGURED" | "FEATURE-NOT-SUPPORTED" => Self::NoTls,
            other => Self::Other(shown(other)),
        })
    }

    /// What is the matter, and what to do about it.
    fn words(&self) -> (&str, &'static str) {
        match self {
            Self::DataStale => (
                "DATA-STALE: it has no fresh data of this UPS",
                "the UPS does not answer its driver, or the driver hangs: look at the cable, then restart the driver",
            ),
            Self::DriverNotConnected => (
                "DRIVER-NOT-CONNECTED: the driver of this UPS does not run",
                "start it there: `upsdrvctl start`",
            ),
            Self::UnknownUps => (
                "UNKNOWN-UPS: it knows none of this name",
                "`upsc -l` on that machine lists those it knows",
            ),
            Self::AccessDenied => (
                "ACCESS-DENIED: it refuses to be read from here",
                "look at its LISTEN, and at its hosts.allow",
            ),
            Self::NoTls => (
                "it cannot encrypt",
                "give it a certificate (CERTFILE or CERTPATH in upsd.conf); without `ca` here it is read in plain",
            ),
            Self::Other(word) => (word, "look at upsd's log"),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, remedy) = self.words();
        write!(f, "{what}; {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> Option<Refusal> {
        Refusal::of(&line.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_err_is_a_refusal_and_any_word_behind_it_is_one() {
        assert_eq!(of(&["ERR", "DATA-STALE"]), Some(Refusal::DataStale));
        assert_eq!(of(&["ERR", "UNKNOWN-UPS", "more"]), Some(Refusal::UnknownUps));
        assert_eq!(
            of(&["ERR", "NEW\u{7}WORD"]),
            Some(Refusal::Other("NEW\\u{7}WORD".into()))
        );
        assert_eq!(of(&["ERR"]), Some(Refusal::Other(String::new())));
        assert_eq!(of(&["OK", "ERR"]), None);
        assert_eq!(of(&[]), None);
    }
}
