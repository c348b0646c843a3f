//! The figures as people read them.

use std::fmt;

use super::stats::{Quantiles, Rounds};
use super::{BrokerRate, Goal, Latency, Memory, Rates, Report};

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
        if let Some(rates_) = &self.0.rates {
            rates(f, rates_)?;
        }
        if let Some(memory_) = &self.0.memory {
            memory(f, memory_)?;
        }
        writeln!(f)?;
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
    let title = match (row.beside_readings_per_s, row.beside_readings_a_message) {
        (0, _) => "quiet".to_owned(),
        (per_s, 1) => format!("beside {per_s} readings/s, a message each"),
        (per_s, readings) => format!("beside {per_s} readings/s in packs of {readings}"),
    };
    writeln!(
        f,
        "  {:<56}{:>8}{:>8}{:>8}{:>8}",
        format!("{title}, {} trials", row.total_us.n),
        "p50",
        "p90",
        "p99",
        "max"
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

fn times(f: &mut fmt::Formatter<'_>, name: &str, q: &Quantiles) -> fmt::Result {
    let ms = |us: u64| us as f64 / 1_000.0;
    writeln!(
        f,
        "    {name:<54}{:>8.2}{:>8.2}{:>8.2}{:>8.2}",
        ms(q.p50),
        ms(q.p90),
        ms(q.p99),
        ms(q.max)
    )
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
        Some(percent) => writeln!(f, ", {percent:.1} % of one core")?,
        None => writeln!(f)?,
    }
    goals(f, &memory.goals)
}

fn goals(f: &mut fmt::Formatter<'_>, goals: &[Goal]) -> fmt::Result {
    for Goal { goal, met } in goals {
        writeln!(f, "    goal {:<8}{goal}", if *met { "met" } else { "NOT MET" })?;
    }
    Ok(())
}
