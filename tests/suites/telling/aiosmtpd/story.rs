//! A vote by mail: encrypted, logged in, once for each person, and past everything that goes wrong.

use muster::clock::Stopwatch;
use muster::notify::{Carrier, Notice};
use serde_json::{Value, json};

use super::super::FIRST_VOTE;
use super::server::LOGIN;
use super::{Mail, Server};
use crate::site::acting_site::SiteText;
use crate::site::hosted::Hosted;

const TRUSTED: &str = "ca = \"FOLDER/ca.pem\"\nusername = \"muster\"\npassword_file = \"FOLDER/password\"";

/// A site that mails, with its first vote cast.
async fn voting(place: &str) -> Hosted {
    let mut hosted = Hosted::start(&SiteText::new(true, 480).and(place)).await;
    hosted.nodes[0].alarm().await;
    hosted.until_said("battery-room", "mqtt votes").await;
    hosted
}

/// The first vote reaches everybody, encrypted and logged in.
fn is_the_vote(mail: &Mail, to: &[&str]) {
    assert_eq!(mail.0["to"], json!(to));
    assert_eq!(
        (&mail.0["encrypted"], &mail.0["login"]),
        (&json!(true), &json!(LOGIN.0))
    );
    let subject = mail.headers("Subject");
    assert!(
        subject.len() == 1 && subject[0].starts_with("[Muster ansan] PREPARE: battery-room: mqtt votes: n1.smoke"),
        "{subject:?}"
    );
    for words in [
        "Incident: ansan-1",
        "Page: http://",
        "Next: If it is real",
        "ansan-1 opens",
    ] {
        assert!(mail.text().contains(words), "{words}: {}", mail.text());
    }
    assert_eq!(mail.headers("Auto-Submitted"), ["auto-generated"]);
    assert!(mail.headers("Content-Type")[0].starts_with("text/plain"));
}

const BOTH: [&str; 2] = ["duty@ansan.example", "anna@ansan.example"];

#[tokio::test(flavor = "multi_thread")]
async fn by_smtps_and_by_starttls_within_two_seconds() {
    for (tls, scheme) in [("start", "smtps"), ("starttls", "smtp")] {
        let mut server = Server::start(tls, &json!({})).await;
        let hosted = voting(&server.place(scheme, TRUSTED)).await;
        let since = Stopwatch::start();
        let mail = server.mail().await;
        println!("first vote mailed by {scheme} after {:?}", since.elapsed());
        assert!(since.elapsed() <= FIRST_VOTE, "{:?}", since.elapsed());
        is_the_vote(&mail, &BOTH);
        drop(hosted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_a_cut_a_refusal_for_now_and_for_good_with_the_same_message_id() {
    let answers = json!({ "fail": ["cut", "451 later", "550 not today"] });
    let mut server = Server::start("start", &answers).await;
    let hosted = voting(&server.place("smtps", TRUSTED)).await;
    hosted.until_said("notify-duty", "does not get out to duty").await;
    let mail = server.mail().await;
    is_the_vote(&mail, &BOTH);
    assert!(
        mail.headers("Message-ID")[0].starts_with("<ansan."),
        "{:?}",
        mail.headers("Message-ID")
    );
    hosted.until_said("notify-duty", "is well again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_mailbox_keeps_it_from_nobody_and_one_that_comes_later_gets_it_alone() {
    let answers = json!({ "refuse": ["duty@ansan.example"], "later": ["ben@ansan.example"] });
    let mut server = Server::start("start", &answers).await;
    let place = server
        .place("smtps", TRUSTED)
        .replace("to = [", "to = [\"ben@ansan.example\", ");
    let hosted = voting(&place).await;
    is_the_vote(&server.mail().await, &["anna@ansan.example"]);
    is_the_vote(&server.mail().await, &["ben@ansan.example"]);
    let named = |status: &Value| {
        let mut troubles = status["troubles"].as_array().into_iter().flatten();
        let is_it = |t: &Value| t["subject"] == "notify-duty" && t["line"].as_str().unwrap().contains("no such user");
        troubles.any(is_it)
    };
    hosted.api.until("trouble names the dead mailbox", named).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_without_encryption_never_to_a_stranger_never_with_a_wrong_password() {
    for (tls, scheme, more, why) in [
        ("none", "smtp", "", "STARTTLS is not supported"),
        ("start", "smtps", "", "UnknownIssuer"),
        ("starttls", "smtp", "", "UnknownIssuer"),
        (
            "start",
            "smtps",
            "ca = \"FOLDER/ca.pem\"\nusername = \"muster\"\npassword_file = \"FOLDER/key.pem\"",
            "535",
        ),
    ] {
        let server = Server::start(tls, &json!({})).await;
        let hosted = voting(&server.place(scheme, more)).await;
        let trouble = hosted.until_said("notify-duty", "does not get out to duty").await;
        assert!(trouble.line.contains(why), "{tls} {scheme}: {}", trouble.line);
        assert!(!trouble.line.contains(LOGIN.1), "{}", trouble.line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_message_becomes_a_header_or_a_recipient() {
    let mut server = Server::start("start", &json!({})).await;
    let text = SiteText::new(true, 480)
        .and(&server.place("smtps", TRUSTED))
        .toml("journal.db".as_ref());
    let (config, _) = muster::config::parse(&text, "site.toml".as_ref()).unwrap();
    let carrier = Carrier::new(&config.notify[0], FIRST_VOTE).unwrap();
    let evil = "x\r\nBcc: all@evil.example\r\nX-Evil: 1\r\n\r\n.\r\nRCPT TO:<all@evil.example>\r\n";
    // As no composer of ours writes it: what carries it holds by itself.
    let notice = Notice {
        subject: evil.into(),
        text: evil.into(),
        incident: Some("ansan-1".into()),
        ..Notice::of_test("ansan", "http://127.0.0.1/", 0)
    };
    carrier.send(&notice).await.unwrap();
    let mail = server.mail().await;
    assert_eq!(mail.0["to"], json!(BOTH));
    assert!(
        mail.headers("Bcc").is_empty() && mail.headers("X-Evil").is_empty(),
        "{}",
        mail.0["raw"]
    );
    assert_eq!(mail.headers("Subject").len(), 1);
}
