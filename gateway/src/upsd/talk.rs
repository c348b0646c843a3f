//! What is answered to each line, after NUT's network protocol (docs/net-protocol.txt of NUT 2.8). Nothing changes anything:
//! SET, INSTCMD, FSD and PRIMARY are refused.

use std::fmt::Write as _;
use std::sync::Arc;

use muster_core::{HostsView, View};
use subtle::ConstantTimeEq;

use super::{Desk, Login};
use crate::sources::nut::line::words;

/// Wrong passwords of one connection; then it is closed.
const WRONG_MOST: u8 = 3;

/// What follows an answer.
pub(super) enum Next {
    Line,
    Close,
    Encrypt,
}

/// One client's conversation.
pub(super) struct Talk {
    desk: Arc<Desk>,
    user: Option<String>,
    password: Option<String>,
    login: Option<Login>,
    encrypted: bool,
    wrong: u8,
}

impl Talk {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            user: None,
            password: None,
            login: None,
            encrypted: false,
            wrong: 0,
        }
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(super) const fn is_logged_in(&self) -> bool {
        self.login.is_some()
    }

    /// What was said before is not believed any longer.
    pub(super) fn is_encrypted(&mut self) {
        (self.encrypted, self.user, self.password) = (true, None, None);
    }

    pub(super) fn answer(&mut self, line: &str) -> (String, Next) {
        let Ok(words) = words(line) else {
            return (error("INVALID-ARGUMENT"), Next::Line);
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["LOGOUT"] => ("OK Goodbye\n".into(), Next::Close),
            ["STARTTLS"] => self.start_tls(),
            ["LOGIN", ups] => {
                let answer = self.log_in(ups);
                (
                    answer,
                    if self.wrong >= WRONG_MOST {
                        Next::Close
                    } else {
                        Next::Line
                    },
                )
            }
            _ => (self.plain(&words), Next::Line),
        }
    }

    fn plain(&mut self, words: &[&str]) -> String {
        match words {
            ["USERNAME", user] => set(&mut self.user, user, "USERNAME"),
            ["PASSWORD", password] => set(&mut self.password, password, "PASSWORD"),
            ["VER"] => format!(
                "Network UPS Tools upsd, answered by Muster {}\n",
                env!("CARGO_PKG_VERSION")
            ),
            ["NETVER" | "PROTVER"] => "1.3\n".into(),
            ["HELP"] => "Commands: HELP VER NETVER GET LIST LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n".into(),
            ["LIST", "UPS"] => self.with_view(|view| list_ups(&view.hosts)),
            ["LIST", what @ ("VAR" | "RW" | "CMD" | "CLIENT"), ups] => {
                self.of(ups, |hosts| list(what, hosts, &self.desk.site))
            }
            ["GET", "VAR", ups, name] => self.of(ups, |hosts| get_var(hosts, &self.desk.site, name)),
            ["GET", "NUMLOGINS", ups] => self.of(ups, |_| format!("NUMLOGINS {ups} {}\n", self.desk.logged_in(ups))),
            ["GET", "UPSDESC", ups] => self.of(ups, |hosts| format!("UPSDESC {ups} \"{}\"\n", description(hosts))),
            ["GET", "TYPE", ups, name] => self.of(ups, |hosts| {
                let known = variables(hosts, &self.desk.site).iter().any(|(known, _)| known == name);
                if known {
                    format!("TYPE {ups} {name} STRING:64\n")
                } else {
                    error("VAR-NOT-SUPPORTED")
                }
            }),
            // Refused by name, as upsd refuses them: there is no UPS behind this, and we ask nobody for any of it.
            ["PRIMARY" | "MASTER" | "FSD" | "SET" | "INSTCMD", ..] => error("ACCESS-DENIED"),
            ["GET" | "LIST" | "LOGIN" | "USERNAME" | "PASSWORD", ..] => error("INVALID-ARGUMENT"),
            _ => error("UNKNOWN-COMMAND"),
        }
    }

    fn start_tls(&self) -> (String, Next) {
        if self.encrypted {
            return (error("TLS-ALREADY-ENABLED"), Next::Line);
        }
        match self.desk.acceptor {
            Some(_) => ("OK STARTTLS\n".into(), Next::Encrypt),
            None => (error("FEATURE-NOT-CONFIGURED"), Next::Line),
        }
    }

    fn log_in(&mut self, ups: &str) -> String {
        let (Some(user), Some(password)) = (&self.user, &self.password) else {
            return error(if self.user.is_none() {
                "USERNAME-REQUIRED"
            } else {
                "PASSWORD-REQUIRED"
            });
        };
        if self.login.is_some() {
            return error("ALREADY-LOGGED-IN");
        }
        let given = password.as_bytes();
        let known = self.desk.users.iter().filter(|(name, _)| name == user);
        let right = known.fold(false, |right, (_, secret)| right | bool::from(secret.0.ct_eq(given)));
        if !right {
            self.wrong += 1;
            return error("ACCESS-DENIED");
        }
        let answer = self.of(ups, |_| "OK\n".into());
        if answer == "OK\n" {
            self.login = Some(self.desk.log_in(ups));
        }
        answer
    }

    /// Of a UPS there is, while somebody decides here.
    fn of(&self, ups: &str, answer: impl FnOnce(&HostsView) -> String) -> String {
        self.with_view(|view| match view.hosts.iter().find(|hosts| hosts.id == ups) {
            Some(hosts) => answer(hosts),
            None => error("UNKNOWN-UPS"),
        })
    }

    /// A decision loop that is silent says nothing: a client then counts its UPS as lost, which alone switches nothing off.
    fn with_view(&self, answer: impl FnOnce(&View) -> String) -> String {
        self.desk
            .view()
            .map_or_else(|| error("DATA-STALE"), |view| answer(&view))
    }
}

