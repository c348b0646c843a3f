//! Dead devices among living ones, in every way that a device can be dead: the others are asked as ever, the dead are named,
//! and nothing grows by asking them again and again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use muster::clock::Stopwatch;
use muster_sim::modbus::{Device, stamped};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::stand::{Process, Room, SOON};

/// Devices that live.
const LIVING: usize = 36;
/// Answers for which every one of them is waited.
const ANSWERS: u32 = 80;
/// A turn has two answers, and twice as many once a second: nobody is further ahead of another than by a few turns.
const AHEAD: u32 = 24;
/// Threads that a hanging resolver may take.
const RESOLVING: u64 = 8;
/// Memory that may come and go. KiB.
const ROOM_KIB: u64 = 8 << 10;

const PROFILE: &str = r#"
vendor = "test"
model = "counts"
kind = "modbus"
document = "the test's own"
proven_by = "simulated"
min_poll_ms = 100
timeout_ms = 300
[canary]
table = "holding"
address = 49
expect = 49
[[signal]]
name = "answers"
table = "holding"
address = 0
type = "u32"
quantity = "counter"
trip = true
[[signal]]
name = "rest"
table = "holding"
address = 20
type = "u16"
quantity = "counter"
"#;

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Devices that count their answers, and say how many they were.
struct Living {
    addresses: Vec<SocketAddr>,
    counts: Vec<Arc<AtomicU32>>,
    _devices: Vec<Device>,
}

impl Living {
    async fn start() -> Self {
        let counts: Vec<Arc<AtomicU32>> = (0..LIVING).map(|_| Arc::default()).collect();
        let mut devices = Vec::new();
        for count in &counts {
            let count = count.clone();
            let stamp: stamped::Stamp = Arc::new(move || count.fetch_add(1, Ordering::Relaxed));
            devices.push(stamped::spawn(anywhere(), 1, stamp).await.unwrap());
        }
        Self {
            addresses: devices.iter().map(Device::addr).collect(),
            counts,
            _devices: devices,
        }
    }

