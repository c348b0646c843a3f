//! Limits of a channel: what is beyond them, what is clear of them, and how low they lie while people work in the room.

use muster_wire::{Micro, Unit};

use crate::{Channel, Limit};

impl Limit {
    pub(crate) fn beyond(&self, value: Micro) -> bool {
        if self.above {
            value >= self.set
        } else {
            value <= self.set
        }
    }

    pub(super) fn clear_of(&self, value: Micro) -> bool {
        let inside = if self.above {
            value < self.clear
        } else {
            value > self.clear
        };
        inside && !self.beyond(value)
    }
}

/// The alarm limit during planned work: half-way down to the watch limit, or down to where it clears if there is none.
/// Work on batteries is when they burn (Daejeon 2025), so limits fall and never rise.
pub(crate) fn at_work(c: &Channel) -> Option<Limit> {
    let usual = c.alarm?;
    if c.quantity.unit() == Unit::Contact {
        return Some(usual);
    }
    let half = |watch: &Limit| Micro(usual.set.0.midpoint(watch.set.0));
    let set = c
        .watch
        .as_ref()
        .filter(|w| w.above == usual.above)
        .map_or(usual.clear, half);
    let down = usual.set.0.saturating_sub(set.0);
    Some(Limit {
        set,
        clear: Micro(usual.clear.0.saturating_sub(down)),
        above: usual.above,
    })
}
