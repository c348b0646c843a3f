//! The figures as people read them.

use std::fmt;

use super::neighbours::Neighbours;
use super::stats::{Quantiles, Rounds};
use super::{BrokerRate, Fleet, Goal, Latency, Memory, Peer, Polled, Rates, Report};

/// A report as a plain table.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a Report);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.0.machine;
        writeln!(
            f,
            "{} cores, load average {} before and {} after; journal on {} ({}) in {}",
            machine.cores,
            Load(machine.load_before),
            Load(machine.load_after),
            machine.filesystem,
            machine.device,
            machine.folder
        )?;
        for (at, row) in self.0.latency.iter().enumerate() {
            latency(f, row, at == 0)?;
        }
        if !self.0.peers.is_empty() {
            peers(f, &self.0.peers)?;
        }
        self.0.polled.iter().try_for_each(|row| polled(f, row))?;
        if let Some(fleets) = &self.0.fleets {
            fleets.rows.iter().try_for_each(|row| fleet(f, row))?;
            fleets.missing.iter().try_for_each(|why| writeln!(f, "\n{why}"))?;
        }
        if let Some(rates_) = &self.0.rates {
            rates(f, rates_)?;
        }
        if let Some(memory_) = &self.0.memory {
            memory(f, memory_)?;
        }
        writeln!(f)?;
        self.0
            .failed
            .iter()
            .try_for_each(|why| writeln!(f, "Not measured: {why}"))?;
        self.0.notes.iter().try_for_each(|note| writeln!(f, "Note: {note}"))
    }
}

/// A load average, where there is one.
struct Load(Option<f64>);

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(load) => write!(f, "{load:.2}"),
            None => f.write_str("unknown"),
        }
    }
}

fn latency(f: &mut fmt::Formatter<'_>, row: &Latency, first: bool) -> fmt::Result {
    if first {
        writeln!(f, "\nDeciding message published -> webhook received, milliseconds")?;
    }
    let title = beside(row.beside_readings_per_s, row.beside_readings_a_message);
    let title = format!("{title}, {} channels, {} trials", row.channels, row.total_us.n);
    writeln!(
        f,
        "  {title:<64}{:>8}{:>8}{:>8}{:>8}{:>8}   {}",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        Others(row.neighbours)
    )?;
    for (name, quantiles) in [
        ("total", &row.total_us),
        ("commit of the same trials", &row.commit_us),
        ("total less commit", &row.less_commit_us),
        ("  published to vote cast", &row.decide_us),
        ("  vote to intent durable, less commit", &row.journal_us),
        ("  intent durable to webhook received", &row.call_us),
    ] {
        times(f, name, quantiles)?;
    }
    goals(f, &row.goals)
}

fn beside(per_s: u64, readings: usize) -> String {
    match (per_s, readings) {
        (0, _) => "quiet".to_owned(),
        (per_s, 1) => format!("beside {per_s} readings/s, a message each"),
        (per_s, readings) => format!("beside {per_s} readings/s in packs of {readings}"),
    }
}

/// Who else used the machine.
struct Others(Neighbours);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load {}", Load(self.0.load))?;
        let cpus = self.0.cpus;
        cpus.map_or(Ok(()), |cpus| write!(f, ", {cpus:.2} CPUs by others"))
    }
}

fn times(f: &mut fmt::Formatter<'_>, name: &str, q: &Quantiles) -> fmt::Result {
    writeln!(f, "    {name:<62}{}", Times(q))
}

/// p50, p90, p99, p99.9 and the longest, in milliseconds.
struct Times<'a>(&'a Quantiles);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let q = self.0;
        for us in [Some(q.p50), Some(q.p90), q.p99(), q.p999(), Some(q.max)] {
            match us {
                Some(us) => write!(f, "{:>8.2}", us as f64 / 1_000.0)?,
                None => write!(f, "{:>8}", "-")?,
            }
        }
        Ok(())
    }
}

fn peers(f: &mut fmt::Formatter<'_>, rows: &[Peer]) -> fmt::Result {
    writeln!(
        f,
        "\nWhat one would take instead, condition raised -> webhook received, milliseconds"
    )?;
    for row in rows {
        let version = row
            .version
            .as_deref()
            .map_or_else(String::new, |version| format!(" ({version})"));
        let beside = beside(row.beside_readings_per_s, row.beside_readings_a_message);
        writeln!(f, "  {}{version}: {}", row.chain, row.settings)?;
        if let Some(total) = &row.total_us {
            let title = format!("{beside}, {} events", total.n);
            writeln!(f, "    {title:<62}{}   {}", Times(total), Others(row.neighbours))?;
            let ratio = |of: Option<f64>| of.map_or_else(|| "-".into(), |of| format!("{of:.1}"));
            let (middle, high) = (ratio(row.p50_to_muster), ratio(row.p99_to_muster));
            writeln!(f, "    {:<62}{middle:>8}{:>8}{high:>8}", "times Muster's total", "")?;
        }
        if let Some(why) = &row.missing {
            writeln!(f, "    {beside}: {why}")?;
        }
    }
    Ok(())
}

