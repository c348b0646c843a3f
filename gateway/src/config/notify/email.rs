//! Mail.

use std::path::Path;

use lettre::message::Mailbox;
use reqwest::Url;

use super::super::faults::{At, quoted};
use super::super::table::Table;
use super::super::{hook_url, mqtt};
use super::{Smtp, SmtpTls, Way};

/// Recipients of one place.
const RECIPIENTS: usize = 50;

pub(super) fn read(table: &Table<'_>, folder: &Path, allow_loopback: bool) -> Option<Way> {
    let insecure = table.flag("insecure", false);
    let server = server(table, insecure, allow_loopback);
    let login = mqtt::login(table, folder);
    let from = table.need_text("from", "who the mail is from, such as \"muster@example.com\"");
    let (from, to) = (mailbox(table, &from), recipients(table));
    let (host, port, tls) = server?;
    Some(Way::Email(Box::new(Smtp {
        host,
        port,
        tls,
        login,
        from: from?,
        to,
    })))
}

/// `smtps://host[:465]`, or `smtp://host[:587]` with STARTTLS.
fn server(table: &Table<'_>, insecure: bool, allow_loopback: bool) -> Option<(String, u16, SmtpTls)> {
    let text = table.need_text("smtp", "the mail server, such as \"smtps://mail.example:465\"");
    if text.at == table.at {
        return None;
    }
    let plain = |url: &Url| {
        url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(&text.value).ok().filter(plain);
    let parts = url.as_ref().and_then(|url| {
        let (usual, tls) = match (url.scheme(), insecure) {
            ("smtps", _) => (465, SmtpTls::FromTheStart),
            ("smtp", false) => (587, SmtpTls::StartTls),
            ("smtp", true) => (25, SmtpTls::None),
            _ => return None,
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some((host, url.port().unwrap_or(usual), tls)).filter(|(host, port, _)| !host.is_empty() && *port != 0)
    });
    let Some((host, port, tls)) = parts else {
        let what = format!("{} is not a mail server", quoted(&text.value));
        let hint = "scheme, host and port: \"smtps://mail.example:465\" or \"smtp://mail.example:587\"; \
                    who we are goes into `username` and `password_file`";
        table.faults.error(text.at, what, hint);
        return None;
    };
    let elsewhere = hook_url::check_host("place", &At::new(host.as_str(), text.at), allow_loopback, table.faults);
    check_insecure(table, insecure, tls, elsewhere);
    Some((host, port, tls))
}

fn check_insecure(table: &Table<'_>, insecure: bool, tls: SmtpTls, elsewhere: bool) {
    let at = table.place("insecure").unwrap_or(table.at);
    if tls == SmtpTls::None && elsewhere {
        let what = "mail goes to the server unencrypted";
        let hint = "anybody on the way reads it, and can keep it from arriving: use smtps://, or smtp:// with STARTTLS";
        table.faults.warning(at, what, hint);
        if let Some(password) = table.place("password_file") {
            let what = "the password would go to the server unencrypted";
            table.faults.error(password, what, "remove `insecure`, or the password");
        }
    }
    if tls == SmtpTls::FromTheStart && insecure {
        let what = "`insecure` means nothing with smtps://";
        table.faults.error(at, what, "remove it");
    }
}

fn recipients(table: &Table<'_>) -> Vec<Mailbox> {
    let all = table.texts("to");
    let at = table.place("to").unwrap_or(table.at);
    if all.is_empty() {
        table.missing("to", "to = [\"duty@example.com\"]");
    }
    if all.len() > RECIPIENTS {
        let what = format!("{} recipients", all.len());
        table.faults.error(
            at,
            what,
            format!("at most {RECIPIENTS}; more belong behind a mailing list"),
        );
    }
    all.iter().filter_map(|text| mailbox(table, text)).collect()
}

/// `someone@example.com` or `Some One <someone@example.com>`.
fn mailbox(table: &Table<'_>, text: &At<String>) -> Option<Mailbox> {
    // What is missing has been reported.
    if text.at == table.at {
        return None;
    }
    let mailbox = text
        .value
        .parse::<Mailbox>()
        .ok()
        .filter(|_| !text.value.contains(char::is_control));
    if mailbox.is_none() {
        let what = format!("{} is not a mail address", quoted(&text.value));
        let hint = "\"someone@example.com\" or \"Some One <someone@example.com>\"";
        table.faults.error(text.at, what, hint);
    }
    mailbox
}
