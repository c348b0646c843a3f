//! Traps and informs of net-snmp: each makes the agent be asked at once, and none is ever believed.

use std::process::Stdio;

use muster_core::Level;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Snmpd, free_port};
use crate::stand::{Room, SOON, Stand};

/// Sends one, by `snmptrap` or `snmpinform`, that claims the load to be on battery. Whether it was sent (an inform:
/// answered).
async fn send(tool: &str, port: u16, login: &[&str]) -> bool {
    let mut command = Command::new(tool);
    command.env("MIBS", "").args(login).arg(format!("127.0.0.1:{port}"));
    command.args(["", "1.3.6.1.2.1.33.2.1", "1.3.6.1.2.1.33.1.4.1.0", "i", "5"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let ended = timeout(SOON, command.status()).await.expect("it hangs");
    ended.unwrap().success()
}

const HOUSE: [&str; 3] = ["-v2c", "-c", "house"];
const WATCHER: [&str; 12] = [
    "-v3",
    "-l",
    "authPriv",
    "-u",
    "watcher",
    "-a",
    "SHA-256",
    "-A",
    "authpassword",
    "-x",
    "AES",
    "-X",
];

/// Polled so rarely that what is heard soon was heard because of a trap. Two signals, because snmpd answers the same
/// question twice in a row from a cache of 30 s.
fn room(snmpd: &Snmpd, traps: u16) -> Room {
    let rarely = "poll_ms = 60000\nsignals = [\"on_battery\", \"battery_low\"]\n";
    let v3 = snmpd
        .v3("by-user", "auth", "privacy")
        .replace("segment", &format!("{rarely}segment"));
    let tables = format!(
        "[snmp]\ntraps = \"127.0.0.1:{traps}\"\n{}{v3}",
        snmpd.v2c("ups", rarely)
    );
    Room::with(&[]).and(&tables)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_is_a_hint_and_never_a_value() {
    let snmpd = Snmpd::start().await;
    let traps = free_port();
    let stand = Stand::start(room(&snmpd, traps)).await;
    let api = &stand.api;
    for channel in ["ups.on_battery", "by-user.on_battery"] {
        api.until_channel(channel, "on mains", |c| c.value.as_deref() == Some("0"))
            .await;
    }

    // They claim what is not so: a flood of them, with the right word, and with a wrong one.
    for _ in 0..20 {
        assert!(send("snmptrap", traps, &HOUSE).await);
    }
    assert!(send("snmptrap", traps, &["-v2c", "-c", "guess"]).await);
    api.until_count("trap_flood", 10).await;
    api.until_count("trap_refused", 1).await;
    stand.assert_undecided("traps that lie");
    let fresh = |c: &muster_core::ChannelView| c.age_ms.is_some_and(|ms| ms < 5_000) && c.value.as_deref() == Some("0");
    api.until_channel("ups.on_battery", "asked again", fresh).await;

    // Now it is so, and a minute has not passed: informs are answered, and make Muster look.
    snmpd.ups(5, &[]);
    let watcher: Vec<&str> = WATCHER.iter().copied().chain(["privpassword"]).collect();
    let since = muster::clock::Stopwatch::start();
    while stand.view().level < Level::Prepare {
        assert!(send("snmpinform", traps, &HOUSE).await, "an inform is answered");
        assert!(send("snmpinform", traps, &watcher).await, "an inform of v3 is answered");
        assert!(since.elapsed() < SOON, "nobody looked: {:#?}", stand.view());
    }
    assert_eq!(stand.view().level, Level::Prepare, "{}", stand.view().why);
    assert!(
        !send("snmpinform", traps, &["-v2c", "-c", "guess", "-r", "0", "-t", "0.3"]).await,
        "answered a stranger"
    );
}
