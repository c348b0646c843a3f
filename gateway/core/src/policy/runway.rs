//! Two clocks, never one: uncontrolled loss and ordered cut (design §5).

use alloc::{format, string::String};
use muster_wire::Quantity;

use super::{
    Policy, battery,
    feeds::{self, Burning},
};
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
    /// What the hazard prior alone says of the whole site, if a hazard threatens all of it.
    pub(crate) prior: Option<Millis>,
}

/// Both clocks from what is known now.
pub(crate) fn of(site: &Site, policy: &Policy, detect: &Detect, now: Millis) -> Runway {
    let sign = policy.open().and_then(|i| i.sign);
    // With feeds, what burns takes the racks that it feeds; without, or where batteries burn, the site.
    let all = sign.filter(|_| Burning::Voted.dooms_all(site, policy));
    let prior = all.map(|sign| Interval {
        earliest: sign + site.priors.loss_earliest_ms,
        likely: sign + site.priors.loss_likely_ms,
        why: format!(
            "hazard prior: {} s after the first sign",
            site.priors.loss_earliest_ms / 1_000
        ),
    });
    let of_prior = prior.as_ref().map(|i| i.earliest);
    let ahead = prior
        .into_iter()
        .chain(first_end(site, policy, detect, now))
        .min_by_key(|i| i.earliest);
    let cut = cut(site, policy, detect, sign);
    Runway {
        deadline: [&ahead, &cut].into_iter().flatten().map(|i| i.earliest).min(),
        loss: switched_off(site, policy, detect).or(ahead),
        cut,
        prior: of_prior,
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

/// The first rack that loses its power; without feeds, the first battery that ends.
fn first_end(site: &Site, policy: &Policy, detect: &Detect, now: Millis) -> Option<Interval> {
    if site.power.feeds.is_empty() {
        let all = detect.discharging();
        let batteries = all.filter_map(|(source, _)| battery::of(site, detect, source, None));
        let first = batteries
            .filter(battery::Battery::is_known)
            .min_by_key(|b| (b.earliest, b.likely, b.basis))?;
        return Some(first.interval(site, detect));
    }
    let losses = feeds::losses(site, (policy, detect), now, Burning::Voted);
    let racks = site
        .power
        .racks()
        .filter_map(|(ix, rack)| Some((losses[ix.at()]?, rack)));
    let ahead = racks.filter(|(lost, _)| !lost.is_gone());
    let (lost, rack) = ahead.min_by_key(|(lost, rack)| (lost.earliest, lost.likely, &rack.id))?;
    let interval = lost.interval(site, detect);
    let why = format!("rack {}: {}", rack.id, interval.why);
    Some(Interval { why, ..interval })
}
