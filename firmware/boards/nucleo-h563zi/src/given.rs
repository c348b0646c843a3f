//! What this board was given with its firmware: the last sector of its flash, written by the debug probe.

use core::fmt;

use muster_node::sensors::{ROOM_CHANNELS, room_channels};
use muster_node::tls::{Credentials, KeyError};
use muster_node::{ChannelSpec, Limit, Page, PageError, Settings};
use muster_wire::{Micro, Quantity};

/// The last of 256 sectors of 8 KiB (RM0481, flash organisation of 2 MiB).
const PAGE: *const [u8; 8_192] = 0x081F_E000 as *const _;
/// Micro-units in a thousandth.
const MICRO_PER_MILLI: i64 = 1_000;

/// Who this board is.
pub(crate) struct Given {
    page: Page<'static>,
    pub(crate) settings: Settings<'static>,
}

/// Why it cannot start.
pub(crate) enum GivenFault {
    /// No page.
    Page(PageError),
    /// A line of its settings, or a key that is missing.
    Settings(&'static str),
}

impl fmt::Display for GivenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(fault) => write!(f, "{fault}"),
            Self::Settings(line) => write!(f, "settings: {line}"),
        }
    }
}

impl Given {
    pub(crate) fn read() -> Result<Self, GivenFault> {
        // SAFETY: flash of this chip, mapped for reading from the start; nothing in this image writes it.
        let page = Page::parse(unsafe { &*PAGE }).map_err(GivenFault::Page)?;
        let settings = Settings::parse(page.settings).map_err(GivenFault::Settings)?;
        Ok(Self { page, settings })
    }

    pub(crate) fn credentials(&self) -> Result<Credentials<'static>, KeyError> {
        let Page {
            ca, certificate, key, ..
        } = self.page;
        Credentials::new(ca, certificate, key, self.settings.gateway)
    }
}

/// The room's channels behind the supply, whose sag goes out at once.
pub(crate) fn channels(settings: &Settings<'_>) -> [ChannelSpec<'static>; ROOM_CHANNELS] {
    let set = i64::from(settings.supply_alarm_mv) * MICRO_PER_MILLI;
    let sag = Limit {
        set: Micro(set),
        clear: Micro(set + set / 20),
        above: false,
    };
    let mut channels = room_channels(ChannelSpec {
        alarm: Some(sag),
        ..ChannelSpec::every_tick("supply", Quantity::Voltage)
    });
    if !settings.string {
        for channel in &mut channels[ROOM_CHANNELS - 2..] {
            channel.every = 0;
        }
    }
    channels
}
