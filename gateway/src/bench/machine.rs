//! What the figures were measured on, read from `/proc`; on systems without it the fields say so.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::clock;

/// Clock ticks a second in `/proc/*/stat`: the kernel's interface to programs has had 100 on every architecture we build for.
const TICKS_PER_S: f64 = 100.0;

/// The machine, its load and its disk.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Day of the measurement, `2026-11-26`, by the machine's clock and in UTC.
    pub date: String,
    /// Model of the processor; `unknown` where the system does not say.
    pub processor: String,
    /// Operating system and version of its kernel.
    pub system: String,
    /// Processors this process may use.
    pub cores: usize,
    /// Load average of the last minute before the measurement; none where the system does not say.
    pub load_before: Option<f64>,
    /// The same after it.
    pub load_after: Option<f64>,
    /// Folder of the journals.
    pub folder: String,
    /// Its filesystem, such as `ext4`; `unknown` where the system does not say.
    pub filesystem: String,
    /// What it is mounted from.
    pub device: String,
}

impl Machine {
    /// Looks around.
    #[must_use]
    pub fn look(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let (filesystem, device) = filesystem_of(&mounts, &folder).unwrap_or(("unknown", "unknown"));
        Self {
            date: today(),
            processor: processor().unwrap_or_else(|| "unknown".into()),
            system: format!("{} {}", std::env::consts::OS, kernel().unwrap_or_default()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load_before: load_average(),
            load_after: None,
            filesystem: filesystem.into(),
            device: device.into(),
            folder: folder.display().to_string(),
        }
    }

    /// Whether the journal's folder is kept in memory, so that a commit costs nothing.
    #[must_use]
    pub fn in_memory(&self) -> bool {
        matches!(self.filesystem.as_str(), "tmpfs" | "ramfs")
    }
}

fn today() -> String {
    let now = jiff::Timestamp::from_millisecond(clock::wall_now_ms()).unwrap_or_default();
    now.strftime("%Y-%m-%d").to_string()
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}

fn kernel() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

/// Load average of the last minute.
#[must_use]
pub(super) fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Type and source of the filesystem a path is on, out of `/proc/self/mountinfo`: the longest mount point above it, and of
/// equals the last, which covers the others.
fn filesystem_of<'a>(mounts: &'a str, path: &Path) -> Option<(&'a str, &'a str)> {
    let mount = |line: &'a str| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?;
        let mut right = right.split(' ');
        path.starts_with(point)
            .then_some((point.len(), (right.next()?, right.next()?)))
    };
    let mounts = mounts.lines().filter_map(mount);
    mounts.max_by_key(|(length, _)| *length).map(|(_, found)| found)
}

/// Processor seconds this process has used, without its threads whose names begin with `bench`: those play the world.
#[must_use]
pub(super) fn own_cpu_s() -> Option<f64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let world = stats.filter(|stat| stat.contains("(bench"));
    let world_s = world.filter_map(|stat| ticks(&stat)).sum::<f64>() / TICKS_PER_S;
    // Threads that have ended count in the whole only.
    Some(cpu_s(std::process::id())? - world_s)
}

/// Processor seconds the calling thread has used, to the nanosecond; none where the system does not say.
#[must_use]
pub(super) fn thread_cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns / 1e9)
}

/// Processor seconds a process has used.
#[must_use]
pub(super) fn cpu_s(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(ticks(&stat)? / TICKS_PER_S)
}

/// Processor seconds that neither this process nor anything it started has used, since the machine's start.
#[must_use]
pub(super) fn others_cpu_s() -> Option<f64> {
    let all = std::fs::read_to_string("/proc/stat").ok()?;
    Some((busy_ticks(&all)? - family_ticks()?) / TICKS_PER_S)
}

/// Ticks of all processors that were not idle; what a hypervisor took away counts as a neighbour's.
fn busy_ticks(stat: &str) -> Option<f64> {
    let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<f64> = ticks.filter_map(|t| t.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    Some(ticks.iter().take(8).sum::<f64>() - ticks.get(3)? - ticks.get(4)?)
}

/// Ticks of this process and its descendants, those that have ended included.
fn family_ticks() -> Option<f64> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let stats = processes.filter_map(|p| std::fs::read_to_string(p.ok()?.path().join("stat")).ok());
    let all: BTreeMap<u32, (u32, f64)> = stats.filter_map(|stat| member(&stat)).collect();
    let us = std::process::id();
    let ours = |pid: u32| {
        let parent = |pid: &u32| all.get(pid).map(|(parent, _)| *parent);
        // A chain of parents is never long; a bound holds even if the list was read while it changed.
        std::iter::successors(Some(pid), parent).take(64).any(|one| one == us)
    };
    Some(
        all.iter()
            .filter(|(pid, _)| ours(**pid))
            .map(|(_, (_, ticks))| ticks)
            .sum(),
    )
}

/// Process id, its parent's, and ticks with those of the children it has waited for: fields 1, 4 and 14 to 17.
fn member(stat: &str) -> Option<(u32, (u32, f64))> {
    let (head, behind) = stat.rsplit_once(')')?;
    let pid = head.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = fields.get(11..15)?.iter().filter_map(|t| t.parse::<f64>().ok()).sum();
    Some((pid, (parent, ticks)))
}

/// User and system ticks: fields 14 and 15, counted behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Resident memory of a process in KiB.
#[must_use]
pub(super) fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_holds_the_path() {
        let mounts = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                      30 22 0:25 / /tmp rw - tmpfs tmpfs rw,size=1g\n\
                      31 22 0:26 / /tmp/b rw shared:4 - xfs /dev/vdb rw\n";
        let on = |path: &str| filesystem_of(mounts, Path::new(path));
        assert_eq!(on("/home/a"), Some(("ext4", "/dev/vda")));
        assert_eq!(on("/tmp/bench"), Some(("tmpfs", "tmpfs")));
        assert_eq!(on("/tmp/b/c"), Some(("xfs", "/dev/vdb")));
        assert_eq!(filesystem_of("garbage", Path::new("/")), None);
    }

    #[test]
    fn ticks_are_read_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 88 0 0 0 12 30 0 0 20 0 4 0 99 1 2";
        assert_eq!(ticks(stat), Some(42.0));
        assert_eq!(ticks("7 (cut) S 1"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn a_process_is_told_with_its_parent_and_its_ended_children() {
        let stat = "7 (a) b (c)) S 3 7 7 0 -1 4194304 88 0 0 0 12 30 5 6 20 0 4 0 99 1 2";
        assert_eq!(member(stat), Some((7, (3, 53.0))));
        assert_eq!(member("7 (cut) S 1"), None);
        let stat = "cpu  10 1 20 1000 500 2 3 4 0 0\ncpu0 5 0 10 500 250 1 1 2 0 0\n";
        assert_eq!(busy_ticks(stat), Some(40.0));
        assert_eq!(busy_ticks(""), None);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        assert!(resident_kib(std::process::id()).is_some_and(|kib| kib > 100));
        assert!(cpu_s(std::process::id()).is_some() && own_cpu_s().is_some());
        assert!(load_average().is_some());
    }
}
