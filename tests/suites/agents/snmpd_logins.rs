//! Who we are to an agent, when that is wrong: trouble in words that say what to mend, and nothing decided.

use super::Snmpd;
use crate::stand::{Room, Stand};

async fn trouble(tables: &str, words: &str, cause: &str) {
    let stand = Stand::start(Room::with(&[]).and(tables)).await;
    stand
        .until(words, |v| {
            v.troubles
                .iter()
                .any(|t| t.subject.starts_with("ups") && t.line.contains(words))
        })
        .await;
    stand.api.until_count(cause, 1).await;
    let channel = stand.api.channel("ups.on_battery").await;
    assert!(channel.value.is_none(), "{channel:?}");
    stand.assert_undecided(words);
    let said = stand.api.get("/api/v1/status").await + &stand.api.get("/metrics").await;
    for secret in ["authpassword", "privpassword", "otherpassword", "wrong-word"] {
        assert!(!said.contains(secret), "{secret} is shown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_community_is_silence_and_says_so() {
    let snmpd = Snmpd::start().await;
    let tables = snmpd.v2c("ups", "").replace("house\"\n\n", "wrong-word\"\n");
    assert!(tables.contains("wrong-word"), "{tables}");
    trouble(&tables, "it does not know our community", "snmp_timeout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_keys_are_silence_and_say_so() {
    let snmpd = Snmpd::start().await;
    // net-snmp's report of it is not signed, as RFC 3414 has it. Whoever forges one could stop us: it is silence.
    let words = "does not know our `user` with these keys";
    trouble(&snmpd.v3("ups", "wrong", "privacy"), words, "snmp_timeout").await;
    trouble(&snmpd.v3("ups", "auth", "wrong"), words, "snmp_timeout").await;
    let unknown = snmpd.v3("ups", "auth", "privacy").replace("\"watcher\"", "\"nobody\"");
    trouble(&unknown, words, "snmp_timeout").await;
}
