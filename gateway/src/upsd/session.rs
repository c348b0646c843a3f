//! One client: a line, an answer, within bounds of size and time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Desk;
use super::talk::{Next, Talk};

/// Longest line: NUT's own limit. Bytes.
const LINE: usize = 512;
/// upsmon asks every few seconds; who says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(120);
/// The same of who has not logged in. A look takes no second.
const STRANGER: Duration = Duration::from_secs(15);
/// For a client to take an answer, and for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a part of a conversation ended.
enum End {
    Over,
    /// The rest is to be encrypted.
    Encrypt,
}

pub(super) async fn see_through(mut stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>) {
    let mut talk = Talk::new(desk.clone());
    match converse(&mut stream, peer, &mut talk).await {
        End::Over => return,
        End::Encrypt => {}
    }
    let Some(acceptor) = desk.acceptor.clone() else { return };
    match timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(mut stream)) => {
            talk.is_encrypted();
            let _: End = converse(&mut stream, peer, &mut talk).await;
        }
        Ok(Err(error)) => desk.count(peer, &format_args!("TLS: {error}")),
        Err(_) => desk.count(peer, &"no TLS handshake in time"),
    }
}

async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), peer: SocketAddr, talk: &mut Talk) -> End {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let Some(line) = next_line(stream, &mut buffer, (peer, talk)).await else {
            return End::Over;
        };
        let (answer, next) = talk.answer(&line);
        let written = timeout(PATIENCE, stream.write_all(answer.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            talk.desk().count(peer, &"did not read its answer");
            return End::Over;
        }
        match next {
            Next::Line => {}
            Next::Close => return End::Over,
            // What came before the handshake may be somebody else's.
            Next::Encrypt if buffer.is_empty() => return End::Encrypt,
            Next::Encrypt => {
                talk.desk().count(peer, &"spoke on before its TLS handshake");
                return End::Over;
            }
        }
    }
}

/// None where there is none any more: gone, silent or too slow, or one that has no end.
async fn next_line(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    (peer, talk): (SocketAddr, &Talk),
) -> Option<String> {
    let limit = if talk.is_logged_in() { SILENCE } else { STRANGER };
    // Of the whole line: one byte now and then holds no place.
    match timeout(limit, whole_line(stream, buffer, (peer, talk))).await {
        Ok(line) => line,
        Err(_) => {
            let what = format_args!("no whole line for {} s", limit.as_secs());
            talk.desk().count(peer, &what);
            None
        }
    }
}

async fn whole_line(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    (peer, talk): (SocketAddr, &Talk),
) -> Option<String> {
    loop {
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        if buffer.len() > LINE {
            talk.desk().count(peer, &"a line without an end");
            return None;
        }
        let mut piece = [0; LINE];
        match stream.read(&mut piece).await {
            Ok(0) => return None,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
            Err(error) => {
                talk.desk().count(peer, &error);
                return None;
            }
        }
    }
}
