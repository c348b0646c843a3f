//! The least a hook can be: takes a whole POST, stamps it, answers 200, keeps the connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{BenchError, background};
use crate::api::Gauges;
use crate::clock::Stopwatch;

/// Largest request: far beyond any event of one workload.
const REQUEST_BYTES: usize = 64 * 1024;
/// Receipts that may wait; one trial is under way at a time.
const RECEIPTS: usize = 64;

/// One webhook that was fully received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    /// By the bench's one stop-watch.
    pub(super) at: Duration,
    /// The journal's last commit that carried a decision: the one this call waited for. Microseconds.
    pub(super) commit_us: u64,
}

/// A receiver on a thread of its own; it ends with the process.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) receipts: mpsc::Receiver<Receipt>,
    gauges: Arc<std::sync::OnceLock<Arc<Gauges>>>,
}

impl Receiver {
    /// Listens on a free port.
    pub(super) async fn start(watch: Stopwatch) -> Result<Self, BenchError> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).await.map_err(BenchError::Receiver)?;
        let address = listener.local_addr().map_err(BenchError::Receiver)?;
        let listener = listener.into_std().map_err(BenchError::Receiver)?;
        let (tell, receipts) = mpsc::channel(RECEIPTS);
        let gauges = Arc::<std::sync::OnceLock<Arc<Gauges>>>::default();
        let desk = Desk {
            watch,
            tell,
            gauges: gauges.clone(),
        };
        background("bench-receiver", async move {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            while let Ok((stream, _)) = listener.accept().await {
                let desk = desk.clone();
                tokio::spawn(async move {
                    // A connection that ends is the caller's affair; a trial without a webhook is told as such.
                    let _ = desk.serve(stream).await;
                });
            }
        })?;
        Ok(Self {
            address,
            receipts,
            gauges,
        })
    }

    /// From whose gauge the commit's time is read.
    pub(super) fn read_commits_of(&self, gauges: &Arc<Gauges>) {
        // Once a gateway; the first one stays.
        let _ = self.gauges.set(gauges.clone());
    }
}

#[derive(Clone)]
struct Desk {
    watch: Stopwatch,
    tell: mpsc::Sender<Receipt>,
    gauges: Arc<std::sync::OnceLock<Arc<Gauges>>>,
}

impl Desk {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(REQUEST_BYTES);
        loop {
            if !whole_request(&mut stream, &mut buffer).await? {
                return Ok(());
            }
            // Readiness asks whether anybody is there: that is no webhook.
            if buffer.starts_with(b"HEAD ") {
                stream
                    .write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
                    .await?;
                buffer.clear();
                continue;
            }
            let at = self.watch.elapsed();
            let commit_us = self.gauges.get().map_or(0, |gauges| gauges.commit_us());
            // The answer comes after the reading of the gauge: what it causes is committed too.
            if self.tell.send(Receipt { at, commit_us }).await.is_err() {
                return Ok(());
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await?;
            buffer.clear();
        }
    }
}

/// Reads until a request is whole; false at the end of the connection.
async fn whole_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        if length_of(buffer).is_some_and(|length| buffer.len() >= length) {
            return Ok(true);
        }
        if buffer.len() >= REQUEST_BYTES {
            return Err(io::Error::other("a request larger than any of ours"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
}

/// Bytes of the whole request, once its head is there.
fn length_of(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&request[..head]).ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())
            .flatten()
    };
    Some(head + text.lines().find_map(header).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_last_byte() {
        let request = b"POST / HTTP/1.1\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";
        assert_eq!(length_of(request), Some(request.len()));
        assert_eq!(length_of(&request[..request.len() - 5]), Some(request.len()));
        assert_eq!(length_of(&request[..20]), None);
        assert_eq!(length_of(b"GET / HTTP/1.1\r\n\r\n"), Some(18));
        assert_eq!(length_of(b"\xff\xfe\r\n\r\n"), None);
    }
}
