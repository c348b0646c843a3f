//! A device that answers as it did when it was recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use super::DeviceError;
use super::server::{Device, View};
use super::table::Table;
use crate::StoryTime;
use crate::tape::Tape;

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
    let moments = moments
        .into_iter()
        .map(|moment| (moment.at_ms, Table::of(&moment.cells)));
    Device::start(bind, unit, View::Recorded(Tape::of(moments, story))).await
}
