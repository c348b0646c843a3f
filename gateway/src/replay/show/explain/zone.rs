//! One zone.

use std::fmt::Write as _;

use muster_core::{CannotVote, ChannelExplained, GroupExplained, Millis, ZoneExplained};
use muster_wire::Micro;

use super::{Told, wrapped};
use crate::lines::{many, shortly};
use crate::replay::explain::{Change, Explanation, Goal, Peak, WhatIf, ZoneAnswer};

pub(super) fn text(found: &Explanation, zone: &ZoneExplained, answer: &ZoneAnswer, told: &Told<'_>) -> String {
    let mut text = format!("\n{}: {}\n", zone.id, zone.level.as_str().to_uppercase());
    text += &wrapped(&zone.why, "  ");
    if let Some(until) = zone.window_until {
        let line = format!("It evacuates at {} unless one person aborts.", told.time(until));
        text += &wrapped(&line, "  ");
    }
    if !zone.counts_with.is_empty() {
        text += &wrapped(
            &format!(
                "Votes here count together with those in {}.",
                zone.counts_with.join(", ")
            ),
            "  ",
        );
    }
    text += &what_ifs(found.at, zone, answer, told);
    let (voted, others): (Vec<&GroupExplained>, Vec<_>) = zone.groups.iter().partition(|g| g.vote.is_some());
    let (could, cannot): (Vec<_>, Vec<_>) = others.into_iter().partition(|g| g.can_vote);
    for (title, groups) in [
        ("voted", voted),
        ("could vote and did not", could),
        ("cannot vote", cannot),
    ] {
        if !groups.is_empty() {
            let _ = writeln!(text, "\n  {title}");
        }
        for group in groups {
            text += &group_text(found, zone, group, told);
        }
    }
    if !zone.without_limit.is_empty() {
        let others = many(zone.without_limit.len(), "channel");
        let _ = writeln!(
            text,
            "\n  {others} without an alarm limit cast no vote (--json names them)"
        );
    }
    text
}

fn what_ifs(at: Millis, zone: &ZoneExplained, answer: &ZoneAnswer, told: &Told<'_>) -> String {
    let later = match answer.evacuated {
        Some(when) if when > at => format!(" (it did later, at {})", told.time(when)),
        _ => String::new(),
    };
    let head = match answer.goal {
        Goal::None => "It evacuated before this recording begins: nothing in it could change that.".into(),
        Goal::Vote => format!("Nobody voted by then, and one change makes no two votes{later}. A first vote takes:"),
        Goal::Evacuate => format!("It did not evacuate by then{later}. It would have with:"),
        Goal::Prevent => {
            let at = answer.evacuated.map_or(String::new(), |at| told.time(at));
            format!("It evacuated at {at}. What would have changed that:")
        }
    };
    let mut text = String::from("\n") + &wrapped(&head, "  ");
    let mut lines: Vec<String> = Vec::new();
    let is_more = |w: &&WhatIf| matches!(w.change, Change::OneMore { .. }) && w.at.is_some();
    let (more, others): (Vec<&WhatIf>, Vec<_>) = answer.what_ifs.iter().partition(is_more);
    lines.extend(others.into_iter().map(|what_if| words(what_if, answer, told)));
    let groups = more.iter().filter_map(|w| match &w.change {
        Change::OneMore { zone, group } => Some(format!("{group} in {zone}")),
        _ => None,
    });
    let groups: Vec<String> = groups.collect();
    if !groups.is_empty() {
        let any = if groups.len() > 1 { "any one of " } else { "" };
        lines.push(format!("a vote at that moment, at once: of {any}{}", groups.join(", ")));
    }
    for line in lines {
        text += &wrapped(&format!("- {line}"), "    ");
    }
    if answer.what_ifs.is_empty() && answer.goal != Goal::None {
        let tried = if answer.tried == 0 {
            "nothing here came near"
        } else {
            "no single change that was tried"
        };
        let _ = writeln!(text, "    - {tried}");
    }
    if answer.cut_short {
        let replays = many(answer.tried as usize, "replay");
        let line = format!(
            "Cut short after {replays}: there is more to try. --zone {} alone gets further.",
            zone.id
        );
        text += &wrapped(&line, "    ");
    }
    text
}

fn words(what_if: &WhatIf, answer: &ZoneAnswer, told: &Told<'_>) -> String {
    let outcome = match (what_if.at, what_if.window_until) {
        (Some(at), _) => format!("at {}", told.time(at)),
        (None, Some(until)) => format!("at {}, unless one person aborts", told.time(until)),
        (None, None) => "not at all in this recording".into(),
    };
    match &what_if.change {
        Change::Limit {
            channel,
            unit,
            from,
            to,
        } => {
            let side = if to < from { "lower" } else { "higher" };
            let by = percent(Micro(from.0.abs_diff(to.0) as i64), *from).unwrap_or_default();
            format!("{channel}: limit {to} {unit} rather than {from} ({by} {side}): {outcome}")
        }
        Change::OneSample { channel, k, n } => {
            format!("{channel}: one sample rather than {k} of {n}: {outcome}")
        }
        Change::OneMore { zone, group } => format!("a vote of {group} in {zone} at that moment: {outcome}"),
        Change::Without { zone, group } => {
            let later = what_if.at.zip(answer.evacuated).map(|(at, was)| at - was);
            let later = later.map_or(String::new(), |ms| format!(", {} later", shortly(ms.unsigned_abs())));
            format!("without the vote of {group} in {zone}: {outcome}{later}")
        }
        Change::AsLate {
            zone,
            group,
            to_the_end,
        } => {
            let later = what_if.at.zip(answer.evacuated).map_or(0, |(at, was)| at - was);
            let end = if *to_the_end { ", the end of this recording" } else { "" };
            format!(
                "the vote of {group} in {zone} would still have counted {} later, {outcome}{end}",
                shortly(later.unsigned_abs())
            )
        }
    }
}

