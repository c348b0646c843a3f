//! Walks an agent's trees and hands on what it answers, object by object, for a recording.

use std::time::Duration;

use async_snmp::{Client, Error, Value, WalkMethod, WalkOptions};
use muster_profiles::Oid;
use muster_profiles::capture::Record;
use tokio::time::timeout;

use super::failure::Failure;
use super::link::connect;
use super::look::{WITHIN, auth};
use super::plan::theirs;
use crate::config::SnmpLogin;
use crate::lines;

/// Objects of one recording. The largest tree of a UPS on record has some 4,000; beyond this it is no UPS, or has no end.
pub(crate) const MOST_OBJECTS: usize = 20_000;
/// Bytes of all their values.
const MOST_BYTES: usize = 4 << 20;
/// How long a recording may take. A slow card answers a GETBULK in half a second.
pub(crate) const MOST_TIME: Duration = Duration::from_secs(120);
/// Rows asked for at once: an answer of 20 numbers fits one datagram.
const ROWS_A_GET: u32 = 20;

/// An agent, open for walking.
pub(crate) struct Walker {
    client: Client,
    address: String,
    plain: bool,
    objects: usize,
    bytes: usize,
}

impl Walker {
    /// # Errors
    /// One line: there is no such host, or no keys can be made.
    pub(crate) async fn open(address: &str, login: &SnmpLogin) -> Result<Self, String> {
        let opened = async {
            let auth = auth(login).await?;
            connect(address, &auth, WITHIN).await
        };
        let client = opened.await.map_err(|failure| lines::with_causes(&failure))?;
        Ok(Self {
            client,
            address: address.to_owned(),
            plain: login.is_plain(),
            objects: 0,
            bytes: 0,
        })
    }

    /// Every object at or below `roots`, in their order; at most 20,000, 4 MiB, and 120 s. Cancel safe: whatever was
    /// handed to `each` was whole.
    ///
    /// # Errors
    /// One line: why it ended early.
    pub(crate) async fn walk(&mut self, roots: &[Oid], mut each: impl FnMut(Oid, Record)) -> Result<(), String> {
        let all = async {
            for root in roots {
                self.tree(root, &mut each).await?;
            }
            Ok(())
        };
        timeout(MOST_TIME, all)
            .await
            .unwrap_or_else(|_| Err(format!("it had not come to an end after {} s", MOST_TIME.as_secs())))
    }

    async fn tree(&mut self, root: &Oid, each: &mut impl FnMut(Oid, Record)) -> Result<(), String> {
        let options = WalkOptions {
            method: WalkMethod::GetBulk,
            max_repetitions: ROWS_A_GET,
            ..WalkOptions::default()
        };
        let walk = self.client.walk_with(theirs(root), options);
        let mut walk = walk.map_err(|error| self.failed(error))?;
        while let Some(next) = walk.next().await {
            let row = next.map_err(|error| self.failed(error))?;
            let Some(record) = record(row.value) else { continue };
            self.objects += 1;
            self.bytes += record.bytes.len();
            if self.objects > MOST_OBJECTS || self.bytes > MOST_BYTES {
                return Err(format!(
                    "it has no end: {MOST_OBJECTS} objects or 4 MiB are enough of it"
                ));
            }
            if let Ok(oid) = row.oid.to_string().parse() {
                each(oid, record);
            }
        }
        Ok(())
    }

    fn failed(&self, error: Box<Error>) -> String {
        if let Error::WalkAborted { reason, .. } = error.exchange_source() {
            return format!("it does not go forwards: {reason}");
        }
        lines::with_causes(&Failure::of_call(error, &self.address, WITHIN, self.plain))
    }
}

/// As snmpsim writes it; none for what is no value.
fn record(value: Value) -> Option<Record> {
    let (tag, bytes) = match value {
        Value::Integer(n) => (2, n.to_string().into_bytes()),
        Value::OctetString(bytes) => (4, bytes.to_vec()),
        Value::Null => (5, Vec::new()),
        Value::ObjectIdentifier(oid) => (6, oid.to_string().into_bytes()),
        Value::IpAddress(address) => (64, address.to_vec()),
        Value::Counter32(n) => (65, n.to_string().into_bytes()),
        Value::Gauge32(n) | Value::UInteger32(n) => (66, n.to_string().into_bytes()),
        Value::TimeTicks(n) => (67, n.to_string().into_bytes()),
        Value::Opaque(bytes) => (68, bytes.to_vec()),
        Value::Counter64(n) => (70, n.to_string().into_bytes()),
        _ => return None,
    };
    Some(Record { tag: Some(tag), bytes })
}
