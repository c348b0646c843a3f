//! Modbus devices behind the library's own server; upsd has its own suite.

use std::path::Path;

use clap::Parser;

use super::*;
use crate::sources::modbus::tests::server::{Registers, serve, sunspec};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(more: &[&str]) -> Args {
    Line::try_parse_from([&["probe"], more].concat()).unwrap().args
}

/// What is printed of a device, after it has been looked at, and whether it may be configured.
async fn screen(registers: Registers, more: &[&str]) -> (String, bool) {
    let address = serve(registers).await;
    let args = args(&[&[address.as_str(), "--kind", "modbus"], more].concat());
    let found = ask(&args).await.unwrap();
    let text = said(&args, &found);
    println!("{text}");
    let lines: String = found.iter().filter_map(|f| block::of(f, "battery-room")).collect();
    if !lines.is_empty() {
        assert_config(&lines);
    }
    (text, found.iter().any(Found::answers))
}

/// All that a config needs beside what is found.
const ROOM: &str = r#"[site]
id = "here"
single_group = true
[mqtt]
insecure = true
[http]
public_url = "https://muster.example"
[[zone]]
id = "battery-room"
[[source]]
id = "node-1"
kind = "node"
zone = "battery-room"
signals = ["temperature", "smoke"]
"#;

/// The lines are a config's, without a fault.
fn assert_config(lines: &str) {
    let text = format!("{ROOM}{lines}");
    let read = crate::config::parse(&text, Path::new("/site.toml"));
    assert!(read.is_ok(), "{:?}\n{text}", read.err());
}

fn assert_says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_sunspec_battery_is_named_by_its_model() {
    let registers = Registers {
        identity: vec!["Acme\u{1b}[2J", "Pack 9", "v1.2"],
        ..Registers::default()
    };
    sunspec(&registers, 50_000);
    registers.set(50_008 + 64, &[803, 0, 0xFFFF, 0]);
    let (text, answers) = screen(registers, &["--unit", "3"]).await;
    assert!(answers);
    assert_says(
        &text,
        &[
            "battery-802  Acme\\u{1b}[2J Pack 9 v1.2, SunSpec models 1, 802, 803",
            "charge                   87.5 %           model 802, register 11",
            "profile = \"sunspec/battery-802\"\nunit = 3\n",
            "over_temperature         YES",
        ],
    );
    let signals = text.lines().find(|line| line.starts_with("signals = ")).unwrap();
    assert!(
        signals.contains("\"charge\"") && !signals.contains("\"voltage\""),
        "{signals}"
    );
}

/// A Smart-UPS on battery.
fn smart_ups() -> Registers {
    let registers = Registers::default();
    registers.set(0, &[0, 0b100]);
    registers.set(128, &[0, 720, 25_600, 1_752]);
    registers.set(532, &[0x536D, 0x6172, 0x742D, 0x5550]);
    registers
}

#[tokio::test]
async fn a_smart_ups_is_named_by_its_canary() {
    let (text, answers) = screen(smart_ups(), &[]).await;
    assert!(answers && !text.contains("could be"), "{text}");
    let lines = [
        "smart-ups\n  read by profile apc/smart-ups",
        "on_battery               YES              holding 0",
        "charge                   50 %             holding 130",
        "id = \"smart-ups\"\nkind = \"modbus\"",
    ];
    assert_says(&text, &lines);
}

#[tokio::test]
async fn what_may_be_in_any_device_names_none() {
    let registers = Registers::default();
    registers.set(446, &[7]);
    let (text, answers) = screen(registers, &[]).await;
    assert!(!answers && !text.contains("[[source]]"), "{text}");
    assert_says(
        &text,
        &["no profile of Muster's is known to fit", "--profile vertiv/liebert-nxc"],
    );
    let (text, _) = screen(smart_ups(), &["--profile", "vertiv/liebert-nxc"]).await;
    assert_says(&text, &["says nothing: canary does not hold"]);
    let (text, answers) = screen(smart_ups(), &["--profile", "generic/dry-contacts"]).await;
    assert!(answers, "{text}");
}

#[tokio::test]
async fn a_device_that_refuses_everything_says_so() {
    let registers = Registers {
        refuses: true,
        ..Registers::default()
    };
    let (text, answers) = screen(registers, &["--unit", "9"]).await;
    assert!(!answers);
    assert_says(
        &text,
        &["unit 9\n  it refuses every question: look whether 9 is its unit id"],
    );
}

#[tokio::test]
async fn nobody_there_and_a_wrong_way_to_ask_have_exit_codes() {
    let code = async |more: &[&str]| ask(&args(more)).await.err().map(|(code, _)| code);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(code(&[&nobody, "--kind", "modbus"]).await, Some(exit::UNREACHABLE));
    assert_eq!(
        code(&[&nobody, "--kind", "modbus", "--profile", "no/such"]).await,
        Some(exit::USAGE)
    );
    assert_eq!(
        code(&[&nobody, "--kind", "modbus", "--profile", "nut/ups"]).await,
        Some(exit::USAGE)
    );
    assert_eq!(code(&["localhost"]).await, Some(exit::USAGE));
    assert_eq!(code(&["localhost:1234"]).await, Some(exit::USAGE));
    for (port, kind) in [(502, Kind::Modbus), (161, Kind::Snmp), (3_493, Kind::Nut)] {
        assert_eq!(kind::of(&format!("h:{port}"), None), Ok(kind));
    }
}
