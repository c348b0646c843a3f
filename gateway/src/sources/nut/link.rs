//! One connection to upsd. It asks for lists; there is nothing here that changes anything, and no `LOGIN`.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::answer::{self, VariableRows, Variables};
use super::failure::Failure;
use super::line::{self, shown};
use super::refusal::Refusal;
use super::request::Request;
use crate::config::UpsName;
use crate::sources::{names, tls};

/// A machine in the same building answers a SYN within milliseconds; TCP repeats a lost one after 1 s. TLS has to be ready
/// by then as well.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// upsd writes lines of at most 1 KiB (its LARGEBUF).
const MAX_LINE: usize = 4 << 10;
/// The largest dumps on record, of managed power strips, are some 20 KiB.
const MAX_ANSWER: usize = 256 << 10;

/// Where upsd is, and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    /// `host:port`.
    pub(crate) address: &'a str,
    /// With it the conversation is encrypted, or there is none.
    pub(crate) ca: Option<&'a Path>,
    /// An answer later than this is none.
    pub(crate) within: Duration,
}

/// What carries the lines.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is in step: every request had its whole answer, and nothing came behind it.
pub(crate) struct Link {
    wire: Wire,
    within: Duration,
}

/// Lines in both directions.
struct Wire {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Link {
    /// Connects within 3 s, encrypted where a `ca` is given.
    pub(crate) async fn open(door: Door<'_>) -> Result<Self, Failure> {
        let address = || door.address.to_owned();
        let opened = timeout(CONNECT_WITHIN, connect(door)).await;
        let wire = opened.map_err(|_| Failure::ConnectTimeout {
            address: address(),
            within: CONNECT_WITHIN,
        })??;
        Ok(Self {
            wire,
            within: door.within,
        })
    }

    /// Whether it is still open. What comes unasked is an answer to something else.
    pub(super) async fn is_open(&mut self) -> Result<bool, Failure> {
        if !self.wire.unread.is_empty() {
            return Err(Failure::Unasked);
        }
        let mut byte = [0];
        tokio::select! {
            biased;
            read = self.wire.stream.read(&mut byte) => match read {
                Ok(1..) => Err(Failure::Unasked),
                Ok(0) | Err(_) => Ok(false),
            },
            () = std::future::ready(()) => Ok(true),
        }
    }

    /// Every variable of a UPS. The link comes back only with a whole answer or a refusal: after a time-out, any failure,
    /// or when this call is cancelled, it is gone, so that no late answer can meet a later request.
    pub(super) async fn variables(self, ups: &UpsName) -> Result<(Self, Result<Variables, Refusal>), Failure> {
        let mut rows = VariableRows::of(ups);
        let (link, refused) = self.list(Request::Variables(ups), |words| rows.take(words)).await?;
        Ok((link, refused.map_or_else(|| Ok(rows.finish()), Err)))
    }

    /// Names and descriptions of the UPSes. As [`Link::variables`].
    pub(crate) async fn upses(self) -> Result<(Self, Result<Vec<(String, String)>, Refusal>), Failure> {
        let mut rows = Vec::new();
        let take = |words| answer::ups(words).map(|row| rows.push(row));
        let (link, refused) = self.list(Request::Upses, take).await?;
        Ok((link, refused.map_or(Ok(rows), Err)))
    }

    async fn list(
        mut self,
        request: Request<'_>,
        take: impl FnMut(Vec<String>) -> Result<(), Failure>,
    ) -> Result<(Self, Option<Refusal>), Failure> {
        let asked = timeout(self.within, self.wire.list(request, take)).await;
        let refused = asked.map_err(|_| Failure::Timeout { within: self.within })??;
        Ok((self, refused))
    }
}

async fn connect(door: Door<'_>) -> Result<Wire, Failure> {
    let connect = async { TcpStream::connect(&names::find(door.address).await?[..]).await };
    let stream = connect
        .await
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| Failure::Connect {
            address: door.address.to_owned(),
            source,
        })?;
    let wire = Wire::of(Box::new(stream));
    match door.ca {
        None => Ok(wire),
        Some(ca) => wire.encrypt(door.address, ca).await,
    }
}

impl Wire {
    fn of(stream: Box<dyn Stream>) -> Self {
        let unread = Vec::with_capacity(2 * MAX_LINE);
        Self { stream, unread }
    }

    /// STARTTLS, and no way back to plain.
    async fn encrypt(mut self, address: &str, ca: &Path) -> Result<Self, Failure> {
        let name = server_name(address)?;
        let config = tls::client(Some(ca), None).map_err(Failure::Files)?;
        self.send(Request::Encrypt).await?;
        let words = self.words(&mut MAX_ANSWER.clone()).await?;
        if let Some(refusal) = Refusal::of(&words) {
            return Err(Failure::NotEncrypted(refusal));
        }
        if words != ["OK", "STARTTLS"] {
            return Err(unexpected(&words));
        }
        if !self.unread.is_empty() {
            return Err(Failure::Injected);
        }
        let secured = TlsConnector::from(config).connect(name, self.stream).await;
        let secured = secured.map_err(|source| Failure::Tls {
            address: address.to_owned(),
            source,
        })?;
        Ok(Self::of(Box::new(secured)))
    }

    /// A refusal, or every line between `BEGIN LIST` and `END LIST` of just this list.
    async fn list(
        &mut self,
        request: Request<'_>,
        mut take: impl FnMut(Vec<String>) -> Result<(), Failure>,
    ) -> Result<Option<Refusal>, Failure> {
        let about = request.list().unwrap_or_default();
        self.send(request).await?;
        let mut left = MAX_ANSWER;
        let first = self.words(&mut left).await?;
        if let Some(refusal) = Refusal::of(&first) {
            return Ok(Some(refusal));
        }
        if !bounds(&first, "BEGIN", &about) {
            return Err(unexpected(&first));
        }
        loop {
            let words = self.words(&mut left).await?;
            if bounds(&words, "END", &about) {
                return Ok(None);
            }
            take(words)?;
        }
    }

    async fn send(&mut self, request: Request<'_>) -> Result<(), Failure> {
        let line = request.line();
        self.stream.write_all(line.as_bytes()).await.map_err(Failure::Broken)?;
        self.stream.flush().await.map_err(Failure::Broken)
    }

    /// The words of the next line. `left` is how many bytes the answer may still have.
    async fn words(&mut self, left: &mut usize) -> Result<Vec<String>, Failure> {
        let line = self.line().await?;
        *left = left
            .checked_sub(line.len() + 1)
            .ok_or(Failure::TooLong("it is longer than 256 KiB"))?;
        let text = String::from_utf8_lossy(&line);
        line::words(&text).map_err(Failure::Torn)
    }

    async fn line(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                return Ok(line);
            }
            if self.unread.len() > MAX_LINE {
                return Err(Failure::TooLong("it has a line of more than 4 KiB"));
            }
            if self.stream.read_buf(&mut self.unread).await.map_err(broken)? == 0 {
                return Err(Failure::Closed);
            }
        }
    }
}

/// TLS that ends without a farewell is an end like any other: an answer is whole only with its own last line.
fn broken(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Failure::Closed
    } else {
        Failure::Broken(error)
    }
}

fn bounds(words: &[String], which: &str, about: &[String]) -> bool {
    matches!(words, [first, list, rest @ ..] if first == which && list == "LIST" && rest == about)
}

fn unexpected(words: &[String]) -> Failure {
    Failure::Foreign(shown(&words.join(" ")))
}

fn server_name(address: &str) -> Result<ServerName<'static>, Failure> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| Failure::NoServerName(shown(host)))
}