fn group_text(found: &Explanation, zone: &ZoneExplained, group: &GroupExplained, told: &Told<'_>) -> String {
    let mut text = String::new();
    if let Some(vote) = &group.vote {
        let by = found.moment.by.get(&(zone.id.clone(), group.id.clone()));
        let by = by.filter(|by| !vote.why.starts_with(by.as_str()));
        let by = by.map_or(String::new(), |by| format!(" by {by}"));
        let state = if vote.held { "held" } else { "returned, and latched" };
        let onset = told.time(vote.onset);
        text += &wrapped(
            &format!("{}: {state}, since {onset}{by}: {}", group.id, vote.why),
            "    ",
        );
        if let Some(at) = vote.returns_at {
            text += &wrapped(&format!("returns at {} if nothing changes", told.time(at)), "      ");
        }
    } else {
        let _ = writeln!(text, "    {}", group.id);
    }
    let quiet = |c: &&ChannelExplained| c.contact && !c.alarm && c.beyond == 0 && c.cannot.is_none();
    let (off, others): (Vec<&ChannelExplained>, Vec<_>) = group.channels.iter().partition(quiet);
    let (out, shown): (Vec<&ChannelExplained>, Vec<_>) = others.into_iter().partition(|c| c.cannot.is_some());
    for channel in shown {
        text += &wrapped(&channel_line(found, channel), "      ");
    }
    for line in out_of_service(&out, told) {
        text += &wrapped(&line, "      ");
    }
    if !off.is_empty() {
        let ids: Vec<_> = off.iter().map(|c| c.id.as_str()).collect();
        text += &wrapped(&format!("off: {}", ids.join(", ")), "      ");
    }
    text
}

/// What one cause takes is one line.
fn out_of_service(channels: &[&ChannelExplained], told: &Told<'_>) -> Vec<String> {
    let mut causes: Vec<(&CannotVote, Vec<&str>)> = Vec::new();
    for channel in channels {
        let Some(cannot) = &channel.cannot else { continue };
        match causes.iter_mut().find(|(known, _)| *known == cannot) {
            Some((_, ids)) => ids.push(&channel.id),
            None => causes.push((cannot, vec![&channel.id])),
        }
    }
    let line = |(cannot, ids): (&CannotVote, Vec<&str>)| {
        let since = told.time(cannot.since);
        format!("cannot vote since {since}, {}: {}", cannot.line, ids.join(", "))
    };
    causes.into_iter().map(line).collect()
}

fn channel_line(found: &Explanation, c: &ChannelExplained) -> String {
    let Some(value) = c.value else { return c.id.clone() };
    let samples = format!("{}/{} samples beyond, {} decide", c.beyond, c.n, c.k);
    if c.contact {
        let state = if value.0 == 0 { "off" } else { "on" };
        return format!("{} is {state}; {samples}", c.id);
    }
    let unit = &c.unit;
    let mut line = format!("{} {} {unit}: {}; {samples}", c.id, near(value), distance(c));
    if c.outside.0 > 0 {
        let _ = write!(line, "; {} {unit} of it outside too", near(c.outside));
    }
    if let Some(rise) = &c.rise {
        let now = rise.now.map_or("unknown".into(), near);
        let _ = write!(line, "; rise {now}/min, limit {}", rise.limit);
    }
    if let Some(peak) = peak(found, c) {
        let (word, value) = if c.limit.above {
            ("max", peak.high)
        } else {
            ("min", peak.low)
        };
        let _ = write!(line, "; 30-min {word} {}", near(value));
    }
    line
}

/// `34.8 (58 %) below its limit of 60`.
fn distance(c: &ChannelExplained) -> String {
    let (limit, short) = (c.limit.set, c.short.unwrap_or_default());
    let lowered = if c.lowered { " (planned work)" } else { "" };
    if short.0 <= 0 {
        return format!("beyond its limit of {limit}{lowered}");
    }
    let side = if c.limit.above { "below" } else { "above" };
    let part = percent(short, limit).map_or(String::new(), |p| format!(" ({p})"));
    format!("{}{part} {side} its limit of {limit}{lowered}", near(short))
}

pub(super) fn peak(found: &Explanation, channel: &ChannelExplained) -> Option<Peak> {
    let at = found
        .moment
        .state
        .site()
        .channels
        .iter()
        .position(|c| c.id == channel.id)?;
    found.moment.recent.get(&u32::try_from(at).ok()?).copied()
}

/// `58 %` of the limit; none of a limit of nothing.
fn percent(part: Micro, of: Micro) -> Option<String> {
    let whole = i128::from(of.0.unsigned_abs());
    (whole > 0).then(|| format!("{} %", (i128::from(part.0) * 100 + whole / 2) / whole))
}

/// Three digits after the point at most, and only as many as say something.
fn near(value: Micro) -> String {
    let unit = match value.0.unsigned_abs() {
        100_000_000.. => 100_000,
        1_000_000.. => 10_000,
        _ => 1_000,
    };
    Micro((value.0 + value.0.signum() * unit / 2) / unit * unit).to_string()
}
