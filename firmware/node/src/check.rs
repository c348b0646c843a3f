//! Whether a sample can be believed.

use muster_wire::{Absence, MICRO, Micro};

use crate::ChannelSpec;

/// What the checks remember of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checks {
    /// The last sample in range, and when.
    last: Option<(u64, Micro)>,
    /// Since when the samples repeat it.
    same_since_ms: u64,
}

impl Checks {
    /// The value, or why it cannot be one.
    ///
    /// A sample that failed the rate check is still what the next is compared with: a true step costs one sample.
    pub(crate) fn judge(&mut self, spec: &ChannelSpec<'_>, now_ms: u64, value: Micro) -> Result<Micro, Absence> {
        let (min, max) = spec.quantity.range_units();
        if value.0 < min.saturating_mul(MICRO) || value.0 > max.saturating_mul(MICRO) {
            return Err(Absence::Range);
        }
        let before = self.last.replace((now_ms, value));
        if before.is_none_or(|(_, last)| last != value) {
            self.same_since_ms = now_ms;
        }
        if let (Some(limit), Some(before)) = (spec.max_rate_per_s, before)
            && is_faster(before, (now_ms, value), limit)
        {
            return Err(Absence::Rate);
        }
        let same_ms = now_ms.saturating_sub(self.same_since_ms);
        match spec.stuck_after_ms {
            Some(limit) if same_ms > limit => Err(Absence::Stuck),
            _ => Ok(value),
        }
    }
}

fn is_faster(before: (u64, Micro), after: (u64, Micro), limit_per_s: Micro) -> bool {
    let change = u128::from(after.1.0.abs_diff(before.1.0));
    let passed_ms = u128::from(after.0.saturating_sub(before.0).max(1));
    change * 1000 > u128::from(limit_per_s.0.unsigned_abs()) * passed_ms
}
