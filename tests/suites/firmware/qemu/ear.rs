//! An ear at the broker: every pack as the boards put it on the wire, before any gateway has judged it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use muster::clock::Stopwatch;
use muster_wire::Mark;
use muster_wire::senml::{LOST, Pack, Value};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::stand::SOON;
use crate::uplink::broker::Broker;

/// One pack of a node. One that goes again after a cut is heard again.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) mark: Mark,
    /// Name, and what it says where that is text.
    pub(super) texts: Vec<(String, String)>,
    /// When each sample of this name was taken, since the ear began.
    samples: Vec<(String, Duration)>,
}

/// Listens until it is dropped.
pub(super) struct Ear {
    heard: watch::Receiver<BTreeMap<String, Vec<Heard>>>,
    task: JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ear {
    /// At this broker; it has subscribed when this returns.
    pub(super) async fn at(broker: &Broker) -> Self {
        let mut options = MqttOptions::new("ear", "127.0.0.1", broker.port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut events) = AsyncClient::new(options, 10);
        for kind in ["data", "alarm", "birth"] {
            let topic = format!("muster/v1/+/+/{kind}");
            client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        }
        let (tell, heard) = watch::channel(BTreeMap::<String, Vec<Heard>>::new());
        let (subscribed, mut ready) = watch::channel(0);
        let task = tokio::spawn(async move {
            // It lives as long as the loop does.
            let (_client, since) = (client, Stopwatch::start());
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => subscribed.send_modify(|n| *n += 1),
                    Event::Incoming(Packet::Publish(message)) => {
                        let (node, pack) = read(&message.payload, since.elapsed());
                        tell.send_modify(|all| all.entry(node).or_default().push(pack));
                    }
                    _ => {}
                }
            }
        });
        let all = timeout(SOON, ready.wait_for(|n| *n == 3)).await;
        all.expect("the ear hears nothing").unwrap();
        Self { heard, task }
    }

    /// Everything of a node so far.
    pub(super) fn of(&self, node: &str) -> Vec<Heard> {
        self.heard.borrow().get(node).cloned().unwrap_or_default()
    }

    /// Waits until this is true of what was heard of a node.
    pub(super) async fn until(&self, node: &str, what: &str, is_so: impl Fn(&[Heard]) -> bool) {
        self.within(SOON, node, what, is_so).await;
    }

    /// As [`Ear::until`], with a bound of the caller's.
    pub(super) async fn within(&self, bound: Duration, node: &str, what: &str, is_so: impl Fn(&[Heard]) -> bool) {
        let mut heard = self.heard.clone();
        let found = timeout(bound, heard.wait_for(|all| all.get(node).is_some_and(|all| is_so(all)))).await;
        let short: Vec<_> = self.of(node).iter().map(|p| (p.mark.seq, p.samples.len())).collect();
        assert!(found.is_ok(), "{node}: {what}; packs, and samples in each: {short:?}");
    }

    /// The numbers of a node's packs: every one, from the first to the last, has been heard, all of one boot, and none says
    /// that a sample was lost. Gives how many packs there were.
    #[track_caller]
    pub(super) fn assert_none_missing(&self, node: &str) -> usize {
        let heard = self.of(node);
        let boots: BTreeSet<_> = heard.iter().map(|pack| pack.mark.boot).collect();
        assert_eq!(boots.len(), 1, "{node} began anew: {boots:?}");
        let numbers: BTreeSet<_> = heard.iter().map(|pack| pack.mark.seq).collect();
        let (first, last) = (*numbers.first().unwrap(), *numbers.last().unwrap());
        let missing: Vec<_> = (first..=last).filter(|seq| !numbers.contains(seq)).collect();
        assert!(
            missing.is_empty() && first == 1,
            "{node}: from {first} to {last}, missing {missing:?}"
        );
        let lost = heard
            .iter()
            .any(|pack| pack.samples.iter().any(|(name, _)| name == LOST));
        assert!(!lost, "{node} says that it lost samples");
        numbers.len()
    }

    /// When a node took its samples of this name, since the ear began, in order; what went again counts once.
    pub(super) fn sampled(&self, node: &str, name: &str) -> Vec<Duration> {
        let mut packs: BTreeMap<Mark, Heard> = BTreeMap::new();
        for pack in self.of(node) {
            packs.entry(pack.mark).or_insert(pack);
        }
        let samples = packs.into_values().flat_map(|pack| pack.samples);
        let mut times: Vec<_> = samples.filter(|(n, _)| n == name).map(|(_, at)| at).collect();
        times.sort();
        times
    }
}

fn read(payload: &[u8], now: Duration) -> (String, Heard) {
    let pack = Pack::parse(payload).unwrap();
    let header = pack.header();
    let mut heard = Heard {
        mark: header.mark.unwrap(),
        texts: Vec::new(),
        samples: Vec::new(),
    };
    for record in pack.records().map(Result::unwrap) {
        match record.value {
            Value::Text(text) => heard.texts.push((record.name.to_owned(), text.to_owned())),
            _ => {
                let age = Duration::from_millis(record.age_ms.into());
                heard.samples.push((record.name.to_owned(), now.saturating_sub(age)));
            }
        }
    }
    (header.node.to_owned(), heard)
}
