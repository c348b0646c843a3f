//! Devices that answer real Modbus TCP, by registers written out by hand from the makers' maps.

mod battery;
mod contacts;
pub mod recorded;
mod server;
pub mod stamped;
mod table;
mod ups;

use std::net::SocketAddr;
use std::sync::Arc;

pub use server::Device;

use crate::{Room, StoryTime, UpsPlace};
use table::Table;

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// APC Smart-UPS with Modbus TCP switched on (maker's document 990-9840): holding registers.
    SmartUps(UpsPlace),
    /// Dry-contact module wired to the fire panel: discrete input 0 is fire alarm, 1 is suppression discharge, 2 to 7
    /// are not wired.
    FirePanel,
    /// Module of eight supervised contacts (Muster's map `generic/contact-module`): discrete inputs 0 to 15, two a contact.
    ContactModule,
    /// Battery monitor that sums up the rack in Muster's generic map: input registers 0 to 5. It looks at its cells
    /// only every `period_ms` scenario milliseconds (> 0) and shows the same values in between.
    BatteryMonitor {
        /// Up to ten minutes was usual before 2023; at most ten seconds is law in Korea since.
        period_ms: u32,
    },
}

/// Why a device could not be put up.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Its address is taken or not ours.
    #[error("simulated device cannot listen on {bind}")]
    Listen {
        /// The address asked for.
        bind: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// One device's view of the room.
#[derive(Clone)]
pub(crate) struct Seen {
    kind: DeviceKind,
    room: Room,
    story: Arc<dyn StoryTime>,
}

impl Seen {
    /// What its registers hold now; `None` once it has burnt.
    fn table(&self) -> Option<Table> {
        let now_ms = self.story.now_ms();
        let state = self.room.at(now_ms);
        match self.kind {
            DeviceKind::SmartUps(place) => {
                let ups = state.ups[place as usize];
                ups.answers.then(|| ups::table(&ups, place))
            }
            DeviceKind::FirePanel => Some(contacts::table(&state.panel)),
            DeviceKind::ContactModule => Some(contacts::pairs(&state.panel)),
            DeviceKind::BatteryMonitor { period_ms } => {
                let measured = self.room.at(battery::looked_at_ms(now_ms, period_ms)).battery;
                state.battery.answers.then(|| battery::table(&measured))
            }
        }
    }
}

/// Puts a device up at `bind` (port 0 takes a free one), as Modbus unit `unit`.
///
/// # Errors
/// [`DeviceError::Listen`] if the address cannot be listened on.
pub async fn spawn(
    kind: DeviceKind,
    bind: SocketAddr,
    unit: u8,
    room: Room,
    story: Arc<dyn StoryTime>,
) -> Result<Device, DeviceError> {
    Device::start(bind, unit, server::View::Room(Seen { kind, room, story })).await
}

#[cfg(test)]
mod tests;