fn polled(f: &mut fmt::Formatter<'_>, row: &Polled) -> fmt::Result {
    writeln!(
        f,
        "\nContact of a polled device closed -> webhook received, milliseconds; {} Modbus TCP devices, each every {} ms",
        row.devices, row.every_ms
    )?;
    let title = format!("{} trials", row.total_us.n);
    writeln!(
        f,
        "    {title:<62}{}   {}",
        Times(&row.total_us),
        Others(row.neighbours)
    )?;
    let cpu = row
        .cpu_percent
        .map_or_else(String::new, |percent| format!(", {percent:.1} % of one core"));
    writeln!(f, "    {:.0} polls a second{cpu}", row.polls_per_s)?;
    goals(f, &row.goals)
}

fn fleet(f: &mut fmt::Formatter<'_>, row: &Fleet) -> fmt::Result {
    let dead = if row.dead > 0 {
        format!(", {} of them dead", row.dead)
    } else {
        String::new()
    };
    writeln!(f, "\n{} devices{dead}, milliseconds; {}", row.devices, row.what)?;
    writeln!(
        f,
        "  {:<64}{:>8}{:>8}{:>8}{:>8}{:>8}   {}",
        format!("{} of them over {:.0} s", row.measured, row.seconds),
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        Others(row.neighbours)
    )?;
    times(f, "answer written to engine, trip signals", &row.trip_us)?;
    times(f, "answer written to engine, all others", &row.rest_us)?;
    let period = format!("time between two polls of a device, {} ms due", row.every_ms);
    times(f, &period, &row.period_us)?;
    let cpu = row
        .cpu_percent
        .map_or_else(String::new, |percent| format!("; {percent:.1} % of one core"));
    let memory = row
        .resident_kib
        .map_or_else(String::new, |kib| format!("; {:.1} MiB resident", kib as f64 / 1_024.0));
    let (made, polls, due) = (row.made() * 100.0, row.polls, row.polls_due);
    writeln!(f, "    {polls} polls of {due} due ({made:.2} %){cpu}{memory}")?;
    if let Some(of) = &row.to_all_alive {
        let cpu = of.cpu.map_or_else(String::new, |cpu| format!(", CPU {cpu:.2}"));
        writeln!(
            f,
            "    times what it was when all lived: p50 {:.2}, p99 {:.2}, polls {:.3}, period {:.3}{cpu}",
            of.p50, of.p99, of.polls, of.period
        )?;
    }
    goals(f, &row.goals)
}

fn rates(f: &mut fmt::Formatter<'_>, rates: &Rates) -> fmt::Result {
    writeln!(f, "\nRates, a second{:>37}{:>12}{:>8}", "median", "best", "lost")?;
    rate(
        f,
        "readings, decode and core on one core",
        rates.core_readings_per_s,
        1.0,
    )?;
    writeln!(f)?;
    through_broker(f, &rates.singly)?;
    through_broker(f, &rates.packed)?;
    goals(f, &rates.goals)
}

fn through_broker(f: &mut fmt::Formatter<'_>, through: &BrokerRate) -> fmt::Result {
    let packs = if through.readings_a_message == 1 {
        "singly"
    } else {
        "in packs of 64"
    };
    rate(
        f,
        &format!("readings, broker, QoS 1, {packs}"),
        through.messages_per_s,
        through.readings_a_message as f64,
    )?;
    write!(f, "{:>8}", through.readings_lost)?;
    match through.cpu_s_per_million_messages {
        Some(cpu_s) => writeln!(f, "   {cpu_s:.1} CPU s of the gateway a million messages"),
        None => writeln!(f),
    }
}

fn rate(f: &mut fmt::Formatter<'_>, name: &str, rate: Rounds, times: f64) -> fmt::Result {
    write!(
        f,
        "    {name:<36}{:>12.0}{:>12.0}",
        rate.median * times,
        rate.best * times
    )
}

fn memory(f: &mut fmt::Formatter<'_>, memory: &Memory) -> fmt::Result {
    let mib = |kib: u64| kib as f64 / 1_024.0;
    writeln!(f, "\nThe whole gateway process, {} channels", memory.channels)?;
    writeln!(
        f,
        "    resident, nothing heard yet         {:>8.1} MiB",
        mib(memory.resident_idle_kib)
    )?;
    write!(
        f,
        "    resident at {:.0} readings/s      {:>11.1} MiB",
        memory.readings_per_s,
        mib(memory.resident_kib)
    )?;
    match memory.cpu_percent {
        Some(percent) => writeln!(f, ", {percent:.1} % of one core; {}", Others(memory.neighbours))?,
        None => writeln!(f)?,
    }
    writeln!(f, "    gaps in its recording               {:>8}", memory.recorder_gaps)?;
    goals(f, &memory.goals)
}

fn goals(f: &mut fmt::Formatter<'_>, goals: &[Goal]) -> fmt::Result {
    for Goal { goal, met } in goals {
        writeln!(f, "    goal {:<8}{goal}", if *met { "met" } else { "NOT MET" })?;
    }
    Ok(())
}
