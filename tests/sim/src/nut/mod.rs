//! A UPS behind a server that speaks NUT's protocol (RFC 9271), as it was recorded. It can only be read: whoever wants to
//! log in, to set something or to encrypt is told no, as by an upsd that is set up so.

mod answer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::StoryTime;
use crate::tape::Tape;

/// upsd's own limit as delivered is 1,024; a bench needs few.
const MAX_CLIENTS: usize = 64;
/// upsd's longest line (its LARGEBUF).
const MAX_LINE: u64 = 1_024;
/// Whoever says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(300);
/// Pause after the system would not hand over a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How a UPS was from a time on.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Milliseconds since the recording began.
    pub at_ms: u64,
    /// Variables by name.
    pub variables: BTreeMap<String, String>,
}

/// A running server. Dropping it switches it off.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

/// What is served: one UPS, by its name.
#[derive(Clone)]
struct Ups {
    name: String,
    tape: Tape<BTreeMap<String, String>>,
}

impl Server {
    /// Puts a recorded UPS up at `bind` (port 0 takes a free one), under `name`; it begins with the story's zero.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn play(
        moments: Vec<Moment>,
        bind: SocketAddr,
        name: &str,
        story: Arc<dyn StoryTime>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let addr = listener.local_addr()?;
        let ups = Ups {
            name: name.to_owned(),
            tape: Tape::of(moments.into_iter().map(|m| (m.at_ms, m.variables)), story),
        };
        let task = tokio::spawn(serve(listener, ups));
        Ok(Self { addr, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, ups: Ups) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_AGAIN).await;
            continue;
        };
        while clients.try_join_next().is_some() {}
        // One more than there are places for is hung up on.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let ups = ups.clone();
            clients.spawn(async move {
                let _place = place;
                if let Err(error) = talk(stream, &ups).await {
                    tracing::debug!(%error, "a NUT client went away");
                }
            });
        }
    }
}

async fn talk(stream: TcpStream, ups: &Ups) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(MAX_LINE);
        let length = timeout(SILENCE, bounded.read_until(b'\n', &mut line)).await??;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let empty = BTreeMap::new();
        let said = answer::to(&words, &ups.name, ups.tape.now().unwrap_or(&empty));
        writer.write_all(said.as_bytes()).await?;
        if words == ["LOGOUT"] {
            return Ok(());
        }
    }
}
