//! For programs. Values and limits are decimals in words, in the unit beside them.

use muster_core::{ChannelExplained, GroupExplained, Millis, RateExplained, ZoneExplained};
use muster_wire::Micro;
use serde_json::{Value, json};

use super::{Told, racks, zone::peak};
use crate::replay::explain::{Change, Explanation, Goal, WhatIf, ZoneAnswer};

/// One room, or one recording.
#[must_use]
pub fn explain_json(found: &Explanation, told: &Told<'_>) -> Value {
    let zones = found.view.zones.iter().zip(&found.answers);
    json!({
        "room": told.room, "site": found.view.site, "at": told.full(found.at), "t": told.relative(found.at),
        "engine_ms": found.at, "last_rise": told.is_rise, "level": found.view.level.as_str(), "why": found.view.why,
        "single_group": found.view.single_group, "tear": told.note,
        "racks": racks::json(&found.view.racks, told),
        "zones": zones.map(|(zone, answer)| zone_json(found, zone, answer, told)).collect::<Vec<_>>(),
    })
}

fn zone_json(found: &Explanation, zone: &ZoneExplained, answer: &ZoneAnswer, told: &Told<'_>) -> Value {
    let goal = match answer.goal {
        Goal::Evacuate => "evacuate",
        Goal::Vote => "vote",
        Goal::Prevent => "prevent",
        Goal::None => "none",
    };
    let groups = zone.groups.iter().map(|group| group_json(found, zone, group, told));
    json!({
        "id": zone.id, "level": zone.level.as_str(), "why": zone.why, "counts_with": zone.counts_with,
        "abort_window_until": time(zone.window_until, told), "groups": groups.collect::<Vec<_>>(),
        "without_limit": zone.without_limit,
        "outcome": {
            "evacuated": time(answer.evacuated, told), "asked": goal, "replays": answer.tried,
            "cut_short": answer.cut_short,
            "what_ifs": answer.what_ifs.iter().map(|what_if| what_if_json(what_if, told)).collect::<Vec<_>>(),
        },
    })
}

pub(super) fn time(at: Option<Millis>, told: &Told<'_>) -> Value {
    at.map_or(
        Value::Null,
        |at| json!({ "at": told.full(at), "t": told.relative(at), "engine_ms": at }),
    )
}

fn what_if_json(what_if: &WhatIf, told: &Told<'_>) -> Value {
    let change = match &what_if.change {
        Change::Limit {
            channel,
            unit,
            from,
            to,
        } => json!({ "kind": "limit", "channel": channel, "unit": unit, "from": text(*from), "to": text(*to) }),
        Change::OneSample { channel, k, n } => json!({ "kind": "one_sample", "channel": channel, "k": k, "n": n }),
        Change::OneMore { zone, group } => json!({ "kind": "one_more_vote", "zone": zone, "group": group }),
        Change::Without { zone, group } => json!({ "kind": "without_vote", "zone": zone, "group": group }),
        Change::AsLate {
            zone,
            group,
            to_the_end,
        } => json!({ "kind": "vote_as_late", "zone": zone, "group": group, "to_the_end": to_the_end }),
    };
    json!({
        "change": change, "then": time(what_if.at, told), "abort_window_until": time(what_if.window_until, told),
    })
}

fn group_json(found: &Explanation, zone: &ZoneExplained, group: &GroupExplained, told: &Told<'_>) -> Value {
    let stands = match (&group.vote, group.can_vote) {
        (Some(vote), _) if vote.held => "held",
        (Some(_), _) => "returned",
        (None, true) => "could",
        (None, false) => "cannot",
    };
    let vote = group.vote.as_ref().map(|vote| {
        json!({
            "since": time(Some(vote.onset), told), "by": found.moment.by.get(&(zone.id.clone(), group.id.clone())),
            "returns": time(vote.returns_at, told), "died": vote.died, "why": vote.why,
        })
    });
    let channels = group.channels.iter().map(|channel| channel_json(found, channel, told));
    json!({ "id": group.id, "stands": stands, "vote": vote, "channels": channels.collect::<Vec<_>>() })
}

fn channel_json(found: &Explanation, c: &ChannelExplained, told: &Told<'_>) -> Value {
    let cannot = c
        .cannot
        .as_ref()
        .map(|cannot| json!({ "kind": cannot.kind, "line": cannot.line, "since": time(Some(cannot.since), told) }));
    let peak = peak(found, c);
    json!({
        "id": c.id, "quantity": c.quantity, "unit": c.unit, "value": c.value.map(text), "outside": text(c.outside),
        "age_ms": c.age_ms, "limit": text(c.limit.set), "above": c.limit.above, "lowered": c.lowered,
        "short": c.short.map(text), "beyond": c.beyond, "k": c.k, "n": c.n, "rise_per_min": rate(c.rise),
        "trend_per_h": rate(c.trend), "alarm": c.alarm, "cannot": cannot,
        "lowest_30_min": peak.map(|p| text(p.low)), "highest_30_min": peak.map(|p| text(p.high)),
    })
}

fn rate(rate: Option<RateExplained>) -> Value {
    rate.map_or(
        Value::Null,
        |rate| json!({ "now": rate.now.map(text), "limit": text(rate.limit) }),
    )
}

fn text(value: Micro) -> String {
    value.to_string()
}
