//! Two clocks, never one: uncontrolled loss and ordered cut (design §5).

use alloc::{format, string::String};
use muster_wire::{MICRO, Micro, Quantity};

use super::Policy;
use crate::{
    ChannelIx, Millis, Site,
    detect::{ChannelState, Detect},
};

/// A released suppression is taken for power that will be cut, by an interlock or by the fire service, once its gas has been
/// held: NFPA 2001 asks for 10 min.
const DISCHARGE_CUT_MS: Millis = 10 * 60_000;

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
    /// What a plan has to fit into: the earlier of the two clocks' earliest, never optimistic. None: nothing is known. What
    /// an emergency power off has taken is not in it: no rung fits into that, and what has another feed still can be saved.
    pub(crate) deadline: Option<Millis>,
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
    let ahead = prior
        .into_iter()
        .chain(reported(site, detect))
        .min_by_key(|i| i.earliest);
    let cut = cut(site, policy, detect, sign);
    Runway {
        deadline: [&ahead, &cut].into_iter().flatten().map(|i| i.earliest).min(),
        loss: switched_off(site, policy, detect).or(ahead),
        cut,
    }
}

/// Somebody has cut the power of a room by hand, and it is off still: the loss is here.
fn switched_off(site: &Site, policy: &Policy, detect: &Detect) -> Option<Interval> {
    let (at, ix) = first_of(
        site,
        policy,
        detect,
        Quantity::EmergencyPowerOff,
        ChannelState::in_alarm,
    )?;
    Some(Interval {
        earliest: at,
        likely: at,
        why: format!(
            "{}: emergency power off; what it alone feeds is without power, the rest is moved by the time there was before",
            site.channels[ix.at()].id
        ),
    })
}

/// The channel of this quantity that was first to make its group vote, and the onset of that vote. At the latest then it said
/// so: its group may have voted before.
fn first_of(
    site: &Site,
    policy: &Policy,
    detect: &Detect,
    quantity: Quantity,
    says_so: fn(&ChannelState) -> bool,
) -> Option<(Millis, ChannelIx)> {
    let voters = policy.votes.iter().flat_map(|((zone, group), vote)| {
        let voters = detect.voters(*zone, *group).iter();
        voters.map(|ix| (vote.onset, *ix))
    });
    let is_one = |ix: &ChannelIx| site.channels[ix.at()].quantity == quantity && says_so(&detect.channels[ix.at()]);
    voters.filter(|(_, ix)| is_one(ix)).min()
}

fn cut(site: &Site, policy: &Policy, detect: &Detect, sign: Option<Millis>) -> Option<Interval> {
    let announced = policy.cut.map(|at| Interval {
        earliest: at,
        likely: at,
        why: "announced".into(),
    });
    let prior = sign.map(|sign| Interval {
        earliest: sign + site.priors.cut_earliest_ms,
        likely: sign + site.priors.cut_likely_ms,
        why: format!(
            "hazard prior: {} s after the first sign",
            site.priors.cut_earliest_ms / 1_000
        ),
    });
    // What has been announced is better known than any prior; gas that is out does not wait for it.
    announced
        .or(prior)
        .into_iter()
        .chain(discharged(site, policy, detect))
        .min_by_key(|i| i.earliest)
}

/// Gas that has been released stays released: it counts until the reset.
fn discharged(site: &Site, policy: &Policy, detect: &Detect) -> Option<Interval> {
    let (at, ix) = first_of(site, policy, detect, Quantity::SuppressionDischarge, |c| c.alarmed)?;
    let cut = at + DISCHARGE_CUT_MS;
    Some(Interval {
        earliest: cut,
        likely: cut,
        why: format!(
            "{}: the suppression has been released; power is cut after {} s of holding its gas, or sooner by order",
            site.channels[ix.at()].id,
            DISCHARGE_CUT_MS / 1_000
        ),
    })
}

/// The shortest runtime that a UPS on battery reports. Real ones say 0 or -1 on mains, so on mains it means nothing.
/// A stale one runs down with the clock, because the end it promised stays where it was.
fn reported(site: &Site, detect: &Detect) -> Option<Interval> {
    let ends = detect
        .runtimes()
        .iter()
        .filter_map(|ix| Some((reported_end(site, detect, *ix)?, *ix)));
    let (end, ix) = ends.min()?;
    let channel = &detect.channels[ix.at()];
    let (id, left_s) = (&site.channels[ix.at()].id, (end - channel.good_at) / 1_000);
    let why = if is_stale(detect, ix) {
        format!(
            "{id} reported {} s on battery and is not heard since, so half of it",
            left_s * STALE_RATE
        )
    } else {
        format!("{id} reports {left_s} s on battery")
    };
    Some(Interval {
        earliest: end,
        likely: end,
        why,
    })
}

/// What is not heard any more runs down at the worst credible rate: a UPS that has lost its neighbour of a redundant pair
/// carries twice its load. Only here: never towards a limit or a vote.
const STALE_RATE: i64 = 2;

fn is_stale(detect: &Detect, ix: ChannelIx) -> bool {
    detect.channels.get(ix.at()).is_some_and(|c| c.fault.is_some())
}

/// When a UPS says that it ends. What it said before it went on battery means nothing, and one sample never decides:
/// of the last two the later end counts, unless its owner has said that one is enough.
pub(crate) fn reported_end(site: &Site, detect: &Detect, ix: ChannelIx) -> Option<Millis> {
    let (channel, state) = (site.channels.get(ix.at())?, detect.channels.get(ix.at())?);
    let since = detect.tally.discharging_since(channel.source)?;
    let rate = if is_stale(detect, ix) { STALE_RATE } else { 1 };
    let end = |value: Micro, at: Millis| (at >= since).then(|| at + value.0.max(0) / (MICRO / 1_000) / rate);
    let latest = end(state.value?, state.good_at)?;
    if channel.k == 1 {
        return Some(latest);
    }
    let (value, at) = state.earlier?;
    Some(latest.max(end(value, at)?))
}
