//! Targets that Muster knows how to speak to by itself: what runs the workloads, real where it installs.

mod alone;
mod attempts;
mod kubernetes;
mod libvirt;
mod libvirt_pair;
mod lxd;
mod lxd_cluster;
mod slurm_munge;

use std::process::Stdio;
use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::process::Command;
use tokio::time::timeout;

/// Runs a command to its good end; what it printed.
async fn ran(command: &mut Command, bound: Duration) -> String {
    let since = Stopwatch::start();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let done = timeout(bound, command.output()).await;
    let done = done
        .unwrap_or_else(|_| panic!("not within {:?}: {command:?}", since.elapsed()))
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
}
