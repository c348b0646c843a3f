//! A board in QEMU: the firmware as it would be flashed, with a hand on its power, its cable and its sensor.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use muster_sim::silicon::{Bridge, Bus, Surroundings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::stand::SOON;

/// Bytes of the board's memory.
const EEPROM_BYTES: usize = 4_096;

/// A board that is switched on, and what is around it. Dropping it cuts its power.
pub(crate) struct Board {
    process: Child,
    hand: Hand,
    said: watch::Receiver<Vec<String>>,
    folder: Arc<TempDir>,
    /// What the chips of its room measure, if its settings say `room=yes`.
    pub(crate) around: Surroundings,
    chips: JoinHandle<()>,
}

impl Drop for Board {
    fn drop(&mut self) {
        self.chips.abort();
    }
}

/// QEMU's monitor (QMP).
struct Hand {
    answers: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
}

impl Board {
    /// Switches on a new board with these settings, such as `node=n1 port=1883`.
    pub(crate) async fn on(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("eeprom"), [0xFF; EEPROM_BYTES]).unwrap();
        Self::in_folder(Arc::new(folder), settings, None).await
    }

    /// A new board whose serial line ends at a TCP port of this machine.
    pub(crate) async fn on_line(settings: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("eeprom"), [0xFF; EEPROM_BYTES]).unwrap();
        Self::in_folder(Arc::new(folder), settings, Some(port)).await
    }

    /// Cuts the power, and switches the same board on again.
    pub(crate) async fn again(mut self, settings: &str) -> Self {
        self.process.kill().await.unwrap();
        Self::in_folder(self.folder.clone(), settings, None).await
    }

    async fn in_folder(folder: Arc<TempDir>, settings: &str, line: Option<u16>) -> Self {
        let monitor = folder.path().join("monitor");
        for socket in ["monitor", "bus"] {
            let _ = std::fs::remove_file(folder.path().join(socket));
        }
        let mut command = command(folder.path(), &monitor, settings);
        if let Some(port) = line {
            command.arg("-serial").arg(format!("tcp:127.0.0.1:{port}"));
        }
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, said) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                tell.send_modify(|all: &mut Vec<String>| all.push(line));
            }
        });
        let hand = Hand::on(&monitor).await;
        let around = Surroundings::default();
        let bridge = Bridge::new(socket(&folder.path().join("bus")).await, Bus::new(around.clone()));
        let chips = tokio::spawn(async move { drop(bridge.serve().await) });
        Self {
            process,
            hand,
            said,
            folder,
            around,
            chips,
        }
    }

    /// What it has written to its console.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// Waits until its console says so, at least `times`.
    pub(crate) async fn until_said(&self, words: &str, times: usize) {
        let mut said = self.said.clone();
        let has = |all: &Vec<String>| all.iter().filter(|line| line.contains(words)).count() >= times;
        let found = timeout(3 * SOON, said.wait_for(has)).await;
        assert!(found.is_ok(), "it never said {words:?}: {:#?}", self.said());
    }

    /// Holds something warm, or cold, to its sensor.
    pub(crate) async fn warm_to(&mut self, celsius: f64) {
        let path = "/machine/peripheral/t0";
        let value = (celsius * 1_000.0) as i64;
        let arguments = json!({"path": path, "property": "temperature", "value": value});
        self.hand.order("qom-set", arguments).await;
    }

    /// Pulls its network cable, or plugs it in again.
    pub(crate) async fn cable(&mut self, plugged: bool) {
        self.hand.order("set_link", json!({"name": "n0", "up": plugged})).await;
    }
}

fn command(folder: &Path, monitor: &Path, settings: &str) -> Command {
    let mut command = Command::new("qemu-system-arm");
    command
        .args("-M mps2-an386 -cpu cortex-m4 -display none -monitor none -serial stdio".split(' '))
        .arg("-serial")
        .arg(format!("unix:{},server=on,wait=off", folder.join("bus").display()))
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(["-netdev", "user,id=n0", "-net", "nic,netdev=n0,model=lan9118"])
        .args(["-device", "tmp105,id=t0,address=0x48"])
        .arg("-drive")
        .arg(format!(
            "if=none,id=e0,format=raw,file={}",
            folder.join("eeprom").display()
        ))
        .args(["-device", "at24c-eeprom,address=0x50,rom-size=4096,drive=e0"])
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", monitor.display()))
        .arg("-kernel")
        .arg(firmware())
        .arg("-append")
        .arg(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The image that `tests/run` has built.
fn firmware() -> PathBuf {
    let given = std::env::var_os("MUSTER_BOARD_QEMU").map(PathBuf::from);
    given.expect("MUSTER_BOARD_QEMU names the firmware's image; ./tests/run builds it and says where it is")
}

/// Connects to a socket that QEMU opens when it starts.
async fn socket(path: &Path) -> UnixStream {
    let connect = async {
        loop {
            match UnixStream::connect(path).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let found = timeout(SOON, connect).await;
    found.unwrap_or_else(|_| panic!("QEMU does not open {}", path.display()))
}

impl Hand {
    async fn on(monitor: &Path) -> Self {
        let (read, orders) = socket(monitor).await.into_split();
        let mut hand = Self {
            answers: BufReader::new(read).lines(),
            orders,
        };
        hand.order("qmp_capabilities", json!({})).await;
        hand
    }

    /// Gives an order and waits until it has been carried out.
    async fn order(&mut self, order: &str, arguments: Value) {
        let message = json!({"execute": order, "arguments": arguments}).to_string();
        self.orders.write_all(message.as_bytes()).await.unwrap();
        loop {
            let line = timeout(SOON, self.answers.next_line()).await.unwrap().unwrap();
            let answer: Value = serde_json::from_str(&line.expect("QEMU is gone")).unwrap();
            assert!(answer["error"].is_null(), "{order}: {answer}");
            if !answer["return"].is_null() {
                return;
            }
        }
    }
}
