//! One client at full speed beside a canary.

use std::process::Stdio;
use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::peers::{Canary, pack, topic, voc};
use crate::stand::{Enrolled, Process, Room, SOON, Shown};

const NODE: &str = "node-1";

/// `mosquitto_pub -l`: a message a line, as fast as they are taken.
struct Flood {
    child: Child,
    feed: JoinHandle<()>,
}

impl Flood {
    fn start(port: u16, kind: &str, qos: &str, proof: Option<&Enrolled>, line: fn(u64) -> Vec<u8>) -> Self {
        let mut command = Command::new("mosquitto_pub");
        let (port, topic) = (port.to_string(), topic(NODE, kind));
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-i",
            NODE,
            "-V",
            "mqttv5",
            "-q",
            qos,
            "-t",
            &topic,
            "-l",
        ]);
        if let Some(site) = proof {
            let Shown { cert, key } = site.shown(NODE);
            command.arg("--cafile").arg(site.path("site-ca.pem"));
            command.arg("--cert").arg(cert).arg("--key").arg(key);
        }
        command.stdin(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let feed = tokio::spawn(async move {
            for n in 1.. {
                let mut line = line(n);
                line.push(b'\n');
                if input.write_all(&line).await.is_err() {
                    return;
                }
            }
        });
        Self { child, feed }
    }

    async fn stop(mut self) {
        self.feed.abort();
        self.child.kill().await.unwrap();
    }
}

async fn looked_at(muster: &Process) -> u64 {
    let dropped: u64 = muster.api.dropped().await.iter().map(|(_, n)| n).sum();
    muster.api.metric("muster_readings_total").await + dropped
}

async fn beside_a_canary(proof: Option<&Enrolled>) -> (Process, Canary) {
    let room = Room::with(&[Canary::ID, NODE]);
    let muster = Process::run(&proof.map_or(room.clone(), |site| room.enrolled(site))).await;
    let shown = proof.map_or(serde_json::json!({}), |site| site.paho(Some(&site.shown(Canary::ID))));
    let mut canary = Canary::proven(muster.mqtt, &shown).await;
    canary.is_heard(&muster.api).await;
    (muster, canary)
}

async fn alarm_to_decision(muster: &Process, canary: &mut Canary) -> Duration {
    let alarmed = Stopwatch::start();
    canary.alarm().await;
    let decided = timeout(SOON, async {
        // One vote; as a process the site runs on one group, so it evacuates at once.
        while muster.api.status().await["level"] != "evacuate" {}
        alarmed.elapsed()
    });
    decided.await.expect("the canary's alarm was not decided")
}

/// The canary alarms amid a flood. Gives messages a second, and how long the decision took.
async fn alarm_amid(
    kind: &'static str,
    qos: &'static str,
    proof: Option<&Enrolled>,
    line: fn(u64) -> Vec<u8>,
) -> (u64, Duration) {
    let (muster, mut canary) = beside_a_canary(proof).await;
    let flood = Flood::start(muster.mqtt, kind, qos, proof, line);
    while looked_at(&muster).await < 5_000 {
        sleep(Duration::from_millis(20)).await;
    }
    let (before, since) = (looked_at(&muster).await, Stopwatch::start());
    let resident_before = muster.api.metric("process_resident_memory_bytes").await;
    for _ in 0..10 {
        canary.is_heard(&muster.api).await;
    }
    let took = alarm_to_decision(&muster, &mut canary).await;
    while since.elapsed() < Duration::from_secs(4) {
        canary.is_heard(&muster.api).await;
    }
    let rate = (looked_at(&muster).await - before) * 1_000 / since.elapsed().as_millis() as u64;
    let resident = muster.api.metric("process_resident_memory_bytes").await;
    flood.stop().await;
    let status = muster.api.status().await;
    assert_eq!(
        status["votes"].as_array().map(Vec::len),
        Some(1),
        "the flood voted: {status}"
    );
    println!(
        "flood on {kind}, QoS {qos}, {}: {rate} msg/s; alarm published -> decided {took:?}; resident {} -> {} KiB",
        if proof.is_some() { "TLS" } else { "plain" },
        resident_before >> 10,
        resident >> 10
    );
    assert!(resident < resident_before + (32 << 20), "memory grows");
    (rate, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_good_readings_delays_no_alarm() {
    let (rate, took) = alarm_amid("data", "1", None, |n| pack(NODE, 1, n, &voc(1.0))).await;
    assert!(rate > 1_000, "no flood: {rate} msg/s");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_the_lane_of_alarms_delays_no_other_alarm() {
    let (rate, took) = alarm_amid("alarm", "1", None, |n| pack(NODE, 1, n, &voc(1.0))).await;
    assert!(rate > 1_000, "no flood: {rate} msg/s");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_rubbish_delays_no_alarm() {
    let (rate, took) = alarm_amid("alarm", "0", None, |n| format!("rubbish {n}").into_bytes()).await;
    assert!(rate > 1_000, "no flood: {rate} msg/s");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_a_node_with_a_certificate_delays_no_other_alarm() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let (rate, took) = alarm_amid("alarm", "1", Some(&site), |n| pack(NODE, 1, n, &voc(1.0))).await;
    assert!(rate > 500, "no flood: {rate} msg/s");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
