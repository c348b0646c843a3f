//! Around which incident segments are pinned, from what is decided and what a restart restores.

use muster_core::{Effect, Entry, Input, Millis, Record};

use super::format::{Batch, Moment};

/// How long before an incident segments are pinned, and how long after it.
pub(super) const AROUND_MS: Millis = 30 * 60_000;

/// The incident around which everything is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) incident: u32,
    /// From then on, engine time.
    pub(super) since: Millis,
    /// Half an hour after its end; none while it lasts.
    pub(super) until: Option<Millis>,
    /// The bound is reached: no more is pinned for it.
    pub(super) full: bool,
}

impl Pin {
    pub(super) fn is_over(&self, now: Millis) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// The pin after what a batch says; `pin` itself if it says nothing of an incident.
pub(super) fn after(mut pin: Option<Pin>, batch: &Batch) -> Option<Pin> {
    for moment in &batch.moments {
        match moment {
            Moment::Effects(effects) => {
                for effect in effects {
                    if let Effect::Persist(entry) = effect {
                        pin = heed(pin, entry);
                    }
                }
            }
            Moment::Input(_, input) => {
                if let Input::Restore(entries) = &**input {
                    // Of a whole history only the last incident counts, and only if it has not long been over.
                    pin = entries.iter().fold(pin, heed).filter(|pin| !pin.is_over(batch.at));
                }
            }
            Moment::Reading(..) | Moment::Digest(_) => {}
        }
    }
    pin
}

fn heed(pin: Option<Pin>, entry: &Entry) -> Option<Pin> {
    match entry.record {
        Record::IncidentOpened { n, .. } => Some(Pin {
            incident: n,
            since: entry.at.saturating_sub(AROUND_MS),
            until: None,
            full: false,
        }),
        Record::IncidentClosed { .. } => pin.map(|pin| Pin {
            until: Some(entry.at.saturating_add(AROUND_MS)),
            ..pin
        }),
        _ => pin,
    }
}
