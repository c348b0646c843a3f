//! Tells every node how far its packs are on disk, so that it can empty its store (design §10).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mqtt5::QoS;
use mqtt5::packet::publish::PublishPacket;
use muster_wire::senml::PackWriter;
use muster_wire::{Topic, TopicKind};
use tokio::sync::Notify;

use super::listener::Parts;
use crate::counters::Cause;
use crate::lanes::Mark;

/// A pack of nothing but boot and seq always fits this. Bytes.
const ACK_BYTES: usize = 96;

/// Acknowledgements on their way out: one a node, the highest, so the nodes of the config are their bound.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    marks: Mutex<BTreeMap<Arc<str>, Mark>>,
    come: Notify,
}

impl Waiting {
    /// Takes a mark and returns at once. The highest of a node stands for all below it.
    pub(super) fn put(&self, mark: &Mark) {
        let mut marks = self.lock();
        let higher = |kept: &Mark| (kept.boot, kept.seq) >= (mark.boot, mark.seq);
        if !marks.get(&mark.node).is_some_and(higher) {
            marks.insert(mark.node.clone(), mark.clone());
        }
        drop(marks);
        self.come.notify_one();
    }

    /// Waits for some, and takes them.
    pub(super) async fn next(&self) -> BTreeMap<Arc<str>, Mark> {
        self.come.notified().await;
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Mark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes what waits until the broker stops. A node that is away or does not read hears the next one.
pub(super) async fn tell(waiting: Arc<Waiting>, parts: Parts) {
    let mut stopped = parts.stop.subscribe();
    loop {
        let marks = tokio::select! {
            marks = waiting.next() => marks,
            _ = stopped.recv() => return,
        };
        for packet in marks.values().filter_map(|mark| packet(&parts.site, mark)) {
            // It waits at most two seconds for a node that does not read; meanwhile later marks take the place of older ones.
            parts.router.route_message(&packet, None).await;
        }
        marks.keys().for_each(|node| end_if_slow(node, &parts));
    }
}

/// A client that leaves this many acknowledgements unread, behind those that its window and its lane hold.
const UNREAD: usize = 4;

fn end_if_slow(node: &str, parts: &Parts) {
    let unread = parts.router.queue_handle(node).count();
    if unread > UNREAD {
        let what = format!("{unread} acknowledgements wait unread; its connection is ended");
        parts.counters.count(Cause::SlowReader, node, &what);
        parts.clients.send_away(node);
    }
}

fn packet(site: &str, mark: &Mark) -> Option<PublishPacket> {
    let (topic, payload) = ack(site, mark)?;
    Some(PublishPacket::new(topic, payload, QoS::AtLeastOnce))
}

/// Topic and payload. None only for a mark that fits no pack, which no pack can have brought.
pub(super) fn ack(site: &str, mark: &Mark) -> Option<(String, Vec<u8>)> {
    let Mark { node, boot, seq } = mark;
    let kind = TopicKind::Ack;
    let topic = Topic { site, node, kind }.to_string();
    let durable = muster_wire::Mark { boot: *boot, seq: *seq };
    let mut buf = [0; ACK_BYTES];
    let payload = PackWriter::new(&mut buf, node, durable, false).ok()?.finish();
    Some((topic, payload.to_vec()))
}

#[cfg(test)]
mod tests {

    use muster_wire::senml::Pack;

    use super::*;

    fn mark(node: &str, boot: u64, seq: u64) -> Mark {
        let node = node.into();
        Mark { node, boot, seq }
    }

    #[test]
    fn an_ack_is_a_pack_of_nothing_but_its_mark() {
        let node = "n".repeat(32);
        let sent = packet("seoul-1", &mark(&node, u64::MAX >> 1, u64::MAX >> 1)).unwrap();
        assert_eq!(sent.topic_name, format!("muster/v1/seoul-1/{node}/ack"));
        assert_eq!((sent.qos, sent.retain), (QoS::AtLeastOnce, false));
        let pack = Pack::parse(&sent.payload).unwrap();
        let durable = pack.header().mark.unwrap();
        assert_eq!((durable.boot, durable.seq), (u64::MAX >> 1, u64::MAX >> 1));
        assert_eq!(pack.header().node, node);
        assert_eq!(pack.records().count(), 0);
    }

    #[tokio::test]
    async fn the_highest_of_a_node_stands_for_all_below_it() {
        let waiting = Waiting::default();
        for (node, boot, seq) in [("a", 1, 9), ("b", 1, 1), ("a", 2, 3), ("a", 1, 10), ("a", 2, 2)] {
            waiting.put(&mark(node, boot, seq));
        }
        let next = waiting.next().await;
        assert_eq!(
            next.into_values().collect::<Vec<_>>(),
            [mark("a", 2, 3), mark("b", 1, 1)]
        );
    }
}
