//! Two real libvirtd with QEMU, each in a network namespace of its own.

use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::ran;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/targets/libvirt_pair.sh");
/// Up, on a busy machine.
const UP: Duration = Duration::from_secs(90);

/// Running hypervisors `h1` and `h2`. Dropping it takes both down.
pub(super) struct Pair {
    folder: TempDir,
    tag: String,
    subnet: String,
}

impl Pair {
    /// A pair of its own for each number of a test.
    pub(super) async fn up(number: u32) -> Self {
        let one = std::process::id() % 80 * 3 + number;
        let pair = Self {
            folder: tempfile::tempdir().unwrap(),
            tag: format!("mlv{one}"),
            subnet: format!("10.86.{one}"),
        };
        ran(
            Command::new(SCRIPT).args(["up", pair.at(), &pair.tag, &pair.subnet]),
            UP,
        )
        .await;
        pair
    }

    fn at(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// The URI of a host.
    pub(super) fn uri(&self, host: &str) -> String {
        format!("qemu+tcp://{}.{}/system", self.subnet, &host[1..])
    }

    /// `virsh` at a host; what it printed.
    pub(super) async fn virsh(&self, host: &str, arguments: &[&str]) -> String {
        let uri = self.uri(host);
        let words = ["--quiet", "--connect", &uri]
            .into_iter()
            .chain(arguments.iter().copied());
        ran(Command::new("virsh").args(words), UP).await
    }

    /// A running machine at `h1`. It has nothing to boot from, and hears nobody who asks it to shut down.
    pub(super) async fn machine(&self, name: &str) {
        let file = self.folder.path().join(format!("{name}.xml"));
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='pc'>hvm</type></os>\
             <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>"
        );
        std::fs::write(&file, xml).unwrap();
        self.virsh("h1", &["define", file.to_str().unwrap()]).await;
        self.virsh("h1", &["start", name]).await;
    }

    /// Every machine of a host with its state, one line each, by name.
    pub(super) async fn machines(&self, host: &str) -> Vec<String> {
        let list = self.virsh(host, &["list", "--all"]).await;
        let line = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
        let mut lines: Vec<_> = list.lines().map(line).filter(|line| !line.is_empty()).collect();
        lines.sort();
        lines
    }

    /// The power of a host is cut.
    pub(super) async fn cut(&self, host: &str) {
        ran(Command::new(SCRIPT).args(["kill", self.at(), host]), UP).await;
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let down = std::process::Command::new(SCRIPT)
            .args(["down", self.at(), &self.tag])
            .status();
        assert!(down.is_ok_and(|down| down.success()) || std::thread::panicking());
    }
}
