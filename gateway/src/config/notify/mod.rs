//! `[[notify]]`: places outside that are told.

mod email;
mod reach;
mod web;

use std::path::Path;

use lettre::message::Mailbox;
use reqwest::Url;

use super::Secret;
use super::faults::{At, quoted};
use super::load::read_text;
use super::table::Table;

pub(super) use reach::check as check_reach;

/// A place outside that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// What it is told beside the opening of an incident, which every place is told. A heartbeat has none.
    pub on: Vec<Topic>,
    /// How.
    pub way: Way,
    /// Whether 127.0.0.0/8 and ::1 may be called.
    pub allow_loopback: bool,
    /// PEM of the authorities its certificate has to come from; the machine's own without it.
    pub ca: Option<Vec<u8>>,
}

/// What people may want to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A vote was cast or has returned.
    Vote,
    /// A level changed.
    Level,
    /// A fault of the detecting system came or went.
    Trouble,
    /// An incident was closed.
    End,
}

/// How a place is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP POST of a message.
    Webhook(Posted),
    /// Mail by SMTP.
    Email(Box<Smtp>),
    /// A call that an outside watch misses when nobody decides here any more.
    Heartbeat(Pulse),
}

/// A webhook of people or programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Where to.
    pub url: Address,
    /// Key of the signature (Standard Webhooks); none for places that check none.
    pub secret: Option<Secret>,
    /// What is posted.
    pub message: Message,
}

/// A dead-man's watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Called while somebody decides here.
    pub url: Address,
    /// Called instead while the journal is in trouble.
    pub trouble_url: Option<Address>,
    /// Real milliseconds between two calls.
    pub every_ms: u64,
    /// HTTP method.
    pub beat: Beat,
}

/// What a webhook is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `application/cloudevents+json`, for programs.
    CloudEvent,
    /// `{"text": "…"}`, as chats take it.
    Text,
}

/// How a heartbeat is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// With a body that says how the site is.
    Post,
    /// Without one.
    Get,
}

/// A mail server, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port, from 1.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Sender.
    pub from: Mailbox,
    /// Recipients, 1 to 50.
    pub to: Vec<Mailbox>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte, `smtps://`.
    FromTheStart,
    /// By STARTTLS; a server that does not offer it is not spoken to.
    StartTls,
    /// Not at all: `insecure = true`.
    None,
}

/// A URL whose path may be a secret, as those of chats and of dead-man's watches are: only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(pub Url);

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({}…)", self.0.host_str().unwrap_or_default())
    }
}

/// `[[notify]]` as it stands in the file.
pub(super) struct PlaceRow {
    pub(super) id: At<String>,
    pub(super) place: Place,
}

impl Place {
    /// Whether it looks as if it stood elsewhere, as far as its host says.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        !super::hook_url::looks_local(self.host())
    }

    /// The host it is reached at.
    pub(super) fn host(&self) -> &str {
        match &self.way {
            Way::Webhook(Posted { url, .. }) | Way::Heartbeat(Pulse { url, .. }) => {
                url.0.host_str().unwrap_or_default()
            }
            Way::Email(smtp) => &smtp.host,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Webhook,
    Email,
    Heartbeat,
}

/// Reads all of them. One that is too faulty to stand for anything has been reported and is left out.
pub(super) fn read(root: &Table<'_>, folder: &Path, simulated: bool) -> Vec<PlaceRow> {
    let tables = root.tables("notify", "[[notify]]");
    tables
        .iter()
        .filter_map(|table| read_one(table, folder, simulated))
        .collect()
}

fn read_one(table: &Table<'_>, folder: &Path, simulated: bool) -> Option<PlaceRow> {
    let id = table.need_id("id");
    if table.place("kind").is_none() {
        table.missing("kind", "kind = \"webhook\", \"email\" or \"heartbeat\"");
    }
    let kinds = [
        ("webhook", Kind::Webhook),
        ("email", Kind::Email),
        ("heartbeat", Kind::Heartbeat),
    ];
    let kind = table.choice("kind", &kinds)?.value;
    let allow_loopback = table.flag("allow_loopback", false);
    let (way, on) = match kind {
        Kind::Webhook => (web::webhook(table, folder, simulated, allow_loopback), topics(table)),
        Kind::Email => (email::read(table, folder, allow_loopback), topics(table)),
        Kind::Heartbeat => (web::heartbeat(table, folder, allow_loopback), Vec::new()),
    };
    let ca = authorities(table, folder);
    table.finish();
    let place = Place {
        id: id.value.clone(),
        on,
        way: way?,
        allow_loopback,
        ca,
    };
    Some(PlaceRow { id, place })
}

/// Trouble is left out unless it is asked for: a mail a minute about a loose cable teaches people to look away.
fn topics(table: &Table<'_>) -> Vec<Topic> {
    if table.place("on").is_none() {
        return vec![Topic::Vote, Topic::Level, Topic::End];
    }
    let words = [
        ("vote", Topic::Vote),
        ("level", Topic::Level),
        ("trouble", Topic::Trouble),
        ("end", Topic::End),
    ];
    table
        .choices("on", &words)
        .into_iter()
        .map(|topic| topic.value)
        .collect()
}

/// A certificate that cannot be read would be found out in the fire; so it is read here.
fn authorities(table: &Table<'_>, folder: &Path) -> Option<Vec<u8>> {
    let name = table.text("ca")?;
    let hint = "a PEM file of certificates; the path is relative to the folder of the config";
    let text = match read_text(&folder.join(&name.value)) {
        Ok(text) => text,
        Err(cause) => {
            let what = format!("`ca` {} cannot be read: {cause}", quoted(&name.value));
            table.faults.error(name.at, what, cause.mend(hint));
            return None;
        }
    };
    if !reqwest::Certificate::from_pem_bundle(text.as_bytes()).is_ok_and(|found| !found.is_empty()) {
        let what = format!("`ca` {} holds no certificate", quoted(&name.value));
        table.faults.error(name.at, what, hint);
    }
    Some(text.into_bytes())
}
