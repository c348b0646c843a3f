//! `[[hook]]` of the kind `slurm`: a cluster's own commands on this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::faults::quoted;
use super::hook::Reached;
use super::table::Table;
use super::{HookWay, SlurmTarget, places};

/// Where distributions put the commands.
const COMMANDS: &str = "/usr/bin";
/// Each has to be there.
const NEEDED: [&str; 4] = ["scontrol", "squeue", "sinfo", "scancel"];
/// A job that was told to write a checkpoint has this long if the file does not say. Seconds.
const CHECKPOINT_S: i64 = 30;
/// Longest time for it: an hour.
const LONGEST_CHECKPOINT_S: i64 = 3_600;
/// Signals that a job may take for "write a checkpoint now"; one that ends it is none.
const SIGNALS: [(&str, &str); 4] = [("USR1", "USR1"), ("USR2", "USR2"), ("HUP", "HUP"), ("INT", "INT")];

/// Reads and checks it.
pub(super) fn read(table: &Table<'_>, folder: &Path) -> Reached {
    let commands = table.text("commands");
    let place = commands.as_ref().map_or(table.at, |c| c.at);
    let folder_of = commands.map_or_else(|| COMMANDS.into(), |c| folder.join(c.value));
    check_commands(table, place, &folder_of);
    let conf = table.text("conf").map(|conf| {
        let path = folder.join(&conf.value);
        if !path.is_file() {
            let what = format!("`conf` {} is no file", quoted(&conf.value));
            table.faults.error(
                conf.at,
                what,
                "the slurm.conf of the cluster; leave it out for the system's own",
            );
        }
        path
    });
    let racks = places::by_name(table, "racks", &places::NODES);
    if racks.is_empty() {
        table.missing(
            "racks",
            "which nodes are lost with which rack: racks = { \"rack-1\" = [\"c1\", \"c2\"] }",
        );
    }
    Reached {
        place,
        elsewhere: false,
        way: HookWay::Slurm(SlurmTarget {
            commands: folder_of,
            conf,
            racks,
            checkpoint: checkpoint(table),
        }),
    }
}

fn checkpoint(table: &Table<'_>) -> Option<(String, Duration)> {
    let signal = table.choice("checkpoint_signal", &SIGNALS);
    let time = table.seconds("checkpoint_s", 0..=LONGEST_CHECKPOINT_S);
    if let (None, Some(time)) = (&signal, &time) {
        let hint = "checkpoint_signal = \"USR1\", or what the jobs take for it";
        table
            .faults
            .error(time.at, "`checkpoint_s` without `checkpoint_signal`", hint);
    }
    let ms = time.map_or(CHECKPOINT_S * 1_000, |time| time.value);
    signal.map(|signal| (signal.value.to_owned(), Duration::from_millis(ms.unsigned_abs())))
}

fn check_commands(table: &Table<'_>, at: usize, folder: &Path) {
    const EXECUTE: u32 = 0o111;
    let runs = |name: &&&str| {
        let found = std::fs::metadata(folder.join(name));
        found.is_ok_and(|m| m.is_file() && m.permissions().mode() & EXECUTE != 0)
    };
    let missing: Vec<&str> = NEEDED.iter().filter(|name| !runs(name)).copied().collect();
    if !missing.is_empty() {
        let what = format!("{} has no {}", folder.display(), missing.join(", "));
        let hint =
            "install slurm-client where Muster runs, or say where its programs are: commands = \"/opt/slurm/bin\"";
        table.faults.error(at, what, hint);
    }
}
