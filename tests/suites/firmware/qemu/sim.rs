//! `muster sim --nodes` and `muster demo --firmware`, as somebody types them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::acting::demo::saves_everything;
use crate::site::process::binary;
use crate::stand::{Enrolled, Process, Room, SOON};

/// Something that runs, and what it prints.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until each of these has stood in a line, in any order.
    async fn until(&mut self, words: &[&str]) {
        let (mut all, since) = (Vec::new(), Stopwatch::start());
        let mut left = words.to_vec();
        while !left.is_empty() {
            let rest = (3 * SOON).saturating_sub(since.elapsed());
            let line = timeout(rest, self.lines.next_line()).await;
            let Some(line) = line.ok().and_then(|line| line.unwrap()) else {
                panic!("no line with {left:?}: {all:#?}");
            };
            left.retain(|word| !line.contains(word));
            all.push(line);
        }
    }

    /// Sends it a signal, as `INT`.
    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await;
        assert!(sent.unwrap().success());
    }

    /// The emulators it has started.
    fn emulators(&self) -> Vec<u32> {
        let id = self.child.id().unwrap();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let children = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
        let children: Vec<_> = children
            .flat_map(|ids| ids.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let children = children.into_iter().map(|id| id.parse().unwrap());
        children.filter(|child| is_emulator(*child)).collect()
    }
}

fn is_emulator(process: u32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
    // One that has ended and that nobody has asked about yet has no command line any more.
    let alive = std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty());
    alive && name.is_ok_and(|name| name.starts_with("qemu-system"))
}

async fn are_gone(processes: &[u32], after: &str) {
    let since = Stopwatch::start();
    while processes.iter().any(|process| is_emulator(*process)) {
        assert!(since.elapsed() < SOON, "after {after} emulators live on: {processes:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Each proves who it is and is heard; at the end it is said what they took, and none is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_config_are_emulated_with_their_certificates() {
    let site = Enrolled::with(&["n1", "n2"]);
    let room = Room::with(&["n1", "n2"]).enrolled(&site).on_one_port();
    let config = room.text(SocketAddr::from(([127, 0, 0, 1], 9)));
    let config = config.replace("armed = true", "armed = true\nsimulated = true");
    let gateway = Process::of(&config).await;
    let file = site.path("site.toml");
    std::fs::write(&file, config).unwrap();
    let certificates = site.path(".");
    let arguments = [
        "sim",
        file.to_str().unwrap(),
        "--nodes",
        "2",
        "--certificates",
        certificates.to_str().unwrap(),
    ];
    let mut sim = Running::start(&[&arguments[..], &["--scenario", "quiet"]].concat());
    for node in ["n1", "n2"] {
        for signal in ["temperature", "voc"] {
            let id = format!("{node}.{signal}");
            gateway
                .api
                .until_channel(&id, "it is heard", |c| c.quality == "simulated" && c.value.is_some())
                .await;
        }
    }
    assert_eq!(gateway.api.count("certificate_missing").await, 0);
    sim.until(&["n1         muster node n1 of s1", "n2         muster node n2 of s1"])
        .await;
    let emulators = sim.emulators();
    assert_eq!(emulators.len(), 2);
    sim.signal("INT").await;
    sim.until(&["2 boards for", "% of one core"]).await;
    let ended = timeout(SOON, sim.child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
    are_gone(&emulators, "the end").await;
}

/// However it ends, no emulator stays behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_emulator_outlives_whoever_started_it() {
    for signal in ["TERM", "KILL"] {
        // Nobody listens there: the boards go on trying.
        let mut sim = Running::start(&["sim", "--nodes", "2", "--site", "s1", "--broker", "127.0.0.1:1"]);
        sim.until(&["muster node node-1 of s1", "muster node node-2 of s1"])
            .await;
        let emulators = sim.emulators();
        assert_eq!(emulators.len(), 2, "{signal}");
        sim.signal(signal).await;
        are_gone(&emulators, signal).await;
    }
    let mut demo = Running::start(&["demo", "--firmware"]);
    demo.until(&["recommended", "page at"]).await;
    let emulators = demo.emulators();
    assert_eq!(emulators.len(), 3);
    demo.signal("INT").await;
    are_gone(&emulators, "INT to the demo").await;
}

async fn refused(arguments: &[&str], path: Option<&Path>) -> String {
    let mut command = Command::new(binary());
    command.args(arguments).kill_on_drop(true);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let Output { status, stderr, .. } = timeout(SOON, command.output()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(64), "{arguments:?}");
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_to_type() {
    let empty = tempfile::tempdir().unwrap();
    let boards = ["sim", "--nodes", "2", "--site", "s1"];
    let says = refused(&boards, Some(empty.path())).await;
    assert!(says.contains("apt install qemu-system-arm"), "{says}");
    let nowhere = empty.path().join("board");
    let image = ["--image", nowhere.to_str().unwrap()];
    for command in [&boards[..], &["demo", "--firmware"]] {
        let says = refused(&[command, &image].concat(), None).await;
        assert!(
            says.contains(&format!("no firmware image at {}", nowhere.display())),
            "{says}"
        );
    }
    let says = refused(&["sim", "--nodes", "2"], None).await;
    assert!(says.contains("--site ID"), "{says}");
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../gateway/examples/pangyo-recommended.toml"
    );
    let says = refused(&["sim", example, "--nodes", "4"], None).await;
    assert!(says.contains("the config of pangyo-rec has 3"), "{says}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "heavy: the whole story, two and a quarter minutes"]
async fn the_demo_with_emulated_boards_saves_everything_as_well() {
    saves_everything(&["--firmware"]).await;
}
