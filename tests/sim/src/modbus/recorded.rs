//! A device that answers as it did when it was recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use super::DeviceError;
use super::server::{Device, View};
use super::table::Table;
use crate::StoryTime;

/// Which of the four tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// Holding registers.
    Holding,
    /// Input registers.
    Input,
    /// Coils.
    Coil,
    /// Discrete inputs.
    Discrete,
}

/// How a device was from a time on.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Milliseconds since the recording began.
    pub at_ms: u64,
    /// Table, address and what stood there.
    pub cells: Vec<(Cells, u16, u16)>,
}

/// A recording as it plays.
#[derive(Clone)]
pub(super) struct Recorded {
    moments: Arc<[(i64, Table)]>,
    story: Arc<dyn StoryTime>,
}

impl Recorded {
    /// As it is now; the first moment before it begins, the last for ever after.
    pub(super) fn table(&self) -> Option<&Table> {
        let now_ms = self.story.now_ms();
        let past = self.moments.iter().rev().find(|(at_ms, _)| *at_ms <= now_ms);
        past.or(self.moments.first()).map(|(_, table)| table)
    }
}

/// Puts a recorded device up at `bind` (port 0 takes a free one), as Modbus unit `unit`; it begins with the story's zero.
///
/// # Errors
/// [`DeviceError::Listen`] if the address cannot be listened on.
pub async fn play(
    moments: Vec<Moment>,
    bind: SocketAddr,
    unit: u8,
    story: Arc<dyn StoryTime>,
) -> Result<Device, DeviceError> {
    let table = |moment: Moment| {
        (
            i64::try_from(moment.at_ms).unwrap_or(i64::MAX),
            Table::of(&moment.cells),
        )
    };
    let moments = moments.into_iter().map(table).collect();
    Device::start(bind, unit, View::Recorded(Recorded { moments, story })).await
}
