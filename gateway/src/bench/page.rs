//! The figures as a page of Markdown keeps them: between two marks, so that the words around them stay.

use std::fmt::{self, Write as _};

use super::neighbours::Neighbours;
use super::stats::{Quantiles, Rounds};
use super::{BrokerRate, Fleet, Fleets, Latency, Machine, Memory, Peer, Polled, Rates, Report};

/// The figures stand between these two lines.
const BEGIN: &str = "<!-- figures: begin; written by `muster bench --write`, not by hand -->";
const END: &str = "<!-- figures: end -->";

/// A page that has no place for figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page has no place for figures: it needs the line {BEGIN:?}, and below it {END:?}")]
pub struct NoPlace;

/// Whether a page has a place for figures.
///
/// # Errors
/// One of the two marks is missing, or they stand the wrong way round.
pub(super) fn has_place(page: &str) -> Result<(), NoPlace> {
    parts_of(page).map(drop)
}

/// The page with this report's figures in place of those it had.
///
/// # Errors
/// As [`has_place`].
pub(super) fn renewed(page: &str, report: &Report) -> Result<String, NoPlace> {
    let (head, tail) = parts_of(page)?;
    Ok(format!("{head}{BEGIN}\n\n{}\n{END}{tail}", Figures(report)))
}

fn parts_of(page: &str) -> Result<(&str, &str), NoPlace> {
    let (head, rest) = page.split_once(BEGIN).ok_or(NoPlace)?;
    let (_, tail) = rest.split_once(END).ok_or(NoPlace)?;
    Ok((head, tail))
}

struct Figures<'a>(&'a Report);

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        machine(f, &report.machine)?;
        if !report.latency.is_empty() {
            side_by_side(f, report)?;
            does(f, &report.peers)?;
            parts(f, &report.latency)?;
        }
        if !report.polled.is_empty() {
            polled(f, &report.polled)?;
        }
        report.fleets.iter().try_for_each(|of| fleets(f, of))?;
        report.rates.iter().try_for_each(|of| rates(f, of))?;
        report.memory.iter().try_for_each(|of| memory(f, of))?;
        report
            .failed
            .iter()
            .try_for_each(|why| writeln!(f, "Not measured: {why}.\n"))?;
        goals(f, report)
    }
}

fn machine(f: &mut fmt::Formatter<'_>, of: &Machine) -> fmt::Result {
    let load = |load: Option<f64>| load.map_or_else(|| "unknown".into(), |load| format!("{load:.1}"));
    writeln!(
        f,
        "Measured on {}: {}, {} cores; {}; journal on {} ({}). Load average {} before and {} after, the measurement's own \
         part included.\n",
        of.date,
        of.processor,
        of.cores,
        of.system,
        of.filesystem,
        of.device,
        load(of.load_before),
        load(of.load_after)
    )
}

/// A table's first two lines; all columns but the first `words` are figures.
fn head(f: &mut fmt::Formatter<'_>, columns: &[&str], words: usize) -> fmt::Result {
    let rule = |at: usize| if at < words { "---" } else { "---:" };
    let rules: Vec<&str> = (0..columns.len()).map(rule).collect();
    writeln!(f, "| {} |\n| {} |", columns.join(" | "), rules.join(" | "))
}

/// A time as short as it can be read: three figures.
fn time(us: u64) -> String {
    let (value, unit) = match us {
        0..1_000_000 => (us as f64 / 1_000.0, "ms"),
        _ => (us as f64 / 1_000_000.0, "s"),
    };
    let places = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.places$} {unit}")
}

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".into())
}

/// n, p50, p99, p99.9 and the longest.
fn times(q: &Quantiles) -> String {
    format!(
        "{} | {} | {} | {} | {}",
        q.n,
        time(q.p50),
        or_dash(q.p99().map(time)),
        or_dash(q.p999().map(time)),
        time(q.max)
    )
}

fn who(of: &Neighbours) -> String {
    let cpus = or_dash(of.cpus.map(|cpus| format!("{cpus:.2}")));
    format!("{cpus} | {}", or_dash(of.load.map(|load| format!("{load:.1}"))))
}

fn beside(per_s: u64, readings: usize) -> String {
    match (per_s, readings) {
        (0, _) => "quiet".into(),
        (per_s, 1) => format!("{}/s, one a message", thousands(per_s as f64)),
        (per_s, readings) => format!("{}/s, {readings} a message", thousands(per_s as f64)),
    }
}

/// Digits in groups of three.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Of the table in which every chain has its rows.
const SIDE_BY_SIDE: [&str; 12] = [
    "chain",
    "set",
    "other readings",
    "n",
    "p50",
    "p99",
    "p99.9",
    "max",
    "× p50",
    "× p99",
    "others' CPUs",
    "load",
];

fn side_by_side(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "### Condition raised → webhook received\n")?;
    head(f, &SIDE_BY_SIDE, 3)?;
    report.latency.iter().try_for_each(|row| ours(f, row))?;
    report.peers.iter().try_for_each(|row| theirs(f, row))?;
    writeln!(f)
}

