//! `[[notify]]`: who is told outside.

use std::path::Path;

use super::{GOOD, all, brief, config, only, with};
use crate::config::{Beat, Finding, Message, SmtpTls, Topic, Way, parse};

const CHAT: &str = "[[notify]]\nid = \"chat\"\nkind = \"webhook\"\nurl = \"https://chat.example/hooks/s3cr3t\"\n";
const DUTY: &str = "[[notify]]\nid = \"duty\"\nkind = \"email\"\nsmtp = \"smtps://mail.example\"\n\
                    from = \"Muster <muster@here.example>\"\nto = [\"duty@here.example\", \"Anna <anna@here.example>\"]\n";
const WATCH: &str = "[[notify]]\nid = \"watch\"\nkind = \"heartbeat\"\nurl = \"https://watch.example/ping/abc\"\n";

/// The one place of a config with this table.
fn place(table: &str) -> crate::config::Place {
    let mut places = config(&format!("{GOOD}{table}")).notify;
    assert_eq!(places.len(), 1);
    places.remove(0)
}

#[test]
fn defaults_of_each_kind() {
    let chat = place(CHAT);
    assert_eq!((chat.id.as_str(), chat.allow_loopback), ("chat", false));
    assert_eq!(chat.on, [Topic::Vote, Topic::Level, Topic::End]);
    assert!(matches!(&chat.way, Way::Webhook(hook) if hook.secret.is_none() && hook.message == Message::CloudEvent));
    let Way::Email(smtp) = place(DUTY).way else {
        unreachable!()
    };
    assert_eq!(
        (smtp.host.as_str(), smtp.port, smtp.tls),
        ("mail.example", 465, SmtpTls::FromTheStart)
    );
    assert_eq!(
        (smtp.from.to_string().as_str(), smtp.to.len()),
        ("Muster <muster@here.example>", 2)
    );
    let watch = place(WATCH);
    assert!(watch.on.is_empty());
    assert!(matches!(&watch.way, Way::Heartbeat(pulse) if (pulse.every_ms, pulse.beat) == (60_000, Beat::Post)));
}

#[test]
fn smtp_is_encrypted_unless_the_owner_says_otherwise() {
    let tls = |to: &str| match place(&DUTY.replace("smtp = \"smtps://mail.example\"", to)).way {
        Way::Email(smtp) => (smtp.port, smtp.tls),
        _ => unreachable!(),
    };
    assert_eq!(tls("smtp = \"smtp://mail.example\""), (587, SmtpTls::StartTls));
    assert_eq!(
        tls("smtp = \"smtp://mail.example:2525\"\ninsecure = true"),
        (2525, SmtpTls::None)
    );
    let plain = with(&DUTY.replace("smtps://mail.example\"", "smtp://mail.example\"\ninsecure = true"));
    only(&plain, "warning", "mail goes to the server unencrypted");
    let lines = "smtp://mail.example\"\ninsecure = true\nallow_loopback = true\nusername = \"u\"\npassword_file = \"Cargo.toml\"";
    let password = with(&DUTY.replace("smtps://mail.example\"", lines));
    assert!(
        password
            .iter()
            .any(|f| f.contains("error the password would go to the server unencrypted")),
        "{password:?}"
    );
    let both = with(&DUTY.replace("mail.example\"", "mail.example\"\ninsecure = true"));
    only(&both, "error", "`insecure` means nothing with smtps://");
}

/// The one error of a table in which something stands for something else.
#[track_caller]
fn wrong(table: &str, from: &str, to: &str, what: &str) {
    assert!(table.contains(from), "{from}");
    only(&with(&table.replace(from, to)), "error", what);
}

