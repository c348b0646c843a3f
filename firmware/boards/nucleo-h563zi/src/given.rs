//! What this board was given with its firmware: the last sector of its flash, written by the debug probe.

use core::fmt;

use muster_node::modbus::MOST_SIGNALS;
use muster_node::sensors::{ROOM_CHANNELS, room_channels};
use muster_node::tls::{Credentials, KeyError};
use muster_node::{ChannelSpec, Page, PageError, Settings};

/// The last of 256 sectors of 8 KiB (RM0481, flash organisation of 2 MiB), and its spare before it.
const PAGES: [*const [u8; 8_192]; 2] = [0x081F_E000 as *const _, 0x081F_C000 as *const _];

/// Who this board is.
pub(crate) struct Given {
    page: Page<'static>,
    /// What is wrong with the page, where this is its spare.
    pub(crate) damaged: Option<PageError>,
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
        let pages = PAGES.map(|page| unsafe { &*page }.as_slice());
        let (page, damaged) = Page::first_good(pages).map_err(GivenFault::Page)?;
        let settings = Settings::parse(page.settings).map_err(GivenFault::Settings)?;
        Ok(Self {
            page,
            settings,
            damaged,
        })
    }

    pub(crate) fn credentials(&self) -> Result<Credentials<'static>, KeyError> {
        let Page {
            ca, certificate, key, ..
        } = self.page;
        Credentials::new(ca, certificate, key, self.settings.gateway)
    }
}

/// The first channel of the device on the serial line.
pub(crate) const LINE_AT: usize = ROOM_CHANNELS;
/// All channels of this board.
pub(crate) const CHANNELS: usize = LINE_AT + MOST_SIGNALS;

/// The room's channels and those of the device on the line, and the tick that fits their periods.
pub(crate) fn channels(settings: &Settings<'_>) -> ([ChannelSpec<'static>; CHANNELS], u64) {
    let mut room = room_channels(settings.supply_alarm_mv);
    if !settings.string {
        // Voltage and current.
        room[5..7].fill(ChannelSpec::NONE);
    }
    let tick_ms = settings.schedule.plan(settings.sample_ms, &mut room);
    let tick_ms = tick_ms.unwrap_or_else(|| panic!("settings: the periods have no common tick of 10 ms or more"));
    let mut channels = [ChannelSpec::NONE; CHANNELS];
    channels[..LINE_AT].copy_from_slice(&room);
    if let Some(map) = settings.line.map {
        channels[LINE_AT..].copy_from_slice(&map.channels());
    }
    (channels, tick_ms)
}
