//! The places of those who have said who they are, and who holds them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::api::Gauges;

/// Connections one client may have at a time: the one that speaks, and those it has taken over and that end slowly.
const CONNECTIONS_EACH: usize = 4;

/// Who is connected. A node of the config always has a place, whoever else is there; strangers share what is left.
#[derive(Debug)]
pub(super) struct Clients {
    strangers: usize,
    inside: Mutex<BTreeMap<Arc<str>, Client>>,
    gauges: Arc<Gauges>,
}

#[derive(Debug)]
struct Client {
    connections: usize,
    latest: SocketAddr,
    leave: Arc<Notify>,
    known: bool,
}

/// A client's place; comes free however the client ends.
#[derive(Debug)]
pub(super) struct Place {
    clients: Arc<Clients>,
    id: Arc<str>,
    /// Where the connection came from that this one takes over.
    pub(super) taken_from: Option<SocketAddr>,
    leave: Arc<Notify>,
}

/// Every place it could have is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

impl Clients {
    /// At most `max_clients` at a time, of which the nodes of the config need `nodes`.
    pub(super) fn new(max_clients: usize, nodes: usize, gauges: Arc<Gauges>) -> Arc<Self> {
        Arc::new(Self {
            strangers: max_clients.saturating_sub(nodes),
            inside: Mutex::default(),
            gauges,
        })
    }

    pub(super) fn enter(self: &Arc<Self>, id: &str, known: bool, from: SocketAddr) -> Result<Place, Full> {
        let (id, leave): (Arc<str>, Arc<Notify>) = (id.into(), Arc::default());
        let mut inside = self.lock();
        let no_more = !known && inside.values().filter(|client| !client.known).count() >= self.strangers;
        let taken_from = match inside.get_mut(&id) {
            Some(client) if client.connections >= CONNECTIONS_EACH => return Err(Full),
            Some(client) => {
                client.connections += 1;
                client.leave = leave.clone();
                Some(std::mem::replace(&mut client.latest, from))
            }
            None if no_more => return Err(Full),
            None => {
                let client = Client {
                    connections: 1,
                    latest: from,
                    leave: leave.clone(),
                    known,
                };
                inside.insert(id.clone(), client);
                None
            }
        };
        drop(inside);
        self.gauges.count_mqtt_client(1);
        Ok(Place {
            clients: self.clone(),
            id,
            taken_from,
            leave,
        })
    }

    /// Asks a client's latest connection to end.
    pub(super) fn send_away(&self, id: &str) {
        if let Some(client) = self.lock().get(id) {
            client.leave.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Client>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Resolves when this connection shall end.
    pub(super) fn asked_to_leave(&self) -> impl Future<Output = ()> + use<> {
        let leave = self.leave.clone();
        async move { leave.notified().await }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.clients.lock();
        if let Some(client) = inside.get_mut(&self.id) {
            client.connections -= 1;
            if client.connections == 0 {
                inside.remove(&self.id);
            }
        }
        drop(inside);
        self.clients.gauges.count_mqtt_client(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_always_has_a_place() {
        let clients = Clients::new(3, 2, Arc::default());
        let from = SocketAddr::from(([10, 0, 0, 1], 1));
        let stranger = clients.enter("guest", false, from).unwrap();
        assert!(clients.enter("guest-2", false, from).is_err());
        let node = clients.enter("node-1", true, from).unwrap();
        assert!(node.taken_from.is_none());
        // A second connection of the same client needs no second place.
        let again = clients
            .enter("node-1", true, SocketAddr::from(([10, 0, 0, 2], 2)))
            .unwrap();
        assert_eq!(again.taken_from, Some(from));
        let more: Vec<_> = (0..3).map(|_| clients.enter("node-1", true, from)).collect();
        assert_eq!(more.iter().filter(|place| place.is_ok()).count(), 2);
        drop((node, again, more, stranger));
        assert!(clients.lock().is_empty());
    }
}
