//! What a process takes of this machine, as Linux counts it.

use std::time::Duration;

/// Time of a processor and memory of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Time of a processor, since its start, in user and in kernel.
    pub cpu: Duration,
    /// Memory that is its own and in RAM. KiB.
    pub rss_kib: u64,
}

/// A process cannot be measured.
#[derive(Debug, thiserror::Error)]
#[error("process {process} cannot be measured: {why}")]
pub struct MeasureError {
    /// Its id.
    pub process: u32,
    /// Why.
    pub why: String,
}

/// `USER_HZ`: what `/proc/…/stat` counts in. It is 100 on every Linux there is (`proc(5)`).
const TICKS_PER_S: u64 = 100;

impl Load {
    /// Of this process.
    ///
    /// # Errors
    /// It is gone, or the system does not say.
    pub fn of(process: u32) -> Result<Self, MeasureError> {
        let fault = |why: String| MeasureError { process, why };
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}"));
        let stat = read("stat").map_err(|error| fault(error.to_string()))?;
        let status = read("status").map_err(|error| fault(error.to_string()))?;
        Self::parse(&stat, &status).ok_or_else(|| fault("the system writes something else than it should".into()))
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field is the name, in brackets, and may hold anything. User and kernel time are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
        let ticks = ticks.next()?.ok()? + ticks.next()?.ok()?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(Self {
            cpu: Duration::from_millis(ticks * 1_000 / TICKS_PER_S),
            rss_kib: rss.trim().strip_suffix(" kB")?.trim().parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_moves_no_field() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0";
        let load = Load::parse(stat, "Name:\tx\nVmRSS:\t   48128 kB\nThreads:\t3\n");
        let expected = Load {
            cpu: Duration::from_millis(1_750),
            rss_kib: 48_128,
        };
        assert_eq!(load, Some(expected));
        assert_eq!(Load::parse("42 (a", ""), None);
        assert!(Load::of(std::process::id()).is_ok_and(|own| own.rss_kib > 0));
    }
}
