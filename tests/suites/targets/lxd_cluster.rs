//! Three LXD daemons as one cluster, each in a network namespace of its own, with real containers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::ran;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/targets/lxd_cluster.sh");
/// Up, on a busy machine.
const UP: Duration = Duration::from_secs(90);

/// A running cluster of `m1`, `m2` and `m3`. Dropping it takes all of it down.
pub(super) struct Cluster {
    folder: TempDir,
    tag: String,
    subnet: String,
}

/// Where each instance stands and how it is: `("RUNNING", "m3")` by name.
pub(super) type Standing = BTreeMap<String, (String, String)>;

impl Cluster {
    /// A cluster of its own for each number of a test.
    pub(super) async fn up(number: u32) -> Self {
        let one = std::process::id() % 60 * 4 + number;
        let cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            tag: format!("mlx{one}"),
            subnet: format!("10.83.{one}"),
        };
        let arguments = ["up", cluster.at(), &cluster.tag, &cluster.subnet];
        ran(Command::new(SCRIPT).args(arguments), UP).await;
        cluster
    }

    fn at(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// A file of the cluster: `client.crt`, `client.key`, `server.crt`.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The socket of a member.
    pub(super) fn socket(&self, member: &str) -> PathBuf {
        self.folder.path().join(member).join("unix.socket")
    }

    /// `https://…` of a member.
    pub(super) fn url(&self, member: &str) -> String {
        format!("https://{}.{}:8443", self.subnet, &member[1..])
    }

    /// `lxc` at a member; what it printed.
    pub(super) async fn lxc(&self, member: &str, arguments: &[&str]) -> String {
        let home = self.folder.path().join(member);
        ran(Command::new("lxc").args(arguments).env("LXD_DIR", home), UP).await
    }

    /// A container on a member; one that is `stubborn` does not stop when it is told to.
    pub(super) async fn container(&self, name: &str, member: &str, stubborn: bool) {
        let init = if stubborn { "/sbin/stubborn" } else { "/sbin/init" };
        let init = format!("raw.lxc=lxc.init.cmd={init}");
        let patience = "boot.host_shutdown_timeout=2";
        let launch = [
            "launch", "bare", name, "--target", member, "--config", &init, "--config", patience,
        ];
        self.lxc(member, &launch).await;
    }

    /// A shell that somebody has open in a container, until it is dropped.
    pub(super) fn session(&self, name: &str) -> tokio::process::Child {
        let mut lxc = Command::new("lxc");
        lxc.args(["exec", name, "--", "/bin/sleep", "600"])
            .env("LXD_DIR", self.folder.path().join("m3"));
        lxc.stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Whether somebody is in there.
    pub(super) async fn has_session(&self, name: &str) -> bool {
        let list = self.lxc("m3", &["query", "/1.0/operations?recursion=1"]).await;
        list.contains("Executing command") && list.contains(name)
    }

    /// Every instance, asked of a member by LXD's own client.
    pub(super) async fn standing(&self, member: &str) -> Standing {
        let list = self.lxc(member, &["list", "--format", "csv", "--columns", "nsL"]).await;
        let line = |line: &str| {
            let mut words = line.split(',').map(str::to_owned);
            Some((words.next()?, (words.next()?, words.next()?)))
        };
        list.lines().filter_map(line).collect()
    }

    /// A setting of a member; empty if it is not set.
    pub(super) async fn setting(&self, member: &str, key: &str) -> String {
        let answer = self
            .lxc("m3", &["query", &format!("/1.0/cluster/members/{member}")])
            .await;
        let member: serde_json::Value = serde_json::from_str(&answer).unwrap();
        member["config"][key].as_str().unwrap_or_default().to_owned()
    }

    /// The power of a member is cut.
    pub(super) async fn cut(&self, member: &str) {
        ran(Command::new(SCRIPT).args(["kill", self.at(), member]), UP).await;
    }

    /// Whether a container's own first process lives, whatever its daemon says.
    pub(super) fn lives(&self, name: &str, member: &str) -> bool {
        let ours = format!("{}/{member}/containers {name}", self.at());
        let is_monitor = |process: &Path| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&ours)
        };
        let processes = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.path()));
        processes
            .filter(|process| is_monitor(process))
            .any(|monitor| has_child(&monitor))
    }
}

fn has_child(process: &Path) -> bool {
    let id = process.file_name().unwrap().to_str().unwrap();
    let children = std::fs::read_to_string(process.join("task").join(id).join("children"));
    children.is_ok_and(|children| !children.trim().is_empty())
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let down = std::process::Command::new(SCRIPT)
            .args(["down", self.at(), &self.tag])
            .status();
        assert!(down.is_ok_and(|down| down.success()) || std::thread::panicking());
    }
}
