//! What a sweep found, for programs.

use serde_json::{Value, json};

use crate::bound;
use crate::event::Because;
use crate::show::Swept;

pub(crate) fn json(rooms: &[Swept], seed: u64, threads: usize) -> Value {
    json!({ "schema": 1, "seed": seed, "threads": threads, "assumed": crate::show::assumptions(),
        "never_reached": Swept::unreached(rooms), "rooms": rooms.iter().map(room).collect::<Vec<_>>() })
}

fn room(swept: &Swept) -> Value {
    let (years, days) = (&swept.years, &swept.days);
    let findings = swept.findings().into_iter();
    let findings = findings.map(|(what, command)| json!({ "what": what, "replay": command }));
    json!({
        "room": swept.room,
        "as_promised": swept.is_as_promised(),
        "fires": fires(swept),
        "years": { "count": years.years, "windows": years.windows, "with_a_vote": years.votes,
            "played_s": years.played_s, "checked_in_full": years.checked, "differ": years.differ,
            "false": Because::WRONG.map(|b| wrong(swept, b)), "seconds": swept.seconds[1] },
        "days": { "count": days.days, "fires": days.fires, "missed": days.missed, "false": days.wrong,
            "seconds": swept.seconds[2] },
        "digests": { "fires": swept.fires.digest, "years": years.digest, "days": days.digest }, "broken": swept.fires.broken.len() as u64 + years.broken + days.broken,
        "reached": swept.reached(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn fires(swept: &Swept) -> Value {
    let fires = &swept.fires;
    let by = fires.by.iter().map(|((kind, dead), count)| {
        json!({ "kind": kind, "dead": dead, "fires": count.fires, "missed": count.missed,
            "lead_p1_s": count.lead_s(1), "lead_p50_s": count.lead_s(50) })
    });
    let mut dead: Vec<&str> = fires.by.keys().map(|(_, dead)| *dead).collect();
    dead.sort_unstable();
    dead.dedup();
    let by_dead = dead.into_iter().map(|dead| {
        let (count, missed) = fires.with_dead(dead);
        json!({ "dead": dead, "fires": count, "missed": missed, "missed_upper95": bound::upper(missed, count) })
    });
    json!({ "count": fires.all.fires, "missed": fires.all.missed,
        "missed_upper95": bound::upper(fires.all.missed, fires.all.fires),
        "lead_p1_s": fires.all.lead_s(1), "lead_p50_s": fires.all.lead_s(50), "seconds": swept.seconds[0],
        "two_gone": { "count": fires.two_gone.fires, "missed": fires.two_gone.missed,
            "missed_upper95": bound::upper(fires.two_gone.missed, fires.two_gone.fires) },
        "one_gone": { "count": fires.all.fires - fires.two_gone.fires, "missed": fires.all.missed - fires.two_gone.missed,
            "missed_upper95": bound::upper(fires.all.missed - fires.two_gone.missed, fires.all.fires - fires.two_gone.fires) },
        "by": by.collect::<Vec<_>>(), "by_dead": by_dead.collect::<Vec<_>>() })
}

fn wrong(swept: &Swept, because: Because) -> Value {
    let wrong = swept.years.wrong(because);
    json!({ "because": because.as_str(), "goal_none": if because.must_never_be() { json!(["on_two_votes", "past_a_person"]) } else { json!([]) },
        "on_two_votes": wrong.at_once, "on_two_votes_upper95_a_year": swept.rate_bound(wrong.at_once),
        "nobody_aborted": wrong.unanswered, "nobody_aborted_upper95_a_year": swept.rate_bound(wrong.unanswered),
        "past_a_person": wrong.attended, "past_a_person_upper95_a_year": swept.rate_bound(wrong.attended) })
}
