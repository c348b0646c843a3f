//! Two clocks, never one: uncontrolled loss and ordered cut (design §5).

use alloc::{format, string::String};
use muster_wire::{MICRO, Quantity};

use super::Policy;
use crate::{Channel, Millis, Site, detect::Detect};

/// When something may happen, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Interval {
    pub(crate) earliest: Millis,
    pub(crate) likely: Millis,
    pub(crate) why: String,
}

/// Both clocks; none without a hazard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Runway {
    pub(crate) loss: Option<Interval>,
    pub(crate) cut: Option<Interval>,
}

impl Runway {
    /// What a plan has to fit into: the earliest that is not known to be over. None: nothing is known.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        [&self.loss, &self.cut].into_iter().flatten().map(|i| i.earliest).min()
    }
}

/// Both clocks from what is known now.
pub(crate) fn of(site: &Site, policy: &Policy, detect: &Detect) -> Runway {
    let sign = policy.open().and_then(|i| i.sign);
    let prior = sign.map(|sign| Interval {
        earliest: sign + site.priors.loss_earliest_ms,
        likely: sign + site.priors.loss_likely_ms,
        why: format!(
            "hazard prior: {} s after the first sign",
            site.priors.loss_earliest_ms / 1_000
        ),
    });
    let loss = prior
        .into_iter()
        .chain(reported(site, detect))
        .min_by_key(|i| i.earliest);
    Runway {
        loss,
        cut: cut(site, policy, sign),
    }
}

fn cut(site: &Site, policy: &Policy, sign: Option<Millis>) -> Option<Interval> {
    if let Some(at) = policy.cut {
        return Some(Interval {
            earliest: at,
            likely: at,
            why: "announced".into(),
        });
    }
    sign.map(|sign| Interval {
        earliest: sign + site.priors.cut_earliest_ms,
        likely: sign + site.priors.cut_likely_ms,
        why: format!(
            "hazard prior: {} s after the first sign",
            site.priors.cut_earliest_ms / 1_000
        ),
    })
}

/// The shortest runtime that a UPS on battery reports. Real ones say 0 or −1 on mains, so on mains it means nothing.
/// A stale one runs down with the clock, because the end it promised stays where it was.
fn reported<'a>(site: &'a Site, detect: &'a Detect) -> Option<Interval> {
    let runtimes = site
        .channels
        .iter()
        .zip(&detect.channels)
        .filter(|(c, _)| c.quantity == Quantity::Runtime);
    runtimes
        .filter(|(c, _)| on_battery(site, detect, c))
        .filter_map(|(c, state)| {
            let runtime_ms = state.value?.0 / (MICRO / 1_000);
            let end = state.good_at + runtime_ms;
            Some(Interval {
                earliest: end,
                likely: end,
                why: format!("{} reports {} s on battery", c.id, runtime_ms / 1_000),
            })
        })
        .min_by_key(|i| i.earliest)
}

fn on_battery(site: &Site, detect: &Detect, runtime: &Channel) -> bool {
    detect
        .of_source(runtime.source)
        .iter()
        .any(|ix| site.channels[ix.at()].quantity == Quantity::OnBattery && detect.channels[ix.at()].in_watch())
}
