//! Addresses of devices that a config knows by name. The system's resolver blocks a thread and cannot be called off: when
//! it is what fails, it takes a few threads and no more, and a device is found where it was last.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Names looked up at a time. A resolver that works takes a millisecond for each; one that does not holds its thread for
/// ten seconds and longer, and the journal and the API need threads as well.
const AT_ONCE: usize = 8;
/// A device whose address is known is not kept waiting longer for its name.
const KNOWN_WITHIN: Duration = Duration::from_millis(500);
/// Names that are remembered. A config has fewer; beyond it all are forgotten.
const MOST: usize = 4_096;

static LOOKUPS: Semaphore = Semaphore::const_new(AT_ONCE);
static KNOWN: Mutex<BTreeMap<String, Vec<SocketAddr>>> = Mutex::new(BTreeMap::new());

/// The addresses of `host:port`, at least one; those it had last while nobody can say. Where it has never had one this
/// lasts as long as the resolver does: the caller has a deadline.
pub(super) async fn find(at: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = at.parse() {
        return Ok(vec![address]);
    }
    let Some(before) = known().get(at).cloned() else {
        let found = look_up(at).await?;
        return Ok(remember(at, found));
    };
    match timeout(KNOWN_WITHIN, look_up(at)).await {
        Ok(Ok(found)) => Ok(remember(at, found)),
        Ok(Err(_)) | Err(_) => Ok(before),
    }
}

/// Goes on when nobody waits for it any more, and keeps its place until it is through.
async fn look_up(at: &str) -> io::Result<Vec<SocketAddr>> {
    // Nobody closes it.
    let place = LOOKUPS.acquire().await.map_err(io::Error::other)?;
    let name = at.to_owned();
    let looked = tokio::spawn(async move {
        let _place = place;
        lookup_host(name).await.map(Vec::from_iter)
    });
    let found = looked.await.map_err(io::Error::other)??;
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    (!found.is_empty()).then_some(found).ok_or_else(nowhere)
}

fn remember(at: &str, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut known = known();
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(at.to_owned(), found.clone());
    found
}

/// What is written in one go is whole even if somebody panicked elsewhere.
fn known() -> MutexGuard<'static, BTreeMap<String, Vec<SocketAddr>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_needs_nobody_and_a_name_is_looked_up() {
        assert_eq!(find("192.0.2.7:502").await.unwrap(), ["192.0.2.7:502".parse().unwrap()]);
        let found = find("localhost:502").await.unwrap();
        assert!(
            found.iter().all(|a| a.ip().is_loopback() && a.port() == 502),
            "{found:?}"
        );
        assert!(find("no-such-device.invalid:502").await.is_err());
    }

    /// All places taken, as by a resolver that hangs: who was known is found, in time; who was not has to wait.
    #[tokio::test]
    async fn a_device_is_found_where_it_was_while_the_resolver_hangs() {
        let was: SocketAddr = "192.0.2.9:502".parse().unwrap();
        remember("ups.test:502", vec![was]);
        let hung = LOOKUPS.acquire_many(AT_ONCE as u32).await.unwrap();
        assert_eq!(find("ups.test:502").await.unwrap(), [was]);
        let unknown = timeout(Duration::from_millis(50), find("other.test:502")).await;
        assert!(unknown.is_err(), "{unknown:?}");
        drop(hung);
    }

    #[tokio::test]
    async fn a_name_that_is_gone_leaves_its_address() {
        let was: SocketAddr = "192.0.2.10:502".parse().unwrap();
        remember("gone-device.invalid:502", vec![was]);
        assert_eq!(find("gone-device.invalid:502").await.unwrap(), [was]);
    }
}
