//! What a sweep found, for people.

use crate::bound;
use crate::days::Days;
use crate::event::Because;
use crate::fires::{Burnt, Count, Fires};
use crate::reached::{Reached, SOMETIMES};
use crate::years::{How, Years};

/// Missed fires of a poorer room that are named.
const NAMED: usize = 10;

/// One room's figures.
pub(crate) struct Swept {
    pub(crate) room: &'static str,
    pub(crate) seed: u64,
    pub(crate) is_reference: bool,
    pub(crate) fires: Fires,
    pub(crate) years: Years,
    pub(crate) days: Days,
    /// Of the fires, of the years, of the days.
    pub(crate) seconds: [f64; 3],
}

impl Swept {
    /// No invariant broken, nothing differs without its quiet time, and in the reference room no fire missed with
    /// at most one thing gone, and no evacuation of a kind that must never be: not on two votes, and not past a person who looks.
    pub(crate) fn is_as_promised(&self) -> bool {
        let sound =
            self.days.broken == 0 && self.fires.broken.is_empty() && self.years.broken == 0 && self.years.differ == 0;
        let missed = self.is_reference && self.fires.all.missed > self.fires.two_gone.missed;
        let is_wrong = |because: &Because| {
            let wrong = self.years.wrong(*because);
            because.must_never_be() && wrong.at_once + wrong.attended > 0
        };
        let wrong = self.is_reference && Because::WRONG.iter().any(is_wrong);
        sound && !missed && !wrong
    }

    pub(crate) fn rate_bound(&self, seen: u64) -> f64 {
        bound::upper_rate(seen, self.years.years.max(1) as f64)
    }

    /// What has happened somewhere in it.
    pub(crate) fn reached(&self) -> Reached {
        let all = [&self.fires.reached, &self.years.reached, &self.days.reached];
        all.into_iter().flatten().copied().collect()
    }

    /// What may be missing from a small sweep, and must not from a large one.
    pub(crate) fn unreached(rooms: &[Self]) -> Vec<&'static str> {
        let reached: Reached = rooms.iter().flat_map(Self::reached).collect();
        SOMETIMES.into_iter().filter(|name| !reached.contains(name)).collect()
    }

    /// Everything that went otherwise than it should, and how to see it again.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let which = format!("--seed {} --room {}", self.seed, self.room);
        let only = |only: &[usize]| {
            let numbers: Vec<String> = only.iter().map(ToString::to_string).collect();
            if numbers.is_empty() {
                String::new()
            } else {
                format!(" --only {}", numbers.join(","))
            }
        };
        let mut all = Vec::new();
        // Of the poorer rooms nothing is promised.
        let most = if self.is_reference { usize::MAX } else { NAMED };
        for missed in self.fires.missed.iter().take(most) {
            let well = if missed.anyway { " --nothing-dead" } else { "" };
            let what = if missed.two_gone {
                "missed fire, two things gone"
            } else {
                "missed fire"
            };
            all.push((what.to_owned(), format!("fire {}{well} {which}", missed.number)));
        }
        for (number, what) in &self.fires.broken {
            all.push((format!("BROKEN fire: {what}"), format!("fire {number} {which}")));
        }
        for one in &self.years.named {
            let only = only(&one.only);
            let how = one.how.map_or("", How::as_option);
            let command = format!("year {} --at {:.0}{how}{only} {which}", one.number, one.at_s);
            all.push((format!("year, {}: {}", one.what, one.why), command));
        }
        for one in &self.days.named {
            let only = only(&one.only);
            all.push((
                format!("BROKEN day: {}", one.what),
                format!("day {}{only} {which}", one.number),
            ));
        }
        all
    }
}

