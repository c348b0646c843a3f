//! Muster as NUT's upsd: every upsmon, NAS and hypervisor that already speaks NUT learns here when to go. What is shown is
//! decided in the core (`hosts`); nothing that a client says changes anything.

mod session;
mod talk;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_core::View;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::api::{Gauges, Logins};
use crate::certs;
use crate::clock::Clock;
use crate::config::{NutFace, Secret};
use crate::counters::{Cause, Counters};

/// Clients at a time: a hall of hosts; more are closed at once, and counted.
const CLIENTS: usize = 1_024;
/// Of these from one address: a host has one, and a few to look. So nobody alone keeps the hall out.
pub(crate) const CLIENTS_OF_ONE: usize = 16;
/// A view older than this is nobody's word any more: clients are told DATA-STALE.
const OLD_MS: i64 = 5_000;
/// When there are no descriptors left; they come back.
const PAUSE: Duration = Duration::from_millis(50);

/// Why it does not listen.
#[derive(Debug, thiserror::Error)]
pub enum UpsdError {
    /// The address is taken, or is not ours.
    #[error("cannot listen for NUT's clients on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("[nut]: {0}")]
    Tls(String),
}

/// What every session shares.
pub(crate) struct Desk {
    site: String,
    users: Vec<(String, Secret)>,
    acceptor: Option<TlsAcceptor>,
    view: watch::Receiver<Arc<View>>,
    clock: Clock,
    counters: Counters,
    logins: Arc<Mutex<Logins>>,
    peers: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A connection of an address; until this is dropped.
struct Seat {
    desk: Arc<Desk>,
    ip: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut peers = self.desk.peers.lock().unwrap_or_else(PoisonError::into_inner);
        match peers.get_mut(&self.ip) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(peers.remove(&self.ip)),
        }
    }
}

/// Somebody has logged in; until this is dropped.
pub(crate) struct Login {
    desk: Arc<Desk>,
    ups: String,
}

impl Drop for Login {
    fn drop(&mut self) {
        let mut logins = self.desk.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = logins.get_mut(&self.ups) {
            *n = n.saturating_sub(1);
        }
    }
}

impl Desk {
    /// None while the decision loop is silent.
    fn view(&self) -> Option<Arc<View>> {
        let view = self.view.borrow().clone();
        let age_ms = (self.clock.now() - view.now) / i64::from(self.clock.speed().max(1));
        (age_ms <= OLD_MS).then_some(view)
    }

    /// None where its address has as many as it may.
    fn seat(self: &Arc<Self>, peer: SocketAddr) -> Option<Seat> {
        let ip = peer.ip().to_canonical();
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = peers.entry(ip).or_default();
        if *open >= CLIENTS_OF_ONE {
            return None;
        }
        *open += 1;
        let desk = self.clone();
        Some(Seat { desk, ip })
    }

    fn log_in(self: &Arc<Self>, ups: &str) -> Login {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        *logins.entry(ups.to_owned()).or_default() += 1;
        Login {
            desk: self.clone(),
            ups: ups.to_owned(),
        }
    }

    fn logged_in(&self, ups: &str) -> usize {
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.get(ups).copied().unwrap_or(0)
    }

    fn count(&self, peer: SocketAddr, what: &dyn std::fmt::Display) {
        self.counters.count(Cause::NutClient, &peer.ip().to_string(), what);
    }
}

/// Listens; dropping the handle does not end it, aborting it does.
///
/// # Errors
/// The address is not to be had, or the certificate cannot be used.
pub(crate) async fn start(
    face: &NutFace,
    site: &str,
    (view, clock, counters): (watch::Receiver<Arc<View>>, Clock, Counters),
    gauges: &Gauges,
) -> Result<(SocketAddr, JoinHandle<()>), UpsdError> {
    let listen = |source| UpsdError::Listen {
        address: face.listen,
        source,
    };
    let tls = face
        .tls
        .as_ref()
        .map(|(cert, key)| certs::plain_server(cert, key))
        .transpose();
    let desk = Arc::new(Desk {
        site: site.to_owned(),
        users: face.users.clone(),
        acceptor: tls.map_err(UpsdError::Tls)?.map(TlsAcceptor::from),
        view,
        clock,
        counters,
        logins: Arc::default(),
        peers: Mutex::default(),
    });
    gauges.set_hosts(desk.logins.clone());
    let listener = TcpListener::bind(face.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    Ok((address, tokio::spawn(serve(listener, desk))))
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let (places, mut sessions) = (Arc::new(Semaphore::new(CLIENTS)), JoinSet::new());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match (desk.seat(peer), places.clone().try_acquire_owned()) {
                    (Some(seat), Ok(place)) => {
                        let desk = desk.clone();
                        sessions.spawn(async move {
                            session::see_through(stream, peer, desk).await;
                            drop((seat, place));
                        });
                    }
                    (None, _) => desk.count(peer, &"too many connections of one address; closed at once"),
                    (_, Err(_)) => desk.count(peer, &"all places are taken; closed at once"),
                },
                Err(error) => {
                    desk.counters.count(Cause::NutClient, "nut", &error);
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = sessions.join_next() => {}
        }
    }
}
