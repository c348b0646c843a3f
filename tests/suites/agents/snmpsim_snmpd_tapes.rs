//! `muster capture` of an SNMP agent and `muster sim` of the recording, round and round; read by Net-SNMP, which nobody
//! here wrote (its tools come with snmpd's package).

use std::path::{Path, PathBuf};

use serde_json::json;

use super::snmpsim::{Simulator, output};
use crate::stand::{Script, Tape, run_to_end};

/// Records with a community that stands in a file.
async fn capture(
    folder: &Path,
    port: u16,
    community: &str,
    out: &str,
    more: &[&str],
) -> (std::process::Output, PathBuf) {
    let (word, out) = (folder.join("community"), folder.join(out));
    std::fs::write(&word, format!("{community}\n")).unwrap();
    let address = format!("127.0.0.1:{port}");
    let first = ["capture", &address, "--kind", "snmp", "--community-file"];
    let files = [word.to_str().unwrap(), "--out", out.to_str().unwrap()];
    (run_to_end(&[&first[..], &files, more].concat()).await, out)
}

/// Without comments.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(ToOwned::to_owned)
        .collect()
}

async fn walk(tool: &str, port: u16, community: &str, tree: &str) -> String {
    let address = format!("127.0.0.1:{port}");
    let walked = output(
        tool,
        &["-v2c", "-c", community, "-On", "-Oe", "-Ob", "-m", "", &address, tree],
    )
    .await;
    // At the end of everything one says so once, another as often as it was asked for rows.
    let rows = walked.lines().filter(|line| !line.contains("No more variables left"));
    rows.map(|line| format!("{line}\n")).collect()
}

/// Three makers; their own trees and the UPS-MIB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_answers_as_its_device_and_recorded_again_is_the_same() {
    let files = ["eaton-93e-80", "huawei-gse200m", "eastpower-istars-swv053"];
    let bz2 = files.map(|file| format!("{file}.snmprec.bz2"));
    let simulator = Simulator::play(&bz2.each_ref().map(String::as_str), &[]).await;
    let folder = tempfile::tempdir().unwrap();
    for (file, tree) in files
        .into_iter()
        .zip(["1.3.6.1.4.1.534", "1.3.6.1.4.1.2011", "1.3.6.1.4.1.40614"])
    {
        let (said, first) = capture(
            folder.path(),
            simulator.port,
            file,
            &format!("{file}.1"),
            &["--with-names"],
        )
        .await;
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        let tape = Tape::play(&first, &["--community", "again"]).await;
        let port = tape.address.port();
        let (said, second) = capture(folder.path(), port, "again", &format!("{file}.2"), &["--with-names"]).await;
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        assert!(lines(&first).len() > 60 && lines(&first) == lines(&second), "{file}");
        for (tool, tree) in [
            ("snmpwalk", "1.3.6.1.2.1.33"),
            ("snmpbulkwalk", "1.3.6.1.2.1.1"),
            ("snmpbulkwalk", tree),
        ] {
            let original = walk(tool, simulator.port, file, tree).await;
            assert!(original.lines().count() > 5, "{original}");
            assert_eq!(walk(tool, port, "again", tree).await, original, "{file} {tree}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_a_site_stays_out_and_a_profile_still_reads_all() {
    let simulator = Simulator::play(&["apc-8641.snmprec"], &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (said, file) = capture(folder.path(), simulator.port, "apc-8641", "plain", &[]).await;
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("AP8641") && text.contains("# left out: "),
        "it says which model it is"
    );
    for name in ["John Doe", "pwr-dc01", "Data Center 01", "apc-8641"] {
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.contains(name) && !text.contains(&hex), "{name}");
    }
    let decoded = run_to_end(&["profile", "test", "apc/rack-pdu", "--capture", file.to_str().unwrap()]).await;
    let shown = String::from_utf8(decoded.stdout).unwrap();
    assert!(shown.contains("1210 W") && shown.contains("6.5 A"), "{shown}");
}

/// One that never gets on, one that never ends, and one that is cut off by whoever records: each leaves whole lines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_agent_ends_a_recording_with_a_clear_line() {
    let mut agent = Script::start("agents/hostile_agent.py", &json!({}));
    let port = u16::try_from(agent.hear().await["port"].as_u64().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (mode, why) in [("stuck", "it does not go forwards"), ("endless", "it has no end")] {
        agent.ask(&json!({ "mode": mode })).await;
        let (said, file) = capture(folder.path(), port, "house", mode, &[]).await;
        let line = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(1), "{line}");
        assert!(line.contains(why) && line.contains("whole as far as it goes"), "{line}");
        let decoded = run_to_end(&[
            "profile",
            "test",
            "generic/ups-mib",
            "--capture",
            file.to_str().unwrap(),
        ])
        .await;
        assert_ne!(decoded.status.code(), Some(64), "{decoded:?}");
        assert!(std::fs::metadata(&file).unwrap().len() < 4 << 20);
    }
    agent.ask(&json!({ "mode": "silent" })).await;
    let (said, file) = capture(folder.path(), port, "house", "silent", &[]).await;
    assert_eq!(said.status.code(), Some(69), "{said:?}");
    assert!(!file.exists(), "nothing was recorded");
}
