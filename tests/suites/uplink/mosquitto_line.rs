//! What happens on the line to mosquitto: cut, overrun, taken over, behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use muster::config;
use muster::counters::{Cause, Counters};
use muster::ingest::Ingest;
use muster::lanes::{Control, LaneEnds, lanes};
use muster::sources::mqtt::{Broker as _, Uplink};
use muster_core::Input;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::broker::Broker;
use super::cut::Cable;
use super::watched::{NODE, alarm_evacuates, is_down, is_heard, pack, start, topic, trouble};
use crate::stand::{Room, SOON};

/// A broker that owes a slow reader anything it was given.
const PATIENT: &str = "max_queued_messages 0";

/// A line into lanes that nobody empties but the test.
struct Stalled {
    uplink: Uplink,
    ends: LaneEnds,
    counters: Counters,
    folder: tempfile::TempDir,
}

impl Stalled {
    async fn start(room: Room, broker: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let room = room.connect(&format!("insecure = true\nconnect = \"mqtt://127.0.0.1:{broker}\""));
        let config = room.config(folder.path(), std::net::SocketAddr::from(([127, 0, 0, 1], 9)));
        let (lanes, ends) = lanes();
        let counters = Counters::default();
        let ingest = Arc::new(Ingest::new(&config, &[], lanes.clone(), counters.clone()));
        let config::MqttWay::Connect(connect) = &config.mqtt.way else {
            unreachable!()
        };
        let uplink = Uplink::start(&config, connect, ingest, lanes, counters.clone());
        Self {
            uplink,
            ends,
            counters,
            folder,
        }
    }

    /// Nothing but what is said of the sources and the line comes here.
    fn troubles(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(said) = self.ends.control.try_recv() {
            let Control::Input(
                Input::Own {
                    trouble: Some(line), ..
                }
                | Input::Lost { why: line, .. },
            ) = said
            else {
                continue;
            };
            all.push(line);
        }
        all
    }

    /// Values that have reached the lanes, until this many.
    async fn values(&mut self, n: usize) -> Vec<i64> {
        let mut values = Vec::new();
        while values.len() < n {
            let next = timeout(SOON, async {
                tokio::select! {
                    batch = self.ends.data.recv() => batch,
                    batch = self.ends.alarm.recv() => batch,
                }
            });
            let batch = next
                .await
                .unwrap_or_else(|_| panic!("{} of {n} values came", values.len()))
                .unwrap();
            for input in batch.inputs {
                if let Input::Reading { value: Ok(value), .. } = input {
                    values.push(value.0);
                }
            }
        }
        values
    }
}

/// `mosquitto_pub -l`: a message a line.
async fn publish_lines(port: u16, topic: &str, lines: impl Iterator<Item = String>) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1", "-t", topic, "-l"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    drop(input);
    assert!(
        timeout(SOON, child.wait())
            .await
            .expect("mosquitto_pub hangs")
            .unwrap()
            .success()
    );
}

