//! The line that says why a channel passed a limit, or came back.

use alloc::{format, string::String};

use muster_wire::{Micro, Quantity, Unit};

use crate::{Channel, Limit};

/// What a contact that is on says, where its name need not tell.
pub(crate) const fn meaning(quantity: Quantity, on: bool) -> &'static str {
    match quantity {
        Quantity::EmergencyPowerOff if on => ": emergency power off, what this room alone feeds is without power",
        Quantity::SuppressionDischarge if on => ": the suppression has been released",
        Quantity::FireWarning if on => ": first stage, one detector alone",
        Quantity::OnGenerator if on => ": the site runs on its generator",
        _ => "",
    }
}

/// A rise that is as fast as it may not be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rising {
    /// Units in `per`.
    pub(super) rate: Micro,
    pub(super) limit: Micro,
    /// `min` or `h`.
    pub(super) per: &'static str,
}

/// What passed what.
pub(super) struct Passed {
    pub(super) value: Micro,
    pub(super) outside: Micro,
    pub(super) limit: Limit,
    /// The limit is that of planned work.
    pub(super) lowered: bool,
    pub(super) on: bool,
    /// Not the value but its rise decided.
    pub(super) rising: Option<Rising>,
}

impl Passed {
    /// `node-1.smoke 3.2 %/m, at or above its limit of 2 %/m in 2 of the last 3 samples`; of a contact
    /// `panel.in1 is on in …`.
    pub(super) fn line(&self, c: &Channel) -> String {
        let (id, value) = (&c.id, self.value);
        if c.quantity.unit() == Unit::Contact {
            let state = if value.0 == 0 { "off" } else { "on" };
            return format!("{id} is {state} {}{}", self.samples(c), meaning(c.quantity, self.on));
        }
        let unit = c.quantity.unit().as_str();
        let outside = if self.outside.0 == 0 {
            String::new()
        } else {
            format!(" ({} {unit} of it outside too)", self.outside)
        };
        format!("{id} {value} {unit}{outside}, {}", self.against(unit, c))
    }

    fn against(&self, unit: &str, c: &Channel) -> String {
        let Limit { set, clear, above } = self.limit;
        if !self.on {
            return format!("clear of {clear} {unit} {}", self.samples(c));
        }
        if let Some(Rising { rate, limit, per }) = self.rising {
            let samples = self.samples(c);
            return format!("rising by {rate} {unit}/{per}, limit {limit} {unit}/{per}, {samples}");
        }
        let side = if above { "at or above" } else { "at or below" };
        let lowered = if self.lowered {
            ", lowered for planned work,"
        } else {
            ""
        };
        format!("{side} its limit of {set} {unit}{lowered} {}", self.samples(c))
    }

    fn samples(&self, c: &Channel) -> String {
        if self.on {
            format!("in {} of the last {} samples", c.k, c.n)
        } else {
            format!("for {} samples", c.n)
        }
    }
}