fn error(word: &str) -> String {
    format!("ERR {word}\n")
}

fn set(place: &mut Option<String>, word: &str, what: &str) -> String {
    if place.is_some() {
        return error(&format!("ALREADY-SET-{what}"));
    }
    *place = Some(word.to_owned());
    "OK\n".into()
}

/// `OL`, or `FSD OB LB` where hosts are to go. Never `OB` alone: many a NAS then counts down by itself (decision 52).
fn status(hosts: &HostsView) -> &'static str {
    if hosts.since.is_some() { "FSD OB LB" } else { "OL" }
}

fn variables(hosts: &HostsView, site: &str) -> [(&'static str, String); 5] {
    [
        ("device.type", "ups".into()),
        ("driver.name", "muster".into()),
        ("ups.mfr", "Muster".into()),
        ("ups.model", format!("site {site}")),
        ("ups.status", status(hosts).into()),
    ]
}

fn description(hosts: &HostsView) -> String {
    let place = hosts
        .rack
        .as_deref()
        .map_or_else(|| "the site".to_owned(), |rack| format!("rack {rack}"));
    format!("when hosts of {} have to go", place.replace(['"', '\\'], "_"))
}

fn list_ups(all: &[HostsView]) -> String {
    let mut text = String::from("BEGIN LIST UPS\n");
    for hosts in all {
        let _ = writeln!(text, "UPS {} \"{}\"", hosts.id, description(hosts));
    }
    text + "END LIST UPS\n"
}

/// Nothing can be set, and there is no command; who has logged in is nobody's business.
fn list(what: &str, hosts: &HostsView, site: &str) -> String {
    let ups = &hosts.id;
    let mut text = format!("BEGIN LIST {what} {ups}\n");
    if what == "VAR" {
        for (name, value) in variables(hosts, site) {
            let _ = writeln!(text, "VAR {ups} {name} \"{value}\"");
        }
    }
    text + &format!("END LIST {what} {ups}\n")
}

fn get_var(hosts: &HostsView, site: &str, name: &str) -> String {
    let found = variables(hosts, site).into_iter().find(|(known, _)| *known == name);
    found.map_or_else(
        || error("VAR-NOT-SUPPORTED"),
        |(name, value)| format!("VAR {} {name} \"{value}\"\n", hosts.id),
    )
}