fn ours(f: &mut fmt::Formatter<'_>, row: &Latency) -> fmt::Result {
    let set = format!("{} channels", thousands(row.channels as f64));
    let others = beside(row.beside_readings_per_s, row.beside_readings_a_message);
    let (total, less, who) = (times(&row.total_us), times(&row.less_commit_us), who(&row.neighbours));
    writeln!(f, "| **Muster** | {set} | {others} | {total} | 1 | 1 | {who} |")?;
    writeln!(f, "| Muster, less its commit | | {others} | {less} | | | | |")
}

fn theirs(f: &mut fmt::Formatter<'_>, row: &Peer) -> fmt::Result {
    let others = beside(row.beside_readings_per_s, row.beside_readings_a_message);
    let figures = match (&row.total_us, &row.missing) {
        (Some(total), None) => times(total),
        (Some(total), Some(why)) => format!("{} (then: {why})", times(total)),
        (None, why) => format!("{} | | | |", why.as_deref().unwrap_or("no event")),
    };
    let [middle, high] = [row.p50_to_muster, row.p99_to_muster].map(|of| or_dash(of.map(ratio)));
    let (chain, set, who) = (row.chain, row.settings, who(&row.neighbours));
    writeln!(
        f,
        "| {chain} | {set} | {others} | {figures} | {middle} | {high} | {who} |"
    )
}

/// Two figures are enough of a ratio.
fn ratio(of: f64) -> String {
    if of < 10.0 { format!("{of:.1}") } else { thousands(of) }
}

fn does(f: &mut fmt::Formatter<'_>, peers: &[Peer]) -> fmt::Result {
    if peers.is_empty() {
        return Ok(());
    }
    writeln!(f, "### What each chain does in that time, and what it does not\n")?;
    head(f, &["chain", "version", "does"], 3)?;
    writeln!(
        f,
        "| **Muster** | {} | checks sender, sequence, unit, range and age of every reading; limits with hysteresis and k of n; \
         votes, level, plan; intent on disk before the call; signed, with a key that stays the same, a deadline and retries |",
        env!("CARGO_PKG_VERSION")
    )?;
    let mut said = Vec::new();
    for row in peers {
        if !said.contains(&row.chain) {
            said.push(row.chain);
            let version = row.version.as_deref().unwrap_or("not installed");
            writeln!(f, "| {} | {version} | {} |", row.chain, row.does)?;
        }
    }
    writeln!(f)
}

fn parts(f: &mut fmt::Formatter<'_>, rows: &[Latency]) -> fmt::Result {
    writeln!(f, "### Where Muster's time goes, p50 / p99\n")?;
    let columns = [
        "other readings",
        "channels",
        "total",
        "commit",
        "published → vote",
        "vote → intent durable, less commit",
        "intent durable → webhook",
    ];
    head(f, &columns, 1)?;
    let pair = |q: &Quantiles| format!("{} / {}", time(q.p50), or_dash(q.p99().map(time)));
    for row in rows {
        writeln!(
            f,
            "| {} | {} | {} | {} | {} | {} | {} |",
            beside(row.beside_readings_per_s, row.beside_readings_a_message),
            thousands(row.channels as f64),
            pair(&row.total_us),
            pair(&row.commit_us),
            pair(&row.decide_us),
            pair(&row.journal_us),
            pair(&row.call_us)
        )?;
    }
    writeln!(f)
}

fn polled(f: &mut fmt::Formatter<'_>, rows: &[Polled]) -> fmt::Result {
    writeln!(f, "### Contact of a polled device closes → webhook received\n")?;
    let columns = [
        "Modbus TCP devices",
        "each every",
        "n",
        "p50",
        "p99",
        "p99.9",
        "max",
        "polls/s",
        "of one core",
        "others' CPUs",
        "load",
    ];
    head(f, &columns, 0)?;
    for row in rows {
        let cpu = or_dash(row.cpu_percent.map(|percent| format!("{percent:.0} %")));
        let (devices, polls) = (thousands(row.devices as f64), thousands(row.polls_per_s));
        let (every, times, who) = (row.every_ms, times(&row.total_us), who(&row.neighbours));
        writeln!(f, "| {devices} | {every} ms | {times} | {polls} | {cpu} | {who} |")?;
    }
    writeln!(f)
}

/// Of the table of fleets.
const FLEETS: [&str; 14] = [
    "devices",
    "dead",
    "speak",
    "answer → engine, trip: p50",
    "p99",
    "max",
    "the rest: p99",
    "period due",
    "period p50 / p99",
    "polls of those due",
    "of one core",
    "resident",
    "others' CPUs",
    "load",
];

fn fleets(f: &mut fmt::Formatter<'_>, of: &Fleets) -> fmt::Result {
    writeln!(f, "### Many polled devices: answer written → engine has the sample\n")?;
    head(f, &FLEETS, 3)?;
    of.rows.iter().try_for_each(|row| fleet(f, row))?;
    writeln!(f)?;
    of.missing.iter().try_for_each(|why| writeln!(f, "{why}.\n"))
}

