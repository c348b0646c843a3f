//! Brokers as processes, on one port for as long as they are wanted there.

use std::path::PathBuf;
use std::process::Stdio;

use muster::clock::Stopwatch;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::stand::SOON;

/// What it is, and with which settings beyond a plain listener.
pub(crate) enum Kind {
    /// `mosquitto`, with more lines of its config. It keeps nothing on disk.
    Mosquitto(String),
    /// `nats-server` with JetStream, with more blocks of its config. Its sessions are on disk.
    Nats(String),
}

/// A broker. Dropping it kills it.
pub(crate) struct Broker {
    pub(crate) port: u16,
    folder: TempDir,
    kind: Kind,
    child: Child,
}

impl Broker {
    pub(crate) async fn mosquitto(more: &str) -> Self {
        Self::start(Kind::Mosquitto(more.to_owned())).await
    }

    pub(crate) async fn nats(more: &str) -> Self {
        Self::start(Kind::Nats(more.to_owned())).await
    }

    async fn start(kind: Kind) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = spawn(&kind, &folder, port);
        let mut broker = Self {
            port,
            folder,
            kind,
            child,
        };
        broker.listens().await;
        broker
    }

    /// `kill -9`: the port is closed when this returns.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.kind, &self.folder, self.port);
        self.listens().await;
    }

    /// Another kind on the same port, which knows nothing of the first.
    pub(crate) async fn swap(&mut self, kind: Kind) {
        self.kill().await;
        self.kind = kind;
        self.start_again().await;
    }

    /// SIGSTOP: it accepts connections, and does nothing else.
    pub(crate) async fn pause(&self) {
        self.signal("STOP").await;
    }

    /// SIGCONT.
    pub(crate) async fn resume(&self) {
        self.signal("CONT").await;
    }

    /// SIGHUP: it reads its config again.
    pub(crate) async fn reload(&self) {
        self.signal("HUP").await;
    }

    /// The config key that connects to it without TLS.
    pub(crate) fn plain(&self) -> String {
        format!("insecure = true\nconnect = \"mqtt://127.0.0.1:{}\"", self.port)
    }

    /// Publishes one message at QoS 1, and it is acknowledged.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        self.publish_with(&[], topic, payload).await;
    }

    /// As [`Broker::publish`], with more options of `mosquitto_pub`.
    pub(crate) async fn publish_with(&self, options: &[&str], topic: &str, payload: &str) {
        // In MQTT 3.1.1, which every broker here speaks.
        let mut command = Command::new("mosquitto_pub");
        command
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .kill_on_drop(true);
        command.args(["-q", "1", "-t", topic, "-m", payload]).args(options);
        let ended = timeout(SOON, command.status()).await.expect("mosquitto_pub hangs");
        assert!(ended.unwrap().success(), "{topic} {payload}");
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap();
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {id}"))
            .status()
            .await;
        assert!(sent.unwrap().success());
    }

    async fn listens(&mut self) {
        let since = Stopwatch::start();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the broker has ended: {ended:?}");
            assert!(since.elapsed() < SOON, "the broker does not listen");
            sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn spawn(kind: &Kind, folder: &TempDir, port: u16) -> Child {
    let file = folder.path().join("broker.conf");
    let (program, text) = match kind {
        Kind::Mosquitto(more) => (
            PathBuf::from("mosquitto"),
            format!("user root\nallow_anonymous true\nlistener {port} 127.0.0.1\n{more}\n"),
        ),
        Kind::Nats(more) => (
            nats_server(),
            format!(
                "server_name: one\nlisten: \"127.0.0.1:-1\"\njetstream {{ store_dir: {:?} }}\n\
                 mqtt {{ listen: \"127.0.0.1:{port}\" }}\n{more}\n",
                folder.path().join("js")
            ),
        ),
    };
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).kill_on_drop(true);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// It comes from PyPI, beside the Python of the tests.
fn nats_server() -> PathBuf {
    let python = std::env::var("MUSTER_TEST_PYTHON").expect("MUSTER_TEST_PYTHON names a Python; tests/run sets it");
    PathBuf::from(python).parent().unwrap().join("nats-server")
}

/// A port nobody listens on: a broker that is started again has to come back where it was.
fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    socket.local_addr().unwrap().port()
}
