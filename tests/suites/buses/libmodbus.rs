//! libmodbus, over TCP and over a serial line.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Cable, until_value};
use crate::stand::{Room, SOON, Stand};

/// A slave, until it is dropped.
struct Slave {
    _child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    port: u16,
    _folder: TempDir,
}

impl Slave {
    /// On a tty, or `tcp`.
    async fn start(on: &str, unit: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("slave");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("buses/libmodbus_slave.c");
        let mut compile = Command::new("cc");
        compile
            .arg("-o")
            .arg(&program)
            .arg(source)
            .args(["-lmodbus", "-lpthread"]);
        assert!(timeout(SOON, compile.status()).await.unwrap().unwrap().success(), "cc");
        let mut command = Command::new(program);
        command
            .args([on, &unit.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut slave = Self {
            _child: child,
            orders,
            said,
            port: 0,
            _folder: folder,
        };
        slave.port = slave.hear().await.parse().unwrap();
        slave
    }

    async fn hear(&mut self) -> String {
        timeout(SOON, self.said.next_line())
            .await
            .unwrap()
            .unwrap()
            .expect("it has ended")
    }

    async fn set(&mut self, table: char, address: u16, value: u16) {
        self.orders
            .write_all(format!("{table} {address} {value}\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(self.hear().await, "ok");
    }
}

/// A battery monitor, and one device more where nobody is, in a room with a node.
async fn is_read_and_votes(port: &str, slave: &mut Slave) {
    for (address, value) in [(1, 251), (4, 873), (5, 0x4D42)] {
        slave.set('i', address, value).await;
    }
    let source = |id: &str, unit: u8| {
        format!(
            "[[source]]\nid = \"{id}\"\nkind = \"modbus\"\n{port}\nunit = {unit}\nzone = \"room\"\n\
             profile = \"generic/battery-monitor\"\nsignals = [\"battery_alarm\", \"max_cell_temperature\", \"charge\"]\n"
        )
    };
    let room = Room::with(&["n1"]).and(&(source("nobody", 8) + &source("bms", 7)));
    let stand = Stand::start(room).await;
    until_value(&stand, "bms.max_cell_temperature", "25.1").await;
    until_value(&stand, "bms.charge", "0.873").await;
    stand
        .until("who is not there is named", |view| {
            view.troubles.iter().any(|t| t.subject.starts_with("nobody"))
        })
        .await;
    stand.assert_undecided("a battery at rest");
    slave.set('i', 0, 1).await;
    stand.until("the battery's vote", |view| view.votes.len() == 1).await;
    assert!(!stand.evacuates());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slave_on_a_line_is_read_beside_one_that_is_not_there() {
    let cable = Cable::new();
    let mut slave = Slave::start(&cable.far, 7).await;
    let port = format!("address = \"{}\"\nbaud = 115200\nparity = \"none\"", cable.near);
    is_read_and_votes(&port, &mut slave).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_a_value_is_read() {
    let mut slave = Slave::start("tcp", 7).await;
    for (address, value) in [(1, 251), (5, 0x4D42)] {
        slave.set('i', address, value).await;
    }
    let bms = format!(
        "[[source]]\nid = \"bms\"\nkind = \"modbus\"\naddress = \"127.0.0.1:{}\"\nunit = 7\nzone = \"room\"\n\
         profile = \"generic/battery-monitor\"\nsignals = [\"battery_alarm\", \"max_cell_temperature\"]\n",
        slave.port
    );
    let stand = Stand::start(Room::with(&["n1"]).and(&bms)).await;
    until_value(&stand, "bms.max_cell_temperature", "25.1").await;
    slave.set('i', 0, 1).await;
    stand.until("the battery's vote", |view| view.votes.len() == 1).await;
}
