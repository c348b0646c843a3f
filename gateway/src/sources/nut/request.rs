//! Everything that is ever sent to upsd. There is no request here that changes anything, or makes anybody wait for us.

use crate::config::UpsName;

/// What upsd is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// Which UPSes it knows.
    Upses,
    /// Every variable of one.
    Variables(&'a UpsName),
    /// To go on encrypted.
    Encrypt,
}

impl Request<'_> {
    /// As it is sent, with its end of line.
    pub(super) fn line(self) -> String {
        match self.list() {
            Some(list) => format!("LIST {}\n", list.join(" ")),
            None => "STARTTLS\n".to_owned(),
        }
    }

    /// Of a list: the words behind `BEGIN LIST` and `END LIST`.
    pub(super) fn list(self) -> Option<Vec<String>> {
        match self {
            Self::Upses => Some(vec!["UPS".to_owned()]),
            Self::Variables(ups) => Some(vec!["VAR".to_owned(), ups.to_string()]),
            Self::Encrypt => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_are_sent_and_starttls() {
        let Some(ups) = UpsName::new("rack-1") else {
            unreachable!("a good name")
        };
        let all = [Request::Upses, Request::Variables(&ups), Request::Encrypt].map(Request::line);
        assert_eq!(all, ["LIST UPS\n", "LIST VAR rack-1\n", "STARTTLS\n"]);
    }
}
