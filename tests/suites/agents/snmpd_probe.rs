//! `muster probe` at Debian's snmpd.

use std::process::Output;

use super::Snmpd;
use crate::stand::{Room, Stand, run_to_end};

async fn probe(snmpd: &Snmpd, more: &[&str]) -> Output {
    let address = format!("127.0.0.1:{}", snmpd.port);
    let output = run_to_end(&[&["probe", &address, "--kind", "snmp", "--zone", "room"], more].concat()).await;
    let said = [text(&output), complaint(&output)].concat();
    for secret in ["house", "authpassword", "privpassword", "otherpassword"] {
        assert!(!said.contains(secret), "{said}");
    }
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A secret's file.
fn file(snmpd: &Snmpd, name: &str) -> String {
    snmpd.file(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_named_and_shown_and_the_config_of_it_runs() {
    let snmpd = Snmpd::start().await;
    std::fs::write(snmpd.file("community"), "house\n").unwrap();
    let (auth, privacy, community) = (file(&snmpd, "auth"), file(&snmpd, "privacy"), file(&snmpd, "community"));
    let v3 = ["--user", "watcher", "--auth-file", &auth, "--privacy-file", &privacy];
    for login in [&v3[..], &["--community-file", &community]] {
        let screen = probe(&snmpd, login).await;
        assert_eq!(screen.status.code(), Some(0), "{screen:?}");
        let shown = text(&screen);
        println!("{shown}");
        for line in [
            "sysObjectID 1.3.6.1.4.1.534.1",
            "read by profile generic/ups-mib: it is for any UPS",
            "on_battery               no               1.3.6.1.2.1.33.1.4.1.0 = 3",
            "charge                   87 %             1.3.6.1.2.1.33.1.2.4.0 = 87",
            "it does not have: battery_current",
            "id = \"ups-mib\"\nkind = \"snmp\"",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
        let lines = text(&probe(&snmpd, &[login, &["--config"]].concat()).await);
        assert!(shown.ends_with(&lines), "{lines}");
        let stand = Stand::start(Room::with(&["node-1"]).and(&lines)).await;
        let good = |c: &muster_core::ChannelView| c.quality == "good" && c.value.as_deref() == Some("0.87");
        stand.api.until_channel("ups-mib.charge", "it is heard", good).await;
        assert!(stand.view().troubles.iter().all(|t| !t.subject.starts_with("ups-mib")));
    }
}

/// What is given, its exit code, and what is said. Words with a slash are files of the agent's folder.
const REFUSED: [(&str, i32, &str); 7] = [
    (
        "--community-file /wrong",
        69,
        "it does not know our community\nlook first: ",
    ),
    (
        "--user watcher --auth-file /wrong --privacy-file /privacy",
        69,
        "it does not know our `user` with these keys",
    ),
    (
        "--user watcher --auth-file /short --privacy-file /privacy",
        64,
        "--auth-file: shorter than 8 bytes",
    ),
    ("--user watcher --auth-file /auth", 64, "give --privacy-file"),
    ("", 64, "who are we to this agent?"),
    ("--community-file /none", 64, "none: cannot be read"),
    (
        "--community-file /community --profile nut/ups",
        64,
        "nut/ups is for kind nut, not snmp",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_let_in_is_told_what_to_look_at() {
    let snmpd = Snmpd::start().await;
    std::fs::write(snmpd.file("community"), "house").unwrap();
    std::fs::write(snmpd.file("short"), "short").unwrap();
    for (given, code, line) in REFUSED {
        let word = |word: &str| {
            word.strip_prefix('/')
                .map_or_else(|| word.to_owned(), |name| file(&snmpd, name))
        };
        let login: Vec<String> = given.split_whitespace().map(word).collect();
        let login: Vec<&str> = login.iter().map(String::as_str).collect();
        let said = probe(&snmpd, &login).await;
        assert_eq!(said.status.code(), Some(code), "{given}: {said:?}");
        assert!(complaint(&said).contains(line), "{line}\n{}", complaint(&said));
    }
}

/// A switch, a server: something that answers and is no UPS; and a profile that is for another device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_profile_reads_is_to_be_recorded() {
    let mut snmpd = Snmpd::start().await;
    std::fs::write(snmpd.file("community"), "house").unwrap();
    let community = file(&snmpd, "community");
    let given = probe(&snmpd, &["--community-file", &community, "--profile", "santak/array"]).await;
    assert_eq!(given.status.code(), Some(1));
    let shown = text(&given);
    assert!(
        shown.contains("says nothing: another device: its sysObjectID is"),
        "{shown}"
    );

    snmpd.kill().await;
    std::fs::write(snmpd.file("table"), "").unwrap();
    snmpd.revive("1.3.6.1.4.1.9999.7").await;
    let none = probe(&snmpd, &["--community-file", &community]).await;
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let shown = text(&none);
    assert!(shown.contains("no profile of Muster's reads anything of it"), "{shown}");
    assert!(shown.contains("muster capture"), "{shown}");
    snmpd.kill().await;
    let gone = probe(&snmpd, &["--community-file", &community]).await;
    assert_eq!(gone.status.code(), Some(69), "{gone:?}");
}
