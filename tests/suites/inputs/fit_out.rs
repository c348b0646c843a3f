//! Every signal that an example names exists in the devices that `muster sim` puts up for it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use muster::clock::Stopwatch;
use tokio::time::sleep;

use crate::stand::{Process, SOON};

/// The text with each of its addresses moved to a free port of this machine.
fn on_free_ports(text: &str) -> String {
    let addresses = text.split('"').filter(|word| {
        let port = word.strip_prefix("10.0.4.").or(word.strip_prefix("127.0.0.1:"));
        port.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b':'))
    });
    let mut moved = BTreeMap::new();
    let mut taken = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        moved.insert(address, listener.local_addr().unwrap().to_string());
        taken.push(listener);
    }
    let mut text = text.to_owned();
    for (old, new) in moved {
        text = text.replace(&format!("\"{old}\""), &format!("\"{new}\""));
    }
    text
}

/// As the example stands, on free ports, and simulated.
fn example(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../gateway/examples")
        .join(name);
    let text = std::fs::read_to_string(file).unwrap();
    let mut text = on_free_ports(&text);
    if !text.contains("simulated = true") {
        text = text.replacen("[site]\n", "[site]\nsimulated = true\n", 1);
    }
    for (table, more) in [("mqtt", "insecure = true\n"), ("http", "")] {
        // At the beginning of a line: some are commented out.
        let head = format!("\n[{table}]\n");
        let listen = format!("listen = \"127.0.0.1:{}\"\n", free_port());
        match text.split_once(&head) {
            None => text.push_str(&format!("{head}{listen}{more}")),
            Some((_, rest)) if listens(rest) => {}
            Some(_) => text = text.replacen(&head, &format!("{head}{listen}"), 1),
        }
    }
    text
}

/// Whether the table that begins here says where it listens.
fn listens(rest: &str) -> bool {
    let table = rest.split("\n[").next().unwrap_or_default();
    table.lines().any(|line| line.starts_with("listen = "))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn all_are_heard(name: &str) {
    let muster = Process::of(&example(name)).await;
    let _devices = muster.simulate("quiet");
    let since = Stopwatch::start();
    loop {
        let channels = muster.api.channels().await;
        let unheard: Vec<_> = channels
            .iter()
            .filter(|c| c.value.is_none())
            .map(|c| (&c.id, &c.quality))
            .collect();
        if unheard.is_empty() {
            println!("{name}: {} channels heard after {:?}", channels.len(), since.elapsed());
            break;
        }
        assert!(since.elapsed() < SOON, "{name}: not heard: {unheard:?}");
        sleep(std::time::Duration::from_millis(50)).await;
    }
    let (status, dropped) = (muster.api.status().await, muster.api.dropped().await);
    // Devices may not have been up when they were first asked, and a simulated board has one sensor more than some need.
    let expected = ["modbus_connect", "unknown_channel"];
    let odd: Vec<_> = dropped
        .iter()
        .filter(|(cause, _)| !expected.contains(&cause.as_str()))
        .collect();
    assert!(odd.is_empty(), "{name}: {odd:?}");
    assert_eq!(status["votes"].as_array().map(Vec::len), Some(0), "{name}: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_room_as_recommended() {
    all_are_heard("pangyo-recommended.toml").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_room_as_it_was_built() {
    all_are_heard("pangyo-as-built.toml").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_single_room() {
    all_are_heard("single-room.toml").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_room_with_a_contact_module() {
    all_are_heard("contact-module.toml").await;
}
