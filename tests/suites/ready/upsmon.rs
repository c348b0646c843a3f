//! NUT's own upsmon against Muster's face: it shuts its host down when the core says so, and never before.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::site::acting_site::{ANNA, SiteText};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::talk::{self, SOON};

/// A host whose shutdown is a file.
struct Host {
    folder: TempDir,
    upsmon: Child,
}

impl Host {
    async fn watching(port: u16, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "MONITOR rack-1@127.0.0.1:{port} 1 monitor right secondary\nMINSUPPLIES 1\nSHUTDOWNCMD \"touch {}\"\n\
             POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 2\nDEADTIME 3\nFINALDELAY 0\nPOWERDOWNFLAG {}\nRUN_AS_USER root\n{more}\n",
            at("down"),
            at("killpower")
        );
        std::fs::write(folder.path().join("upsmon.conf"), config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(upsmon());
        // In one process, so that it ends with us.
        command.args(["-F", "-D", "-p"]).kill_on_drop(true).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
            command.env(name, folder.path());
        }
        Self {
            upsmon: command.spawn().unwrap(),
            folder,
        }
    }

    /// Gone, so that another may run.
    async fn end(mut self) {
        self.upsmon.kill().await.unwrap();
    }

    fn is_down(&self) -> bool {
        self.folder.path().join("down").exists()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn upsmon() -> &'static str {
    // What stands in `sbin` asks /etc first whether it may start.
    let places = ["/lib/nut/upsmon", "/usr/lib/nut/upsmon", "/usr/libexec/nut/upsmon"];
    places
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("nut-client is not installed")
}

async fn site(armed: bool, desk: &Desk, folder: &TempDir) -> Hosted {
    let password = folder.path().join("monitor.password");
    std::fs::write(&password, "right\n").unwrap();
    let site = SiteText::new(armed, 480)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 30.0), ("stop", "mover", 5.0)])
        .and(&format!(
            "[nut]\nlisten = \"127.0.0.1:0\"\n[[nut.ups]]\nname = \"rack-1\"\nrack = \"r1\"\nhosts_last_s = 60\n\
             [[nut.user]]\nname = \"monitor\"\npassword_file = {:?}\n",
            password.display().to_string()
        ));
    Hosted::start(&site).await
}

async fn ask(port: u16, lines: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(lines.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = timeout(SOON, stream.read_to_string(&mut text)).await;
    read.expect("an answer").unwrap();
    text
}

async fn until_logged_in(hosted: &Hosted, host: &Host) {
    let port = hosted.gateway.nut.unwrap().port();
    for _ in 0..300 {
        if ask(port, "GET NUMLOGINS rack-1\nLOGOUT\n")
            .await
            .starts_with("NUMLOGINS rack-1 1")
        {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("upsmon never logged in: {}", host.log());
}

/// A machine runs one upsmon at a time: one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_goes_when_its_workloads_are_safe_and_for_nothing_else() {
    goes_when_its_workloads_are_safe().await;
    stays_at_a_disarmed_site_and_without_a_gateway().await;
}

async fn goes_when_its_workloads_are_safe() {
    // The move is accepted, and its end is told by the test.
    let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
    let folder = TempDir::new().unwrap();
    let mut hosted = site(true, &desk, &folder).await;
    let port = hosted.gateway.nut.unwrap().port();
    let host = Host::watching(port, "").await;
    until_logged_in(&hosted, &host).await;
    let (status, pending) = hosted.api.order(ANNA, &json!({ "verb": "evacuate" })).await;
    let said = pending["hosts"].as_str().unwrap_or_default();
    assert!(
        status == 200 && said.contains("1 logged in now") && said.contains("rack-1 (rack r1: 1) 60 s"),
        "whoever agrees has to know that this host goes down: {pending}"
    );
    hosted.burn().await;
    let moving = desk.until_evacuate("db", "move").await;
    // Several of its polls pass.
    sleep(Duration::from_secs(3)).await;
    assert!(!host.is_down(), "the workload is still on it: {}", host.log());
    assert!(
        ask(port, "GET VAR rack-1 ups.status\nLOGOUT\n")
            .await
            .starts_with("VAR rack-1 ups.status \"OL\"")
    );
    let done = json!({ "state": "done" });
    let (url, bearer) = (
        moving.word("progress_url").to_owned(),
        moving.word("progress_token").to_owned(),
    );
    assert_eq!(hosted.api.progress(&url, &bearer, &done).await, 202);
    hosted.api.until_all_safe().await;
    talk::until("the host goes down", || host.is_down().then_some(())).await;
    let status = hosted.api.status().await;
    assert!(
        status["hosts"][0]["why"].to_string().contains("workloads are safe"),
        "{}",
        status["hosts"]
    );
    assert!(
        ask(port, "GET VAR rack-1 ups.status\nLOGOUT\n")
            .await
            .contains("\"FSD OB LB\"")
    );
    host.end().await;
}

async fn stays_at_a_disarmed_site_and_without_a_gateway() {
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let mut hosted = site(false, &desk, &folder).await;
    let host = Host::watching(hosted.gateway.nut.unwrap().port(), "").await;
    until_logged_in(&hosted, &host).await;
    let (_, pending) = hosted.api.order(ANNA, &json!({ "verb": "evacuate" })).await;
    assert!(
        pending["hosts"].is_null(),
        "nobody goes down at a disarmed site: {pending}"
    );
    hosted.burn().await;
    hosted.api.until_all_safe().await;
    sleep(Duration::from_secs(3)).await;
    assert!(!host.is_down(), "{}", host.log());
    hosted.gateway.stop().await;
    sleep(Duration::from_secs(6)).await;
    assert!(
        !host.is_down(),
        "a UPS that is not heard any more is no power cut: {}",
        host.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_clients_are_closed_and_counted_and_others_are_served() {
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let hosted = site(true, &desk, &folder).await;
    let port = hosted.gateway.nut.unwrap().port();
    let noise: Vec<u8> = (0..=255).cycle().take(64 * 1_024).filter(|b| *b != b'\n').collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // It closes in the middle of this.
    let _ = stream.write_all(&noise).await;
    let mut rest = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("closed");
    for words in [
        "FSD rack-1\n",
        "SET VAR rack-1 ups.status \"LB\"\n",
        "INSTCMD rack-1 load.off\n",
        "\"\n",
        "LIST\n",
        "\0\n",
    ] {
        let answer = ask(port, &format!("{words}LOGOUT\n")).await;
        assert!(answer.starts_with("ERR "), "{words:?}: {answer}");
    }
    // Silent ones take places, and keep nobody out.
    let mut silent = Vec::new();
    for _ in 0..200 {
        // From elsewhere: an address has sixteen places, and those are its own.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let there = format!("127.0.0.1:{port}").parse().unwrap();
        silent.push(socket.connect(there).await.unwrap());
    }
    assert!(ask(port, "LIST UPS\nLOGOUT\n").await.contains("UPS rack-1"));
    let metrics = hosted.api.get("/metrics").await.1;
    assert!(
        metrics.lines().any(|l| l.contains("nut_client") && !l.ends_with(" 0")),
        "counted"
    );
}
