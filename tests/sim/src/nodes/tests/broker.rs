//! A real mosquitto, which nobody here wrote, and an ear on it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::PATIENCE;

/// An address nobody listens on at the moment.
pub(super) async fn free_addr() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A running broker; killed when dropped.
pub(super) struct Mosquitto {
    pub(super) addr: SocketAddr,
    _child: Child,
    config: PathBuf,
}

impl Mosquitto {
    pub(super) async fn start() -> Self {
        let addr = free_addr().await;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let config = std::env::temp_dir().join(format!("muster-sim-{}-{nth}.conf", std::process::id()));
        let mut file = std::fs::File::create(&config).unwrap();
        writeln!(
            file,
            "listener {} {}\nallow_anonymous true\npersistence false",
            addr.port(),
            addr.ip()
        )
        .unwrap();
        let path = format!(
            "{}:/usr/sbin:/usr/local/sbin",
            std::env::var("PATH").unwrap_or_default()
        );
        let child = Command::new("mosquitto")
            .env("PATH", path)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let up = async {
            while TcpStream::connect(addr).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, up).await.unwrap();
        Self {
            addr,
            _child: child,
            config,
        }
    }

    /// An ear that is subscribed when this returns.
    pub(super) async fn listen(&self, filter: &str) -> Ear {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("ear-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (client, events) = AsyncClient::new(MqttOptions::new(id, "127.0.0.1", self.addr.port()), 10);
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let mut ear = Ear { client, events };
        let subscribed =
            async { while !matches!(ear.events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {} };
        timeout(PATIENCE, subscribed).await.unwrap();
        ear
    }
}

/// The way from a node to a broker, to be opened and cut by a test.
pub(super) struct Way(JoinHandle<()>);

impl Way {
    /// Opens it; who connects to `at` reaches `to`.
    pub(super) async fn open(at: SocketAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        Self(tokio::spawn(async move {
            let mut links = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(to).await.unwrap();
                links.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
            }
        }))
    }

    /// Cuts it, and every connection over it.
    pub(super) async fn cut(self) {
        self.0.abort();
        assert!(self.0.await.unwrap_err().is_cancelled());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.config);
    }
}

/// A message that came.
pub(super) struct Heard {
    pub(super) payload: Vec<u8>,
    pub(super) retain: bool,
}

/// A subscriber.
pub(super) struct Ear {
    client: AsyncClient,
    events: EventLoop,
}

impl Ear {
    /// The next message whose topic ends in `kind`.
    pub(super) async fn until(&mut self, kind: &str) -> Heard {
        self.next_that(kind, |_| true).await
    }

    /// The next one with this payload.
    pub(super) async fn until_payload(&mut self, kind: &str, payload: &str) -> Heard {
        self.next_that(kind, |heard| heard == payload.as_bytes()).await
    }

    /// Publishes; it is on its way at the next `until`.
    pub(super) async fn say(&self, topic: &str, payload: Vec<u8>) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
    }

    async fn next_that(&mut self, kind: &str, is_it: impl Fn(&[u8]) -> bool) -> Heard {
        let heard = async {
            loop {
                let Event::Incoming(Packet::Publish(message)) = self.events.poll().await.unwrap() else {
                    continue;
                };
                let topic = std::str::from_utf8(&message.topic).unwrap();
                if topic.rsplit('/').next() == Some(kind) && is_it(&message.payload) {
                    return Heard {
                        payload: message.payload.to_vec(),
                        retain: message.retain,
                    };
                }
            }
        };
        timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|_| panic!("no {kind} within {PATIENCE:?}"))
    }
}