    fn answers(&self) -> Vec<u32> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Everybody answers, and nobody falls behind: however slow the machine is, it is as slow for all.
    async fn are_asked_alike(&self) {
        let (before, since) = (self.answers(), Stopwatch::start());
        loop {
            let answers = self.answers();
            let more: Vec<u32> = answers.iter().zip(&before).map(|(now, then)| now - then).collect();
            let (least, most) = (*more.iter().min().unwrap(), *more.iter().max().unwrap());
            assert!(most - least <= AHEAD, "some are asked less often than others: {more:?}");
            if least >= ANSWERS {
                return;
            }
            assert!(
                since.elapsed() < SOON,
                "not within {SOON:?}: {ANSWERS} answers of all; {more:?}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// One that accepts and never answers, one that refuses, one that has vanished, and one whose name nobody knows.
struct Dead {
    addresses: [String; 4],
    _mute: TcpListener,
    _refusing: TcpSocket,
    _vanished: (TcpListener, Vec<TcpStream>),
}

impl Dead {
    async fn start() -> Self {
        // The system accepts for a listener as long as its queue has room: nobody needs to be behind it.
        let mute = TcpListener::bind(anywhere()).await.unwrap();
        let refusing = TcpSocket::new_v4().unwrap();
        refusing.bind(anywhere()).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(anywhere()).unwrap();
        let vanished = socket.listen(1).unwrap();
        let (at, mut queue) = (vanished.local_addr().unwrap(), Vec::new());
        while let Ok(taken) = timeout(Duration::from_millis(300), TcpStream::connect(at)).await {
            queue.push(taken.unwrap());
            assert!(queue.len() < 64, "the queue does not fill");
        }
        Self {
            addresses: [
                mute.local_addr().unwrap().to_string(),
                refusing.local_addr().unwrap().to_string(),
                at.to_string(),
                "no-such-device.invalid:502".to_owned(),
            ],
            _mute: mute,
            _refusing: refusing,
            _vanished: (vanished, queue),
        }
    }
}

fn sources(prefix: &str, addresses: impl IntoIterator<Item = String>, profile: &str) -> String {
    let source = |(at, address): (usize, String)| {
        format!(
            "[[source]]\nid = \"{prefix}{at}\"\nkind = \"modbus\"\naddress = \"{address}\"\nzone = \"room\"\n\
             segment = \"house\"\nprofile = \"{profile}\"\n"
        )
    };
    addresses.into_iter().enumerate().map(source).collect()
}

/// Of `/proc/*/status`, see proc(5).
fn status(id: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn devices(muster: &Process) -> Vec<Value> {
    let text = muster.api.get("/api/v1/devices").await;
    let all: Value = serde_json::from_str(&text).unwrap();
    all["devices"].as_array().unwrap().clone()
}

/// Ids of the devices that are in trouble.
async fn in_trouble(muster: &Process) -> Vec<String> {
    let devices = devices(muster).await;
    let troubled = devices.iter().filter(|device| !device["trouble"].is_null());
    troubled
        .map(|device| device["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn until_in_trouble(muster: &Process, wanted: &[&str]) {
    let since = Stopwatch::start();
    loop {
        let troubled = in_trouble(muster).await;
        if troubled == wanted {
            return;
        }
        assert!(since.elapsed() < SOON, "not within {SOON:?}: {wanted:?}; {troubled:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_devices_change_nothing_for_the_living_and_are_named() {
    let (folder, living, dead) = (tempfile::tempdir().unwrap(), Living::start().await, Dead::start().await);
    let profile = folder.path().join("counts.toml");
    std::fs::write(&profile, PROFILE).unwrap();
    let profile = profile.to_str().unwrap();
    let of_living = sources("a", living.addresses.iter().map(ToString::to_string), profile);
    let of_dead = sources("dead", dead.addresses.clone(), profile);

    let alone = Process::run(&Room::with(&[]).and(&of_living)).await;
    living.are_asked_alike().await;
    assert_eq!(in_trouble(&alone).await, Vec::<String>::new());
    drop(alone);

    let muster = Process::run(&Room::with(&[]).and(&of_living).and(&of_dead)).await;
    until_in_trouble(&muster, &["dead0", "dead1", "dead2", "dead3"]).await;
    let [threads, memory] = ["Threads", "VmRSS"].map(|key| status(muster.id(), key));
    living.are_asked_alike().await;
    muster.api.until_count("modbus_timeout", 4).await;
    muster.api.until_count("modbus_connect", 12).await;
    until_in_trouble(&muster, &["dead0", "dead1", "dead2", "dead3"]).await;
    are_told_why(&muster).await;

    let [more_threads, more_memory] = ["Threads", "VmRSS"].map(|key| status(muster.id(), key));
    assert!(
        more_threads <= threads + RESOLVING,
        "{threads} threads, then {more_threads}"
    );
    assert!(more_memory <= memory + ROOM_KIB, "{memory} KiB, then {more_memory}");
    // One line a cause and minute.
    let log = muster.log();
    assert!(
        log.lines().filter(|line| line.contains("modbus_")).count() <= 4,
        "{log}"
    );
    let view = muster.api.status().await;
    assert!(view["votes"].as_array().unwrap().is_empty(), "{view}");
}

/// Every dead one says of itself in which way it is dead; the living have missed next to nothing and failed at nothing.
async fn are_told_why(muster: &Process) {
    let words = [
        "no answer within 300 ms",
        "refused",
        "within 3000 ms",
        "no-such-device.invalid:502",
    ];
    for device in devices(muster).await {
        let id = device["id"].as_str().unwrap();
        let line = device["last_error"]["line"].as_str().unwrap_or_default();
        match id.strip_prefix("dead") {
            Some(at) => assert!(line.contains(words[at.parse::<usize>().unwrap()]), "{device}"),
            None => assert!(line.is_empty() && device["answered_ms"].is_u64(), "{device}"),
        }
    }
}
