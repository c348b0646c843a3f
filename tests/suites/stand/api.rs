//! What one asks a running gateway over HTTP.

use std::net::SocketAddr;

use muster::clock::Stopwatch;
use muster_core::ChannelView;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{LOOK_EVERY, SOON};

/// The API of a gateway.
pub(crate) struct Api {
    address: SocketAddr,
}

impl Api {
    pub(crate) const fn of(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Where it is.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET`, as text, with a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> String {
        let asked = timeout(SOON, self.ask(path)).await;
        let text = asked.expect("the API is silent").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {text}");
        body.to_owned()
    }

    async fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    /// `GET /api/v1/status`.
    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/api/v1/status").await).unwrap()
    }

    /// Every channel as the API shows it.
    pub(crate) async fn channels(&self) -> Vec<ChannelView> {
        #[derive(Deserialize)]
        struct Channels {
            channels: Vec<ChannelView>,
        }
        let all: Channels = serde_json::from_str(&self.get("/api/v1/channels").await).unwrap();
        all.channels
    }

    /// One of them.
    pub(crate) async fn channel(&self, id: &str) -> ChannelView {
        let all = self.channels().await;
        all.into_iter().find(|c| c.id == id).unwrap()
    }

    /// Waits until a channel is so.
    pub(crate) async fn until_channel(&self, id: &str, what: &str, is_so: impl Fn(&ChannelView) -> bool) {
        let since = Stopwatch::start();
        loop {
            let channel = self.channel(id).await;
            if is_so(&channel) {
                return;
            }
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}; {channel:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// The first sample of a metric.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await;
        let value = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    }

    /// `muster_dropped_total` of every cause that is not zero, by name.
    pub(crate) async fn dropped(&self) -> Vec<(String, u64)> {
        let text = self.get("/metrics").await;
        let rows = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("muster_dropped_total{cause=\"")?;
            let (cause, count) = rest.split_once("\"} ")?;
            Some((cause.to_owned(), count.parse().ok()?))
        });
        let mut rows: Vec<(String, u64)> = rows.collect();
        rows.sort();
        assert!(rows.len() > 20, "the causes have gone from /metrics:\n{text}");
        rows.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// `muster_dropped_total` of one cause.
    pub(crate) async fn count(&self, cause: &str) -> u64 {
        let dropped = self.dropped().await;
        dropped.iter().find(|(c, _)| c == cause).map_or(0, |(_, n)| *n)
    }

    /// Waits until this cause has been counted at least so often.
    pub(crate) async fn until_count(&self, cause: &str, least: u64) {
        let since = Stopwatch::start();
        while self.count(cause).await < least {
            let dropped = self.dropped().await;
            assert!(
                since.elapsed() < SOON,
                "{cause} has not come to {least} within {SOON:?}: {dropped:?}"
            );
            sleep(LOOK_EVERY).await;
        }
    }
}
