//! A Modbus peer written by hand, because no proper server can misbehave on purpose. It follows a script: what it does
//! with the n-th request it gets, over all its connections; beyond the script it is sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the peer does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Answers as it should.
    Answer,
    /// Says nothing and keeps the connection open.
    Silent,
    /// Says nothing until it hears of the client again, then gives the old answer.
    Late,
    /// Like `Late`, and passes the old answer off as the one to the new request, as serial gateways do.
    LateInDisguise,
    /// One register too few.
    Short,
    /// One register too many.
    Long,
    /// Announces more registers than it sends.
    Hollow,
    /// Modbus exception 2, illegal data address.
    Exception,
    /// Modbus exception 6, device busy.
    Busy,
    WrongUnit,
    WrongTransaction,
    /// Input registers instead of holding registers.
    WrongFunction,
    /// Not Modbus by its protocol id.
    WrongProtocol,
    /// The right answer of the register before it: addresses off by one.
    OffByOne,
    /// The same answer two times.
    Twice,
    /// Half a frame, then the connection is closed.
    CutAndClose,
    /// Half a frame, then silence.
    CutAndSilent,
    /// Closes without a word.
    Close,
    /// A frame of 65,535 bytes.
    Huge,
    /// Bytes made of this seed, some behind a proper header.
    Noise(u64),
}

/// A running peer.
pub(super) struct Peer {
    pub(super) address: String,
    pub(super) state: Arc<State>,
}

/// What the peer has seen.
pub(super) struct State {
    script: Vec<Act>,
    pub(super) served: AtomicUsize,
    pub(super) connections: AtomicUsize,
    /// A connection was used again although its last request had not been answered.
    pub(super) reused: AtomicBool,
}

impl Peer {
    pub(super) async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, script)
    }

    pub(super) fn serve(listener: TcpListener, script: Vec<Act>) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            script,
            served: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            reused: AtomicBool::new(false),
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

async fn converse(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    loop {
        let mut request = [0_u8; 12];
        stream.read_exact(&mut request).await?;
        let n = state.served.fetch_add(1, Ordering::SeqCst);
        let act = state.script.get(n).copied().unwrap_or(Act::Answer);
        let answer = frame(&request, act);
        stream.write_all(&answer).await?;
        match act {
            Act::Close | Act::CutAndClose => return Ok(()),
            Act::Silent | Act::CutAndSilent | Act::Late | Act::LateInDisguise => {
                late(&mut stream, state, &request, act).await?;
            }
            _ => {}
        }
    }
}

/// Waits for the client to speak again on the same connection, which it must not.
async fn late(stream: &mut TcpStream, state: &State, old: &[u8; 12], act: Act) -> std::io::Result<()> {
    let mut next = [0_u8; 12];
    stream.read_exact(&mut next).await?;
    state.reused.store(true, Ordering::SeqCst);
    let mut answer = frame(old, Act::Answer);
    if act == Act::LateInDisguise {
        answer[..2].copy_from_slice(&next[..2]);
    }
    stream.write_all(&answer).await
}

/// What stands in holding register `address`: its own address, so that a mix-up shows; the canary at 900.
fn register(address: u16) -> u16 {
    if address == 900 { 0xBEEF } else { address }
}

/// The bytes sent for a request.
fn frame(request: &[u8; 12], act: Act) -> Vec<u8> {
    let address = u16::from_be_bytes([request[8], request[9]]);
    let count = u16::from_be_bytes([request[10], request[11]]);
    let shift = u16::from(act == Act::OffByOne);
    let given = match act {
        Act::Short => count - 1,
        Act::Long => count + 1,
        _ => count,
    };
    let words = (0..given).flat_map(|i| register(address + i - shift).to_be_bytes());
    let mut pdu = vec![request[7], (given * 2) as u8];
    pdu.extend(words);
    match act {
        Act::Hollow => pdu.truncate(2),
        Act::Exception => pdu = vec![request[7] | 0x80, 2],
        Act::Busy => pdu = vec![request[7] | 0x80, 6],
        Act::WrongFunction => pdu[0] = 4,
        Act::Huge => pdu.resize(65_534, 0xAA),
        Act::Noise(seed) => pdu = noise(seed),
        _ => {}
    }
    distort(adu(request, &pdu), act)
}

/// Header and body.
fn adu(request: &[u8; 12], pdu: &[u8]) -> Vec<u8> {
    let mut bytes = vec![request[0], request[1], 0, 0];
    bytes.extend(u16::try_from(pdu.len() + 1).unwrap().to_be_bytes());
    bytes.push(request[6]);
    bytes.extend(pdu);
    bytes
}

fn distort(mut bytes: Vec<u8>, act: Act) -> Vec<u8> {
    match act {
        Act::Silent | Act::Late | Act::LateInDisguise | Act::Close => bytes.clear(),
        Act::WrongTransaction => bytes[1] ^= 1,
        Act::WrongProtocol => bytes[3] = 9,
        Act::WrongUnit => bytes[6] ^= 1,
        Act::Twice => bytes.extend_from_within(..),
        Act::CutAndClose | Act::CutAndSilent => bytes.truncate(bytes.len() / 2 + 2),
        Act::Noise(seed) if seed.is_multiple_of(2) => drop(bytes.drain(..7)),
        _ => {}
    }
    bytes
}

/// Up to 260 bytes, the same for the same seed (SplitMix64).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) as u8
    };
    let length = usize::from(next()) + 5;
    let mut bytes: Vec<u8> = (0..length).map(|_| next()).collect();
    // Half of it looks like an answer to the request, so that it gets past the first check.
    if seed.is_multiple_of(3) {
        bytes[0] = 3;
    }
    bytes
}
