//! Name resolution that hands on only addresses a hook may have: what was checked is what is connected to.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::target::{TargetError, check_address};

/// How names become addresses.
type Lookup = fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves, checks every address, and drops those that are forbidden. The connection has no other source of addresses,
/// so a name that changes between check and use gains nothing.
pub(super) struct CheckedResolver {
    pub(super) allow_loopback: bool,
    pub(super) lookup: Lookup,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_loopback, lookup) = (self.allow_loopback, self.lookup);
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            let allowed = permitted(name.as_str(), found, allow_loopback)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The system's resolver: hosts file, then DNS.
pub(super) fn system(name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// The addresses of a host, name or literal, that may be called.
///
/// # Errors
/// What the system's resolver says; a name without an address, or with none that may be called.
pub(crate) async fn addresses(host: &str, port: u16, allow_loopback: bool) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await?.collect();
    permitted(host, found, allow_loopback).map_err(io::Error::other)
}

fn permitted(name: &str, found: Vec<SocketAddr>, allow_loopback: bool) -> Result<Vec<SocketAddr>, TargetError> {
    let mut why = TargetError::NoAddress(name.to_owned());
    let mut allowed = Vec::with_capacity(found.len());
    for address in found {
        match check_address(address.ip(), allow_loopback) {
            Ok(()) => allowed.push(address),
            Err(forbidden) => why = forbidden,
        }
    }
    if allowed.is_empty() { Err(why) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_on_only_what_is_allowed() {
        let at = |text: &str| text.parse().unwrap();
        let mixed = vec![
            at("169.254.169.254:0"),
            at("10.1.2.3:0"),
            at("[fe80::1]:0"),
            at("127.0.0.1:0"),
        ];
        assert_eq!(permitted("a", mixed.clone(), false), Ok(vec![at("10.1.2.3:0")]));
        assert_eq!(
            permitted("a", mixed, true),
            Ok(vec![at("10.1.2.3:0"), at("127.0.0.1:0")])
        );
        let forbidden = permitted("a", vec![at("[::ffff:169.254.169.254]:0")], true);
        assert!(matches!(forbidden, Err(TargetError::Forbidden { .. })));
        assert_eq!(permitted("a", vec![], true), Err(TargetError::NoAddress("a".into())));
    }
}
