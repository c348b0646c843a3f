//! A tap on the way of a board to the gateway: it can be made deaf, and remembers what went by.

use std::sync::{Arc, Mutex};

use muster_wire::Micro;
use muster_wire::senml::{Pack, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const PUBLISH: u8 = 3;

/// What may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing comes back from the gateway: it acknowledges nothing, as far as the board can tell.
    Slow,
}

/// A pack that a board has sent, and on which of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) connection: usize,
    pub(crate) kind: String,
    pub(crate) values: Vec<(String, Option<f64>)>,
}

/// The tap. Dropping it cuts everything.
pub(crate) struct Tap {
    pub(crate) port: u16,
    way: watch::Sender<Way>,
    sent: Arc<Mutex<Vec<Sent>>>,
    accepts: JoinHandle<()>,
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

impl Tap {
    /// Before this port.
    pub(crate) async fn before(gateway: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, passes) = watch::channel(Way::Open);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let noted = sent.clone();
        let accepts = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let (board, _) = listener.accept().await.unwrap();
                let gateway = TcpStream::connect(("127.0.0.1", gateway)).await.unwrap();
                connections.spawn(connect(number, board, gateway, passes.clone(), noted.clone()));
            }
        });
        Self {
            port,
            way,
            sent,
            accepts,
        }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Packs of data and alarms that have passed so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Waits for the first pack behind the first `before`, on another connection than `not`.
    pub(crate) async fn next(&self, before: usize, not: Option<usize>) -> Sent {
        let found = async {
            loop {
                let sent = self.sent();
                if let Some(sent) = sent.iter().skip(before).find(|sent| Some(sent.connection) != not) {
                    return sent.clone();
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(crate::stand::SOON, found).await;
        found.unwrap_or_else(|_| panic!("nothing passed: {:#?}", self.sent()))
    }
}

impl Sent {
    pub(crate) fn says(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| known == name)
    }
}

async fn connect(
    number: usize,
    board: TcpStream,
    gateway: TcpStream,
    passes: watch::Receiver<Way>,
    sent: Arc<Mutex<Vec<Sent>>>,
) {
    let (from_board, to_board) = board.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    let mut rest = Vec::new();
    let note = move |bytes: &[u8]| {
        rest.extend_from_slice(bytes);
        while let Some(pack) = packet(&mut rest) {
            sent.lock().unwrap().extend(read(number, &pack));
        }
    };
    tokio::select! {
        () = pass(from_board, to_gateway, passes.clone(), |_| true, note) => (),
        () = pass(from_gateway, to_board, passes, |way| way == Way::Open, |_| ()) => (),
    }
}

/// Until the stream ends; holds what may not pass.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passes: watch::Receiver<Way>,
    may: fn(Way) -> bool,
    mut note: impl FnMut(&[u8]),
) {
    let mut buf = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buf).await {
        if passes.wait_for(|way| may(*way)).await.is_err() {
            return;
        }
        note(&buf[..read]);
        if to.write_all(&buf[..read]).await.is_err() {
            return;
        }
    }
}

/// Takes a whole MQTT packet from the front.
fn packet(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (body, length) = variable(bytes.get(1..)?)?;
    let whole = 1 + body + length;
    (bytes.len() >= whole).then(|| bytes.drain(..whole).collect())
}

/// A variable byte integer (MQTT 5, 1.5.5): its own bytes, and its value.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let own = 1 + bytes.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    let value = bytes[..own]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | usize::from(byte & 0x7F));
    Some((own, value))
}

/// A pack of data or alarms, if the packet carries one.
fn read(connection: usize, packet: &[u8]) -> Option<Sent> {
    let [first, rest @ ..] = packet else { return None };
    let (own, _) = variable(rest)?;
    let body = &rest[own..];
    let topic_bytes = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    if first >> 4 != PUBLISH {
        return None;
    }
    let kind = std::str::from_utf8(&body[2..2 + topic_bytes])
        .ok()?
        .rsplit('/')
        .next()?
        .to_owned();
    let behind_id = &body[2 + topic_bytes + 2..];
    let (own, properties) = variable(behind_id)?;
    let pack = Pack::parse(&behind_id[own + properties..]).ok()?;
    let values = pack.records().flatten().map(|record| {
        let value = match record.value {
            Value::Micro(Micro(micro)) => Some(micro as f64 / 1e6),
            _ => None,
        };
        (record.name.to_owned(), value)
    });
    Some(Sent {
        connection,
        kind,
        values: values.collect(),
    })
}
