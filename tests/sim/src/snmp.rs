//! An SNMP agent that answers as one was recorded: v2c, GET, GETNEXT and GETBULK. The agent is a library's; whatever
//! would change something is refused.

use std::net::SocketAddr;
use std::sync::Arc;

use async_snmp::agent::Agent;
use async_snmp::handler::{BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, OidTable, RequestContext};
use async_snmp::{Oid, Value, VarBind};
use tokio::task::JoinHandle;

/// One object: its instance, its type as a tag of BER, and the bytes of a text or an address, else its value as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its instance, whole.
    pub arcs: Vec<u32>,
    /// 2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OBJECT IDENTIFIER, 64 IpAddress, 65 Counter32, 66 Gauge32, 67 TimeTicks,
    /// 68 Opaque, 70 Counter64.
    pub tag: u8,
    /// See above.
    pub bytes: Vec<u8>,
}

/// A running agent. Dropping it switches it off.
#[derive(Debug)]
pub struct Played {
    addr: SocketAddr,
    task: JoinHandle<()>,
    /// Objects that are no value of their type, and are not answered for.
    pub unreadable: usize,
}

/// Why an agent could not be put up.
#[derive(Debug, thiserror::Error)]
#[error("simulated agent cannot listen on {bind}")]
pub struct PlayError {
    bind: SocketAddr,
    #[source]
    source: Box<async_snmp::Error>,
}

/// All that agents have is below it.
const ISO: [u32; 1] = [1];

struct Table(OidTable<Value>);

impl Played {
    /// Puts a recorded agent up at `bind` (port 0 takes a free one), which answers whoever says `community`.
    ///
    /// # Errors
    /// [`PlayError`] if the address cannot be listened on.
    pub async fn start(objects: &[Object], bind: SocketAddr, community: &str) -> Result<Self, PlayError> {
        let failed = |source| PlayError { bind, source };
        let mut table = OidTable::new();
        for object in objects {
            if let Some(value) = value(object).filter(|_| object.arcs.starts_with(&ISO)) {
                table.insert(Oid::from_slice(&object.arcs), value);
            }
        }
        let unreadable = objects.len() - table.len();
        let agent = Agent::builder()
            .bind(bind.to_string())
            .community(community.as_bytes())
            .handler(Oid::from_slice(&ISO), Arc::new(Table(table)))
            .allow_all_access()
            .without_builtin_handlers()
            .build();
        let agent = agent.await.map_err(failed)?;
        let addr = agent.local_addr();
        let task = tokio::spawn(async move {
            if let Err(error) = agent.run().await {
                tracing::warn!(%error, "a simulated agent has ended");
            }
        });
        Ok(Self { addr, task, unreadable })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MibHandler for Table {
    fn get<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        let found = self
            .0
            .get(oid)
            .cloned()
            .map_or(GetResult::NoSuchObject, GetResult::Value);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn get_next<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        let next = self.0.get_next(oid);
        let next = next.map_or(GetNextResult::EndOfMibView, |(oid, value)| {
            GetNextResult::Value(VarBind::new(oid.clone(), value.clone()))
        });
        Box::pin(std::future::ready(Ok(next)))
    }
}

fn value(object: &Object) -> Option<Value> {
    let text = || std::str::from_utf8(&object.bytes).ok().map(str::trim);
    Some(match object.tag {
        2 => Value::Integer(text()?.parse().ok()?),
        4 => Value::OctetString(object.bytes.clone().into()),
        5 => Value::Null,
        6 => Value::ObjectIdentifier(Oid::parse(text()?).ok()?),
        64 => Value::IpAddress(address(&object.bytes)?),
        65 => Value::Counter32(text()?.parse().ok()?),
        66 => Value::Gauge32(text()?.parse().ok()?),
        67 => Value::TimeTicks(text()?.parse().ok()?),
        68 => Value::Opaque(object.bytes.clone().into()),
        70 => Value::Counter64(text()?.parse().ok()?),
        _ => return None,
    })
}

/// Four bytes, or written with dots between.
fn address(bytes: &[u8]) -> Option<[u8; 4]> {
    let dotted = || {
        std::str::from_utf8(bytes)
            .ok()?
            .trim()
            .parse::<std::net::Ipv4Addr>()
            .ok()
    };
    bytes.try_into().ok().or_else(|| Some(dotted()?.octets()))
}