/// What a reader of the figures has to know.
pub(crate) fn assumptions() -> String {
    format!(
        "Bounds are upper and one-sided, at 95 % (Clopper and Pearson). Assumed: a fire burns in full, with every sign, for\n\
         {:.0} s at least before it has destroyed what carries the load (half of the shortest time on record, 480 s). Past a\n\
         person: one looks {} s after a window has opened and aborts it, unless it burns. A bypass counts as one of two faults,\n\
         so that evacuations beside two others are counted beyond the goal.",
        muster_sim::building::FULL_FOR_S,
        crate::play::LOOKS_WITHIN_MS / 1_000
    )
}

pub(crate) fn table(rooms: &[Swept], seed: u64, threads: usize) {
    println!("seed {seed}, {threads} threads. {}", assumptions());
    for swept in rooms {
        burnt(swept);
        quiet(swept);
        crowded(swept);
    }
    let unreached = Swept::unreached(rooms);
    println!(
        "\nsometimes  {} of {} states reached{}{}",
        SOMETIMES.len() - unreached.len(),
        SOMETIMES.len(),
        if unreached.is_empty() { "" } else { "; not: " },
        unreached.join(", ")
    );
}

fn burnt(swept: &Swept) {
    let fires = &swept.fires;
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
    row("", dead.iter().map(|d| (*d).to_owned()));
    for kind in kinds {
        let cells = dead
            .iter()
            .map(|dead| fires.by.get(&(kind, *dead)).map_or_else(String::new, cell));
        row(kind, cells);
    }
    bounds(fires, &dead);
}

/// What the counts of fires allow to be said.
fn bounds(fires: &Fires, dead: &[&str]) {
    let at_most = dead.iter().map(|dead| {
        let (fires, missed) = fires.with_dead(dead);
        format!("{:.1e}", bound::upper(missed, fires))
    });
    row("at most", at_most);
    let two = &fires.two_gone;
    println!(
        "           of these, one thing was dead and the fire burns the battery monitor's cables before it has spoken:\n\
         {:>23} missed of {} (share at most {:.1e}); all others: {} of {} (at most {:.1e})",
        two.missed,
        two.fires,
        bound::upper(two.missed, two.fires),
        fires.all.missed - two.missed,
        fires.all.fires - two.fires,
        bound::upper(fires.all.missed - two.missed, fires.all.fires - two.fires)
    );
}

fn row(name: &str, cells: impl Iterator<Item = String>) {
    println!(
        "           {name:<12}{}",
        cells.map(|c| format!("{c:>20}")).collect::<String>()
    );
}

fn quiet(swept: &Swept) {
    let years = &swept.years;
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
    println!(
        "           false        two votes, at most     nobody aborted, at most    of those past a person, at most"
    );
    for because in Because::WRONG {
        let wrong = years.wrong(because);
        let cell = |seen: u64| format!("{seen:>7}   {:.1e}/year", swept.rate_bound(seen));
        println!(
            "           {:<12}{}     {}        {}{}",
            because.as_str(),
            cell(wrong.at_once),
            cell(wrong.unanswered),
            cell(wrong.attended),
            if because.must_never_be() {
                "   (goal: none but in the middle)"
            } else {
                ""
            },
        );
    }
}

fn crowded(swept: &Swept) {
    let days = &swept.days;
    println!(
        "days       {:>7} in {:.0} s   {} with a fire, missed {}; before a fire or without one, false {}; {} broke a rule",
        days.days, swept.seconds[2], days.fires, days.missed, days.wrong, days.broken
    );
    for (what, command) in swept.findings() {
        println!("  {what}\n      cargo run --release -p muster-testbed -- {command}");
    }
}

fn cell(count: &Count) -> String {
    format!("{}/{} [{}]", count.missed, count.fires, minutes(count.lead_s(1)))
}

fn minutes(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |s| format!("{:.1} min", s / 60.0))
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
    for (t_s, _, line) in &burnt.told.lines {
        println!("{t_s:>12.1} s  {line}");
    }
    match burnt.lead_s() {
        Some(lead_s) => println!("evacuation {lead_s:.0} s before the loss: {}", burnt.told.why),
        None => println!("MISSED"),
    }
}
