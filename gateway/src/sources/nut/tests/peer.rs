//! An upsd written by hand, because no proper one can misbehave on purpose. It follows a script: what it does with the n-th
//! list it is asked for, over all its connections; beyond the script it is sound.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The sound answer: on mains, and half full.
pub(super) const SOUND: &str =
    "BEGIN LIST VAR bat\nVAR bat battery.charge \"50\"\nVAR bat ups.status \"OL CHRG\"\nEND LIST VAR bat\n";

/// What the peer does with one request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// These bytes; the connection stays open.
    Say(Vec<u8>),
    /// These bytes, and then the connection is closed.
    SayAndClose(Vec<u8>),
    /// These bytes, and nothing until it hears of the client again: then a sound answer, too late.
    SayAndLate(Vec<u8>),
    /// These bytes again and again, until the client has gone.
    ForEver(&'static str),
    /// A list without an end, each variable another one.
    EndlessList,
}

impl Act {
    pub(super) fn say(text: &str) -> Self {
        Self::Say(text.as_bytes().to_vec())
    }
}

/// A running peer.
pub(super) struct Peer {
    pub(super) address: String,
    pub(super) state: Arc<State>,
}

/// What the peer has seen.
pub(super) struct State {
    script: Vec<Act>,
    served: AtomicUsize,
    pub(super) connections: AtomicUsize,
    /// A connection was used again although its last request had not been answered.
    pub(super) reused: AtomicBool,
    /// Every line it was sent.
    pub(super) asked: Mutex<Vec<String>>,
}

impl Peer {
    pub(super) async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            script,
            served: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            reused: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(&state);
        // A client that hangs up ends the conversation; that is what many of these tests want.
        tokio::spawn(async move { converse(stream, &state).await.ok() });
    }
}

async fn converse(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        state.asked.lock().unwrap().push(line);
        let n = state.served.fetch_add(1, Ordering::SeqCst);
        match state.script.get(n).cloned().unwrap_or_else(|| Act::say(SOUND)) {
            Act::Say(bytes) => write.write_all(&bytes).await?,
            Act::SayAndClose(bytes) => return write.write_all(&bytes).await,
            Act::SayAndLate(bytes) => {
                write.write_all(&bytes).await?;
                if lines.next_line().await?.is_some() {
                    state.reused.store(true, Ordering::SeqCst);
                    write.write_all(SOUND.as_bytes()).await?;
                }
            }
            Act::ForEver(text) => loop {
                write.write_all(text.as_bytes()).await?;
            },
            Act::EndlessList => {
                write
                    .write_all(b"BEGIN LIST VAR bat\nVAR bat ups.status \"OB LB FSD\"\n")
                    .await?;
                for n in 0_u64.. {
                    write.write_all(format!("VAR bat x.{n} \"1\"\n").as_bytes()).await?;
                }
            }
        }
    }
    Ok(())
}