#[test]
fn where_no_place_may_be() {
    let at = "https://chat.example";
    wrong(CHAT, at, "http://169.254.169.254", "a place must not point to");
    wrong(CHAT, at, "http://127.0.0.1:9", "the place points to this machine");
    wrong(CHAT, at, "ftp://chat.example", "a place cannot be reached by `ftp`");
    wrong(
        CHAT,
        at,
        "https://u:p@chat.example",
        "the place's URL carries a user or a password",
    );
    wrong(DUTY, "mail.example", "[fe80::1]", "a place must not point to");
    wrong(DUTY, "mail.example", "localhost", "the place points to this machine");
    wrong(
        DUTY,
        "smtps://mail.example",
        "mail.example",
        "`mail.example` is not a mail server",
    );
    wrong(
        DUTY,
        "smtps://mail",
        "smtps://u:p@mail",
        "`smtps://u:p@mail.example` is not a mail server",
    );
    let plain = with(&CHAT.replace("https", "http"));
    only(&plain, "warning", "place calls to `chat.example` are not encrypted");
}

#[test]
fn what_no_place_may_say() {
    let (one, evil) = ("duty@here.example", "a@b.example\\r\\nBcc: x@y.example");
    wrong(DUTY, one, "duty", "`duty` is not a mail address");
    wrong(DUTY, one, evil, &format!("`{evil}` is not a mail address"));
    let more = |table: &str, line: &str, what: &str| only(&with(&format!("{table}{line}\n")), "error", what);
    more(CHAT, "url_file = \"x\"", "both `url` and `url_file`");
    more(CHAT, "ca = \"nowhere.pem\"", "`ca` `nowhere.pem` cannot be read");
    more(CHAT, "body = \"html\"", "`body` of [[notify]] cannot be `html`");
    more(CHAT, "on = [\"fire\"]", "`on` of [[notify]] cannot be `fire`");
    more(CHAT, CHAT, "a second notify with the id `chat`");
    more(WATCH, "every_s = 0", "`every_s` = `0` is out of range");
    more(WATCH, "on = [\"vote\"]", "[[notify]] has no key `on`");
    more(
        DUTY,
        "username = \"u\"",
        "[[notify]] has one of `username` and `password_file` only",
    );
    more("", "[[notify]]\nid = \"x\"", "`kind` is missing in [[notify]]");
}

#[test]
fn an_armed_site_that_tells_nobody_is_warned_of() {
    let armed = |tables: &str| {
        let text = GOOD.replacen("id = \"here\"", "id = \"here\"\narmed = true", 1);
        match parse(&format!("{text}{tables}"), Path::new("site.toml")) {
            Ok((_, found)) | Err(found) => brief(&found),
        }
    };
    let nobody = "2 warning the site is armed, and nobody outside is told of a fire";
    let local = "2 warning the site is armed, and every place it tells looks as if it stood in the site itself";
    let unmissed = "2 warning the site is armed, and nobody outside would notice that Muster itself is gone";
    assert_eq!(armed(""), [nobody, unmissed]);
    assert_eq!(armed(WATCH), [nobody]);
    assert_eq!(armed(&DUTY.replace("mail.example", "10.0.0.25")), [local, unmissed]);
    assert_eq!(armed(&format!("{DUTY}{WATCH}")), Vec::<String>::new());
    let unarmed = all(&[]);
    assert_eq!(unarmed, Vec::<String>::new());
    let simulated = all(&[("id = \"here\"", "id = \"here\"\narmed = true\nsimulated = true")]);
    assert!(simulated.iter().all(|f| !f.contains("outside")), "{simulated:?}");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("url"), "https://chat.example/hooks/s3cr3t\n").unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    let chat = CHAT.replace("url = \"https://chat.example/hooks/s3cr3t\"", "url_file = \"url\"");
    let duty = format!("{DUTY}username = \"muster\"\npassword_file = \"password\"\n");
    let parsed = parse(&format!("{GOOD}{chat}{duty}"), &folder.path().join("site.toml"));
    let (config, findings): (_, Vec<Finding>) = parsed.unwrap();
    assert_eq!(brief(&findings), Vec::<String>::new());
    let Way::Email(smtp) = &config.notify[1].way else {
        unreachable!()
    };
    assert_eq!(
        smtp.login
            .as_ref()
            .map(|(user, word)| (user.as_str(), word.0.as_slice())),
        Some(("muster", &b"hunter2"[..]))
    );
    let shown = format!("{:?}", config.notify);
    assert!(!shown.contains("s3cr3t") && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("chat.example"), "{shown}");
}
