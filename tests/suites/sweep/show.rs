//! What a sweep found, for people and for programs.

use serde_json::{Value, json};

use crate::bound;
use crate::days::Days;
use crate::event::Because;
use crate::fires::{Burnt, Count, Fires};
use crate::years::Years;

/// One room's figures.
pub(crate) struct Swept {
    pub(crate) room: &'static str,
    pub(crate) is_reference: bool,
    pub(crate) fires: Fires,
    pub(crate) years: Years,
    pub(crate) days: Days,
    /// Of the fires, of the years, of the days.
    pub(crate) seconds: [f64; 3],
}

impl Swept {
    /// No invariant broken, nothing differs without its quiet time, and in the reference room no fire missed and no
    /// evacuation of a kind that must never be.
    pub(crate) fn is_as_promised(&self) -> bool {
        let sound = self.days.broken.is_empty()
            && self.fires.broken.is_empty()
            && self.years.broken.is_empty()
            && self.years.differ == 0;
        let missed = self.is_reference && self.fires.all.missed > 0;
        let wrong = self.is_reference && Because::WRONG.iter().any(|b| b.must_never_be() && self.wrong(*b) > 0);
        sound && !missed && !wrong
    }

    fn wrong(&self, because: Because) -> u64 {
        self.years.wrong.get(&because).copied().unwrap_or(0)
    }

    fn rate_bound(&self, because: Because) -> f64 {
        bound::upper_rate(self.wrong(because), self.years.years.max(1) as f64)
    }
}

pub(crate) fn table(rooms: &[Swept], seed: u64, threads: usize) {
    println!("seed {seed}, {threads} threads; bounds are upper and one-sided, at 95 % (Clopper and Pearson)");
    for swept in rooms {
        room(swept);
    }
}

fn room(swept: &Swept) {
    let (fires, years) = (&swept.fires, &swept.years);
    println!("\n== {}", swept.room);
    println!(
        "fires      {:>7} in {:.0} s   missed {} (share at most {:.1e})   lead p1 {} p50 {}",
        fires.all.fires,
        swept.seconds[0],
        fires.all.missed,
        bound::upper(fires.all.missed, fires.all.fires),
        minutes(fires.all.lead_s(1)),
        minutes(fires.all.lead_s(50)),
    );
    let mut kinds: Vec<&str> = fires.by.keys().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    let mut dead: Vec<&str> = fires.by.keys().map(|(_, dead)| *dead).collect();
    dead.sort_unstable();
    dead.dedup();
    println!("           missed of fires, by what is dead; p1 of the lead in brackets");
    println!(
        "           {:<12}{}",
        "",
        dead.iter().map(|d| format!("{d:>20}")).collect::<String>()
    );
    for kind in kinds {
        let cells = dead
            .iter()
            .map(|dead| fires.by.get(&(kind, *dead)).map_or_else(String::new, cell));
        println!(
            "           {kind:<12}{}",
            cells.map(|c| format!("{c:>20}")).collect::<String>()
        );
    }
    println!(
        "years      {:>7} in {:.0} s   {} windows, {:.0} h played, {} with a vote; {} played again in full, {} differ",
        years.years,
        swept.seconds[1],
        years.windows,
        years.played_s / 3_600.0,
        years.votes,
        years.checked,
        years.differ,
    );
    for because in Because::WRONG {
        println!(
            "  false    {:>7} {:<11} at most {:.1e} a year{}",
            swept.wrong(because),
            because.as_str(),
            swept.rate_bound(because),
            if because.must_never_be() { "   (goal: none)" } else { "" },
        );
    }
    let days = &swept.days;
    println!(
        "days       {:>7} in {:.0} s   {} with a fire, missed {}; without one false {}",
        days.days, swept.seconds[2], days.fires, days.missed, days.wrong
    );
    examples(swept);
}

fn examples(swept: &Swept) {
    let room = swept.room;
    for number in &swept.fires.missed {
        println!("  missed fire: cargo run --release -p muster-testbed -- fire {number} --room {room}");
    }
    for (number, at_s, because, why) in &swept.years.named {
        println!(
            "  {}: … -- year {number} --at {at_s:.0} --room {room}: {why}",
            because.as_str()
        );
    }
    for (number, what) in swept
        .fires
        .broken
        .iter()
        .chain(&swept.years.broken)
        .chain(&swept.days.broken)
    {
        println!("  BROKEN in number {number}: {what}");
    }
}

fn cell(count: &Count) -> String {
    format!("{}/{} [{}]", count.missed, count.fires, minutes(count.lead_s(1)))
}

fn minutes(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |s| format!("{:.1} min", s / 60.0))
}

pub(crate) fn json(rooms: &[Swept], seed: u64, threads: usize) -> Value {
    json!({ "schema": 1, "seed": seed, "threads": threads, "rooms": rooms.iter().map(room_json).collect::<Vec<_>>() })
}

fn room_json(swept: &Swept) -> Value {
    let (fires, years) = (&swept.fires, &swept.years);
    let by = fires.by.iter().map(|((kind, dead), count)| {
        json!({ "kind": kind, "dead": dead, "fires": count.fires, "missed": count.missed,
            "lead_p1_s": count.lead_s(1), "lead_p50_s": count.lead_s(50) })
    });
    let wrong = Because::WRONG.map(|b| {
        json!({ "because": b.as_str(), "count": swept.wrong(b), "goal_none": b.must_never_be(),
            "upper95_a_year": swept.rate_bound(b) })
    });
    json!({
        "room": swept.room,
        "as_promised": swept.is_as_promised(),
        "fires": { "count": fires.all.fires, "missed": fires.all.missed,
            "missed_upper95": bound::upper(fires.all.missed, fires.all.fires),
            "lead_p1_s": fires.all.lead_s(1), "lead_p50_s": fires.all.lead_s(50),
            "seconds": swept.seconds[0], "by": by.collect::<Vec<_>>(), "missed_numbers": fires.missed },
        "years": { "count": years.years, "windows": years.windows, "with_a_vote": years.votes,
            "played_s": years.played_s, "checked_in_full": years.checked, "differ": years.differ,
            "false": wrong, "seconds": swept.seconds[1] },
        "days": { "count": swept.days.days, "fires": swept.days.fires, "missed": swept.days.missed,
            "false": swept.days.wrong, "seconds": swept.seconds[2] },
        "broken": fires.broken.iter().chain(&years.broken).chain(&swept.days.broken).collect::<Vec<_>>(),
    })
}

/// One fire's decisions.
pub(crate) fn fire(burnt: &Burnt) {
    println!(
        "{} fire {}, dead: {:?}, first loss at {:.0} s",
        burnt.kind.as_str(),
        burnt.number,
        burnt.dead,
        burnt.loss_s
    );
    for (t_s, line) in &burnt.told.lines {
        println!("{t_s:>12.1} s  {line}");
    }
    match burnt.lead_s() {
        Some(lead_s) => println!("evacuation {lead_s:.0} s before the loss: {}", burnt.told.why),
        None => println!("MISSED"),
    }
}