fn in_order(values: &[i64]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_lane_ends_no_line_and_nothing_is_lost_behind_it() {
    let broker = Broker::mosquitto(PATIENT).await;
    let mut stalled = Stalled::start(Room::with(&[NODE]), broker.port).await;
    broker.publish(&topic("data"), &pack(0, 0.0)).await;
    while !broker_hears(&mut stalled).await {
        broker.publish(&topic("data"), &pack(0, 0.0)).await;
    }
    // More than the lane (8,192) and everything before it hold.
    let n = 12_000;
    publish_lines(
        broker.port,
        &topic("data"),
        (1..=n).map(|seq| pack(seq, seq as f64 / 1_000.0)),
    )
    .await;
    // Longer than a proof of life and two pings may take.
    sleep(Duration::from_secs(12)).await;
    let said = stalled.troubles();
    assert!(
        said.iter().all(|line| line.contains("the engine is behind")),
        "a full lane ended the line: {said:?}"
    );
    assert!(!said.is_empty(), "the lane was not full");
    let values = stalled.values(n as usize).await;
    assert!(
        in_order(&values) && values.len() == n as usize,
        "{} values",
        values.len()
    );
    let said = stalled.troubles();
    assert!(
        !said.iter().any(|line| line.contains("not heard")),
        "catching up is no outage: {said:?}"
    );
    stalled.uplink.stop();
}

/// Whether anything has come; at the very start nobody may have subscribed yet.
async fn broker_hears(stalled: &mut Stalled) -> bool {
    let heard = timeout(Duration::from_millis(200), stalled.ends.data.recv())
        .await
        .is_ok();
    if heard {
        stalled.troubles();
    }
    heard
}

/// Somebody else's sensor: nothing in its messages says which of them is which.
const SENSOR: &str = "[[source]]\nid = \"shelf\"\nkind = \"mqtt-json\"\ntopic = \"shelf\"\nzone = \"room\"\n\
                      [[channel]]\nsource = \"shelf\"\nsignal = \"/t\"\nquantity = \"counter\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_under_way_when_the_line_was_cut_is_taken_once() {
    let broker = Broker::mosquitto(PATIENT).await;
    let cable = Cable::to(broker.port).await;
    let mut stalled = Stalled::start(Room::with(&[]).and(SENSOR), cable.port).await;
    broker.publish("shelf", "{\"t\":0}").await;
    while !broker_hears(&mut stalled).await {
        broker.publish("shelf", "{\"t\":0}").await;
    }
    // Some have reached the lane and are acknowledged; the lane is full and the rest waits, not acknowledged, when it is cut.
    let n = 8_192 + 400;
    publish_lines(broker.port, "shelf", (1..=n).map(|t| format!("{{\"t\":{t}}}"))).await;
    sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        cable.cut();
        sleep(Duration::from_millis(1_500)).await;
    }
    assert!(!stalled.troubles().is_empty(), "it was not cut");
    let values = stalled.values(n as usize).await;
    assert!(in_order(&values), "twice, or out of order");
    let more = timeout(Duration::from_secs(1), stalled.ends.data.recv()).await;
    assert!(more.is_err(), "more than was sent: {more:?}");
    assert!(stalled.counters.get(Cause::Replayed) > 0, "nothing was under way");
    stalled.uplink.stop();
    drop(stalled.folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_what_may_be_lost_delays_no_alarm() {
    let broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    let mut command = Command::new("sh");
    let flood = format!(
        "yes '{}' | mosquitto_pub -h 127.0.0.1 -p {} -q 0 -t {} -l",
        pack(1, 20.0),
        broker.port,
        topic("data")
    );
    let mut flood = command
        .arg("-c")
        .arg(format!("exec 2>&-; {flood}"))
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .unwrap();
    stand.api.until_count("replayed", 20_000).await;
    let since = muster::clock::Stopwatch::start();
    broker.publish(&topic("alarm"), &pack(1_000_000, 90.0)).await;
    let published = since.elapsed();
    stand
        .until("evacuation", |v| v.level == muster_core::Level::Evacuate)
        .await;
    println!("published after {published:?}, decided after {:?}", since.elapsed());
    assert_eq!(trouble(&stand.view()), None);
    let group = flood.id().unwrap();
    Command::new("kill")
        .args(["-KILL", "--", &format!("-{group}")])
        .status()
        .await
        .unwrap();
    flood.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_of_our_name_is_named_and_does_not_end_us() {
    let broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker
        .publish_with(&["-i", "muster-s1", "-V", "mqttv5"], "elsewhere", "x")
        .await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("client id"), "{said}");
    is_heard(&stand, &broker, 100).await;
    alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_of_one_name_do_not_throw_each_other_out_at_full_speed() {
    let broker = Broker::mosquitto("").await;
    let cables = [Cable::to(broker.port).await, Cable::to(broker.port).await];
    let mut both = Vec::new();
    for cable in &cables {
        both.push(Stalled::start(Room::with(&[NODE]), cable.port).await);
    }
    sleep(Duration::from_secs(8)).await;
    let tries: BTreeSet<usize> = cables.iter().map(Cable::carried).collect();
    println!("connections each: {tries:?}");
    assert!(tries.iter().all(|n| (2..=8).contains(n)), "{tries:?}");
    both.iter().for_each(|s| s.uplink.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_lets_us_say_nothing_is_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "topic write muster/v1/s1/node-1/#\ntopic read #\n").unwrap();
    let broker = Broker::mosquitto(&format!("acl_file {}", rules.display())).await;
    let stand = crate::stand::Stand::start(Room::with(&[NODE]).connect(&broker.plain())).await;
    let said = |v: &muster_core::View| trouble(v).is_some_and(|t| t.contains("_pulse"));
    stand.until("what is refused is named", said).await;
    std::fs::write(&rules, "topic readwrite #\n").unwrap();
    broker.reload().await;
    is_heard(&stand, &broker, 100).await;
}