fn fleet(f: &mut fmt::Formatter<'_>, row: &Fleet) -> fmt::Result {
    let (trip, period) = (&row.trip_us, &row.period_us);
    let p99 = |q: &Quantiles| or_dash(q.p99().map(time));
    let cpu = or_dash(row.cpu_percent.map(|percent| format!("{percent:.0} %")));
    let memory = or_dash(row.resident_kib.map(|kib| format!("{:.0} MiB", kib as f64 / 1_024.0)));
    writeln!(
        f,
        "| {} | {} | {} | {} | {} | {} | {} | {} ms | {} / {} | {:.2} % | {cpu} | {memory} | {} |",
        thousands(row.devices as f64),
        row.dead,
        row.what,
        time(trip.p50),
        p99(trip),
        time(trip.max),
        p99(&row.rest_us),
        row.every_ms,
        time(period.p50),
        p99(period),
        row.made() * 100.0,
        who(&row.neighbours)
    )?;
    let Some(of) = &row.to_all_alive else { return Ok(()) };
    let cpu = or_dash(of.cpu.map(|cpu| format!("× {cpu:.2}")));
    writeln!(
        f,
        "| | | times the row above | × {:.2} | × {:.2} | | | | × {:.3} | × {:.3} | {cpu} | | | |",
        of.p50, of.p99, of.period, of.polls
    )
}

fn rates(f: &mut fmt::Formatter<'_>, of: &Rates) -> fmt::Result {
    writeln!(f, "### How much goes in\n")?;
    let columns = [
        "readings",
        "median a second",
        "best a second",
        "lost",
        "CPU s a million messages",
    ];
    head(f, &columns, 1)?;
    let core = both(of.core_readings_per_s, 1.0);
    writeln!(f, "| decode, checks, core, a second of one core | {core} | – | – |")?;
    through_broker(f, &of.singly)?;
    through_broker(f, &of.packed)?;
    writeln!(f)
}

fn both(rounds: Rounds, times: f64) -> String {
    format!(
        "{} | {}",
        thousands(rounds.median * times),
        thousands(rounds.best * times)
    )
}

fn through_broker(f: &mut fmt::Formatter<'_>, of: &BrokerRate) -> fmt::Result {
    let rates = both(of.messages_per_s, of.readings_a_message as f64);
    let cpu = or_dash(of.cpu_s_per_million_messages.map(|s| format!("{s:.1}")));
    let (readings, lost) = (of.readings_a_message, of.readings_lost);
    writeln!(
        f,
        "| embedded broker, QoS 1, {readings} a message | {rates} | {lost} | {cpu} |"
    )
}

fn memory(f: &mut fmt::Formatter<'_>, of: &Memory) -> fmt::Result {
    let mib = |kib: u64| format!("{:.0} MiB", kib as f64 / 1_024.0);
    writeln!(f, "### A large site: the whole gateway process\n")?;
    head(
        f,
        &[
            "channels",
            "readings/s",
            "resident, nothing heard",
            "resident, all heard",
            "gaps in its recording",
            "of one core",
            "others' CPUs",
            "load",
        ],
        0,
    )?;
    let cpu = or_dash(of.cpu_percent.map(|percent| format!("{percent:.0} %")));
    let (channels, per_s) = (thousands(of.channels as f64), thousands(of.readings_per_s));
    let (idle, busy, who) = (mib(of.resident_idle_kib), mib(of.resident_kib), who(&of.neighbours));
    let gaps = of.recorder_gaps;
    writeln!(
        f,
        "| {channels} | {per_s} | {idle} | {busy} | {gaps} | {cpu} | {who} |\n"
    )
}

fn goals(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "### Goals\n")?;
    head(f, &["goal", "in this run"], 2)?;
    let mut lines = String::new();
    for goal in report.goals() {
        let met = if goal.met { "met" } else { "**not met**" };
        writeln!(lines, "| {} | {met} |", goal.goal)?;
    }
    f.write_str(&lines)
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn times_have_three_figures() {
        let shown = [750, 9_999, 42_000, 480_000, 4_200_000].map(time);
        assert_eq!(shown, ["0.75 ms", "10.00 ms", "42.0 ms", "480 ms", "4.20 s"]);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(
            [0.0, 999.0, 1_000.0, 1_234_567.4].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn only_what_stands_between_the_marks_is_renewed() {
        let report = crate::bench::tests::empty();
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = renewed(&page, &report).unwrap();
        assert!(
            once.starts_with("before\n") && once.ends_with("\nafter\n") && !once.contains("old"),
            "{once}"
        );
        assert_eq!(renewed(&once, &report).unwrap(), once);
        for broken in [format!("{END}{BEGIN}"), BEGIN.to_owned(), String::new()] {
            assert_eq!(renewed(&broken, &report), Err(NoPlace));
        }
    }
}
