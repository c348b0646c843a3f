//! What outlives a reset in RAM: why it came.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// Why the board began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// Power came, or somebody pressed reset.
    Power,
    /// Nothing was sampled, or nothing published.
    Watchdog,
    /// The firmware could not go on.
    Panic,
}

impl Reset {
    /// The word in the birth message.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Watchdog => "watchdog",
            Self::Panic => "panic",
        }
    }

    const fn mark(self) -> u32 {
        match self {
            Self::Power => 0,
            Self::Watchdog => 0x5741_5443,
            Self::Panic => 0x5041_4E49,
        }
    }
}

struct Kept(UnsafeCell<MaybeUninit<u32>>);

// SAFETY: one core; it is written by code that never returns, and read once before anything else runs.
unsafe impl Sync for Kept {}

// Not cleared at the start, and not loaded with the image.
// SAFETY: the section is cortex-m-rt's, for data that is not initialised.
#[unsafe(link_section = ".uninit.reset")]
static KEPT: Kept = Kept(UnsafeCell::new(MaybeUninit::uninit()));

/// Notes why the reset comes that the caller brings about.
pub(crate) fn note(reset: Reset) {
    // SAFETY: nobody else writes: see `Kept`. Volatile, because the reset that follows is no reader the compiler knows.
    unsafe { KEPT.0.get().cast::<u32>().write_volatile(reset.mark()) }
}

/// Why the board has begun anew; asked once.
pub(crate) fn take() -> Reset {
    // SAFETY: any four bytes are a number; what power left there is most unlikely to be one of the marks.
    let mark = unsafe { KEPT.0.get().cast::<u32>().read_volatile() };
    note(Reset::Power);
    [Reset::Watchdog, Reset::Panic]
        .into_iter()
        .find(|reset| reset.mark() == mark)
        .unwrap_or(Reset::Power)
}
