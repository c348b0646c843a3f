//! What a reload leaves of a node.

use std::path::Path;

use super::*;
use crate::config::{self, Config};
use crate::lanes::{LaneEnds, lanes};

/// Nodes with a channel `voc` each.
fn config(nodes: &[&str]) -> Config {
    let nodes: String = nodes
        .iter()
        .map(|id| format!("[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"room\"\nsignals = [\"voc\"]\n"))
        .collect();
    let text = format!(
        "[site]\nid = \"s1\"\nsingle_group = true\n[mqtt]\nlisten = \"127.0.0.1:0\"\ninsecure = true\n[[zone]]\nid = \"room\"\n{nodes}"
    );
    config::parse(&text, Path::new("/nowhere/muster.toml")).unwrap().0
}

struct Stand {
    ingest: Ingest,
    lanes: Lanes,
    ends: LaneEnds,
    counters: Counters,
    verdict: Verdict,
}

impl Stand {
    fn new(config: &Config) -> Self {
        let (lanes, ends) = lanes();
        let counters = Counters::default();
        let ingest = Ingest::new(config, &[], lanes.clone(), counters.clone());
        Self {
            ingest,
            lanes,
            ends,
            counters,
            verdict: Verdict::Taken,
        }
    }

    fn reload(&mut self, config: &Config) {
        self.lanes = self.lanes.under(self.lanes.epoch.next());
        self.ingest.reload(config, self.lanes.clone());
    }

    /// Says one pack; the batch of it, if it was taken.
    async fn say(&mut self, node: &str, boot: u64, seq: u64) -> Option<Batch> {
        let payload = format!(
            r#"[{{"bn":"{node}:","n":"boot","v":{boot}}},{{"n":"seq","v":{seq}}},{{"n":"voc","u":"ppm","v":1}}]"#
        );
        let message = Message {
            client: node,
            topic: &format!("muster/v1/s1/{node}/data"),
            payload: payload.as_bytes(),
            retain: false,
        };
        self.verdict = self.ingest.take(message).await;
        self.ends.data.try_recv().ok()
    }
}

/// Invariant 9 over reloads: also of a node that was not in the config for a while.
#[tokio::test]
async fn marks_go_on_whatever_the_config_says() {
    let (with, without) = (config(&["n1"]), config(&["n2"]));
    let mut stand = Stand::new(&with);
    assert!(stand.say("n1", 3, 7).await.is_some());
    stand.reload(&with);
    assert!(stand.say("n1", 3, 7).await.is_none(), "a replay after a reload");
    stand.reload(&without);
    assert!(stand.say("n1", 3, 8).await.is_none(), "nobody of this config");
    assert_eq!(stand.counters.get(Cause::UnknownNode), 1);
    stand.reload(&with);
    assert!(stand.say("n1", 3, 7).await.is_none(), "a replay after it came back");
    assert_eq!(stand.counters.get(Cause::Replayed), 2);
    assert!(stand.say("n1", 3, 8).await.is_some());
}

/// A board whose memory is dead begins at 1 again: it is refused, and told the boot count it is behind of, and no more.
#[tokio::test]
async fn a_boot_count_below_one_heard_is_told_so() {
    let mut stand = Stand::new(&config(&["n1"]));
    assert!(stand.say("n1", 9, 4).await.is_some());
    assert_eq!(stand.verdict, Verdict::Taken);
    assert!(stand.say("n1", 1, 700).await.is_none());
    let mark = Mark {
        node: "n1".into(),
        boot: 9,
        seq: 0,
    };
    assert_eq!(stand.verdict, Verdict::Behind(mark));
    assert!(stand.say("n1", 9, 4).await.is_none());
    assert_eq!(
        stand.verdict,
        Verdict::Taken,
        "a replay within a boot is nobody's lost memory"
    );
    assert!(stand.say("n1", 10, 1).await.is_some());
    assert_eq!(stand.counters.get(Cause::Replayed), 2);
}

/// Invariant 16: the batch says under which config its places stand.
#[tokio::test]
async fn a_batch_says_whose_indices_it_carries() {
    let mut stand = Stand::new(&config(&["n1"]));
    let before = stand.say("n1", 1, 1).await.unwrap();
    stand.reload(&config(&["front", "n1"]));
    let after = stand.say("n1", 1, 2).await.unwrap();
    let channel = |batch: &Batch| match batch.inputs[..] {
        [muster_core::Input::Reading { channel, .. }] => channel.0,
        _ => unreachable!("one reading a pack"),
    };
    assert_eq!((channel(&before), channel(&after)), (0, 1));
    assert!(before.epoch != after.epoch && after.epoch == stand.lanes.epoch);
}
