//! One evacuation, ended in the middle and taken up again, and everything that must hold then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::site::acting_site::{INCIDENT, SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::panel::Panel;
use crate::site::process::{Muster, document, muster, panel_of};
use crate::site::receiver::Receiver;

/// Every workload of the site.
const WORKLOADS: [&str; 5] = ["registry", "dns", "db", "web", "batch"];

/// A site with a real receiver, whose evacuation takes about two seconds.
pub(super) struct Story {
    folder: TempDir,
    config: PathBuf,
    receiver: Receiver,
}

impl Story {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let receiver = Receiver::start(folder.path(), "0.15").await;
        let ladder = [("move", "mover", 4.0), ("stop", "mover", 2.0)];
        let site = SiteText::at_port(true, 120, lasting_port())
            .hook("mover", &receiver.url, 2)
            .workload("registry", 1, &[], &ladder)
            .workload("dns", 1, &["registry"], &ladder)
            .workload("db", 2, &["dns"], &ladder)
            .workload("web", 3, &["dns"], &ladder)
            .workload("batch", 4, &[], &ladder[1..]);
        let config = site.write(folder.path(), "site");
        Self {
            folder,
            config,
            receiver,
        }
    }

    pub(super) async fn start(&self) -> Muster {
        Muster::start(&self.config).await
    }

    /// As [`Muster::start_traced`].
    pub(super) async fn start_traced(&self, nth: Option<usize>, strace: &Path) -> Muster {
        Muster::start_traced(&self.config, nth, strace).await
    }

    /// A file beside the journal.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn journal_path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    /// Starts again on the same journal, lets both nodes go on alarming, and checks everything about how it ends.
    pub(super) async fn goes_on_and_ends_well(&self, what: &str) {
        let before = entries(&self.journal_path()).await;
        self.called_only_what_was_decided(&before, what);
        // A contact that is still closed would vote again at the first polls, and be taken for a vote that was restored.
        Panel::at(panel_of(&self.config)).clear();
        let again = self.start().await;
        let restored = again.api.status().await;
        let kept = of_kind(&before, "vote_held");
        assert_eq!(restored["votes"].as_array().unwrap().len(), kept.len(), "{what}: votes");
        if !kept.is_empty() {
            assert_eq!(restored["incident"]["id"], INCIDENT, "{what}");
        }
        let mut nodes = both(again.mqtt, again.panel, 2);
        for node in &mut nodes {
            node.alarm().await;
        }
        let end = again.api.until_all_safe().await;
        assert_eq!(end["incident"]["id"], INCIDENT, "{what}");
        assert_eq!(end["votes"].as_array().unwrap().len(), 2, "{what}");
        let (status, _) = again.terminate().await;
        assert_eq!(status.code(), Some(0), "{what}");
        self.everything_was_done_once(what);
        self.journal_is_whole(&before, what).await;
    }

    /// No hook was called whose intent is not on disk.
    fn called_only_what_was_decided(&self, journal: &[Value], what: &str) {
        let intents = of_kind(journal, "step_intent");
        let decided: BTreeSet<String> = intents
            .iter()
            .map(|r| format!("{INCIDENT}.{}", text(r, "step")))
            .collect();
        for call in self.receiver.calls() {
            assert!(
                decided.contains(&call.key),
                "{what}: {} was called and is not in the journal",
                call.key
            );
        }
    }

    fn everything_was_done_once(&self, what: &str) {
        let effects = self.receiver.effects();
        assert!(effects.values().all(|n| *n == 1), "{what}: {effects:?}");
        let begun = self.receiver.begun();
        assert!(begun.values().all(|n| *n == 1), "{what}: work begun twice: {begun:?}");
        let saved: BTreeMap<String, u32> = WORKLOADS.iter().map(|w| ((*w).to_owned(), 1)).collect();
        assert_eq!(self.receiver.evacuations(), saved, "{what}");
        let mut tokens = BTreeMap::new();
        for call in self.receiver.calls() {
            assert_eq!(call.mode, "live", "{what}: {call:?}");
            assert_ne!(call.status, 409, "{what}: {call:?}");
            let first = *tokens.entry(call.key.clone()).or_insert(call.token);
            assert_eq!(first, call.token, "{what}: {} has two tokens", call.key);
        }
    }

    /// What was there is there still; every intent has ended; the token rose throughout; the chain holds.
    async fn journal_is_whole(&self, before: &[Value], what: &str) {
        let after = entries(&self.journal_path()).await;
        assert_eq!(&after[..before.len()], before, "{what}: the journal was rewritten");
        let steps =
            |kind: &str| -> BTreeSet<String> { of_kind(&after, kind).iter().map(|r| text(r, "step")).collect() };
        assert_eq!(steps("step_intent"), steps("step_ended"), "{what}: a step was lost");
        let intents = of_kind(&after, "step_intent");
        let tokens: Vec<u64> = intents.iter().map(|r| r["token"].as_u64().unwrap()).collect();
        assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {tokens:?}");
        assert_eq!(of_kind(&after, "incident_opened").len(), 1, "{what}");
        let path = self.journal_path();
        let verified = muster(&["journal", "--verify", path.to_str().unwrap()]).await;
        assert_eq!(verified.status.code(), Some(0), "{what}: {verified:?}");
    }
}

/// Every decision in a journal, read by the command.
pub(super) async fn entries(journal: &Path) -> Vec<Value> {
    let output = muster(&["journal", "--json", journal.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    document(&output)["entries"].as_array().unwrap().clone()
}

/// The records of a kind.
pub(super) fn of_kind<'a>(entries: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let records = entries.iter().map(|entry| &entry["record"]);
    records.filter(|record| record["kind"] == kind).collect()
}

fn text(record: &Value, name: &str) -> String {
    record[name].as_str().unwrap().to_owned()
}
