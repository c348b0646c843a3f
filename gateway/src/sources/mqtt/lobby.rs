//! Where connections wait until they have said who they are. Apart from the clients' places, so that however many are
//! silent, none of them takes the place of a node.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Everybody who has not logged in yet. When it is full, whoever holds most of it makes way, those who have said nothing
/// before those who have, the longest waiting first: a crowd from one machine pushes out itself, silence goes before a
/// handshake that is under way, and a login anywhere else goes on.
#[derive(Debug)]
pub(super) struct Lobby {
    places: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// In the order they came.
    waiting: BTreeMap<u64, Guest>,
    /// How many of them come from one network.
    from: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Guest {
    network: IpAddr,
    leave: Arc<Notify>,
    /// It has said something.
    spoke: bool,
}

/// A place in the lobby; comes free when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    lobby: Arc<Lobby>,
    number: u64,
    leave: Arc<Notify>,
}

impl Lobby {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: places.max(1),
            inside: Mutex::default(),
        })
    }

    /// Always finds a place: somebody else's if there is none left.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Seat {
        let network = network(from);
        let leave = Arc::new(Notify::new());
        let mut inside = self.lock();
        if inside.waiting.len() >= self.places {
            inside.send_away();
        }
        let number = inside.next;
        inside.next += 1;
        *inside.from.entry(network).or_default() += 1;
        let guest = Guest {
            network,
            leave: leave.clone(),
            spoke: false,
        };
        inside.waiting.insert(number, guest);
        drop(inside);
        let lobby = self.clone();
        Seat { lobby, number, leave }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn send_away(&mut self) {
        let largest = self.from.values().max().copied();
        let of_largest = |guest: &Guest| self.from.get(&guest.network).copied() == largest;
        let of_them = || self.waiting.iter().filter(|(_, guest)| of_largest(guest));
        let silent = of_them().find(|(_, guest)| !guest.spoke);
        let first = silent.or_else(|| of_them().next()).map(|(number, _)| *number);
        if let Some(guest) = first.and_then(|number| self.remove(number)) {
            guest.leave.notify_one();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Guest> {
        let guest = self.waiting.remove(&number)?;
        if let Some(count) = self.from.get_mut(&guest.network) {
            *count -= 1;
            if *count == 0 {
                self.from.remove(&guest.network);
            }
        }
        Some(guest)
    }
}

impl Seat {
    /// Whoever sits here has said something.
    pub(super) fn spoke(&self) {
        // Sent away meanwhile: then it is too late.
        if let Some(guest) = self.lobby.lock().waiting.get_mut(&self.number) {
            guest.spoke = true;
        }
    }

    /// Resolves when somebody else needs the place.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Whoever was sent away has been removed already.
        self.lobby.lock().remove(self.number);
    }
}

/// What one machine has at will: an IPv4 address, or the 64 bits of an IPv6 network.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn is_sent_away(seat: &Seat) -> bool {
        !seat.lobby.lock().waiting.contains_key(&seat.number)
    }

    #[tokio::test]
    async fn a_crowd_pushes_out_itself_and_nobody_else() {
        let lobby = Lobby::new(4);
        let node = lobby.enter(ip(1));
        let crowd: Vec<_> = (0..50).map(|_| lobby.enter(ip(9))).collect();
        assert!(!is_sent_away(&node));
        let left = crowd.iter().filter(|seat| !is_sent_away(seat)).count();
        assert_eq!(left, 3);
        assert!(!is_sent_away(&crowd[49]), "the newest stays");
        crowd[0].asked_to_leave().await;
        drop(crowd);
        assert_eq!(lobby.lock().waiting.len(), 1);
        drop(node);
        assert!(lobby.lock().waiting.is_empty() && lobby.lock().from.is_empty());
    }

    #[test]
    fn one_network_of_ipv6_is_one_crowd() {
        let v6 = |tail| network(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, tail]));
        assert_eq!(v6(1), v6(2));
        assert_ne!(network(ip(1)), network(ip(2)));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap_or(ip(0))), ip(1));
    }
}
