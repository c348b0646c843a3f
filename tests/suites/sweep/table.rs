//! What an operator may choose between: votes needed, how sharp the limits are, and what is in the room; what each choice
//! costs in false evacuations, in missed fires and in minutes.

use std::sync::Arc;

use muster_core::{Limit, Site};
use muster_wire::Micro;
use serde_json::{Value, json};

use crate::fires::{self, Fires};
use crate::fit::Fit;
use crate::share;
use crate::years::{self, Years};

/// Limits as so many halves of the defaults.
const LIMITS: [(&str, i64); 3] = [("half", 1), ("default", 2), ("double", 4)];

/// One choice and what came of it.
pub(crate) struct Row {
    pub(crate) room: &'static str,
    pub(crate) votes: u8,
    pub(crate) limits: &'static str,
    pub(crate) fires: Fires,
    pub(crate) years: Years,
}

impl Row {
    /// Evacuations without a fire, whatever they followed from, a hundred years of a site.
    pub(crate) fn false_a_century(&self) -> f64 {
        100.0
            * self
                .years
                .wrong
                .values()
                .map(|wrong| wrong.at_once + wrong.unanswered)
                .sum::<u64>() as f64
            / self.years.years.max(1) as f64
    }

    /// The same where somebody looks when an abort window opens, and aborts what is no fire.
    pub(crate) fn false_attended_a_century(&self) -> f64 {
        let count: u64 = self
            .years
            .wrong
            .values()
            .map(|wrong| wrong.at_once + wrong.attended)
            .sum();
        100.0 * count as f64 / self.years.years.max(1) as f64
    }

    /// Of a hundred fires.
    pub(crate) fn missed_percent(&self) -> f64 {
        100.0 * self.fires.all.missed as f64 / self.fires.all.fires.max(1) as f64
    }
}

/// Every choice.
pub(crate) fn rows(fits: &[Fit], seed: u64, threads: usize, (burnt, quiet): (u64, u64)) -> Vec<Row> {
    let mut rows = Vec::new();
    for fit in fits {
        for votes in [1, 2] {
            for (limits, halves) in LIMITS {
                let other = other(fit, votes, halves);
                let (mut fires, mut years) = (Fires::default(), Years::default());
                share::out(
                    threads,
                    burnt,
                    |n| fires::burn(&other, seed, n, false),
                    |one| fires.take(one),
                );
                share::out(
                    threads,
                    quiet,
                    |n| years::year(&other, seed, n, 0),
                    |one| years.join(one),
                );
                rows.push(Row {
                    room: fit.name,
                    votes,
                    limits,
                    fires,
                    years,
                });
            }
        }
    }
    rows
}

/// The same room under another choice. Contacts have no sharpness.
fn other(fit: &Fit, votes: u8, halves: i64) -> Fit {
    let mut site = Site::clone(&fit.site);
    site.single_group = votes == 1;
    for channel in &mut site.channels {
        let (low, high) = channel.range;
        let sharpen = |limit: &mut Limit| {
            let scaled = |value: Micro| Micro((value.0 / 2 * halves).clamp(low.0, high.0));
            (limit.set, limit.clear) = (scaled(limit.set), scaled(limit.clear));
        };
        if channel.quantity.unit() != muster_wire::Unit::Contact {
            channel.alarm.iter_mut().chain(&mut channel.watch).for_each(sharpen);
        }
    }
    Fit {
        name: fit.name,
        site: Arc::new(site),
        probes: fit.probes.clone(),
    }
}

/// For a terminal, and as the reviewed snapshot: no time of this machine is in it.
pub(crate) fn text(rows: &[Row], seed: u64) -> String {
    let (fires, years) = rows.first().map_or((0, 0), |r| (r.fires.all.fires, r.years.years));
    let mut text = format!(
        "Of {fires} fires and {years} years without one a row, seed {seed}. One in six fires finds everything well, the\n\
         others one sensor, node, bus or the broker dead. Lead: from the evacuation to the first loss, in minutes.\n\
         False evacuations of a site in 100 years: where nobody answers an abort window, and where a person looks within\n\
         a minute. Ten times as many sensors assert as is usual, and half of them beside something dead.\n\n\
         {:<16}{:>6}  {:<8}{:>15}{:>12}{:>15}{:>10}{:>10}\n",
        "room", "votes", "limits", "false: nobody", "a person", "missed of 100", "lead p1", "lead p50"
    );
    for row in rows {
        let minutes = |percent| {
            row.fires
                .all
                .lead_s(percent)
                .map_or_else(|| "-".to_owned(), |s| format!("{:.1}", s / 60.0))
        };
        text += &format!(
            "{:<16}{:>6}  {:<8}{:>15.1}{:>12.1}{:>15.1}{:>10}{:>10}\n",
            row.room,
            row.votes,
            row.limits,
            row.false_a_century(),
            row.false_attended_a_century(),
            row.missed_percent(),
            minutes(1),
            minutes(50)
        );
    }
    text
}

pub(crate) fn json(rows: &[Row], seed: u64) -> Value {
    let rows = rows.iter().map(|row| {
        json!({ "room": row.room, "votes": row.votes, "limits": row.limits, "fires": row.fires.all.fires,
            "missed": row.fires.all.missed, "years": row.years.years, "false_a_century": row.false_a_century(),
            "false_attended_a_century": row.false_attended_a_century(),
            "lead_p1_s": row.fires.all.lead_s(1), "lead_p50_s": row.fires.all.lead_s(50) })
    });
    json!({ "schema": 1, "seed": seed, "rows": rows.collect::<Vec<_>>() })
}
