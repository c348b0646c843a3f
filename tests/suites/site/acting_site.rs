//! The config of a small site: one battery room heard by a node and a fire panel; each test hangs hooks and workloads
//! on it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use super::panel;

/// Site id; its first incident is `ansan-1`.
pub(crate) const SITE: &str = "ansan";
/// Id of its first incident.
pub(crate) const INCIDENT: &str = "ansan-1";
/// Key of all its hooks.
pub(crate) const SECRET: &str = "whsec_bXVzdGVyLXN1aXRlcy1zZWNyZXQtb2YtaG9va3M=";
/// Two persons who may order everything.
pub(crate) const ANNA: &str = "muster-example-token-anna";
/// See [`ANNA`].
pub(crate) const BEN: &str = "muster-example-token-ben";

/// A config under construction.
#[derive(Clone)]
pub(crate) struct SiteText {
    head: String,
    body: String,
    /// Port of its fire panel.
    pub(crate) panel: u16,
}

/// A way to save a workload: kind, hook, seconds.
pub(crate) type Rung<'a> = (&'a str, &'a str, f64);

impl SiteText {
    /// A site whose loss is feared `loss_s` after the first sign, live or drilling, with any free ports.
    pub(crate) fn new(armed: bool, loss_s: u32) -> Self {
        Self::at_port(armed, loss_s, 0)
    }

    /// As [`SiteText::new`], with a port for the API that is the same after a restart.
    pub(crate) fn at_port(armed: bool, loss_s: u32, http_port: u16) -> Self {
        let mut head = format!(
            "[site]\nid = \"{SITE}\"\narmed = {armed}\nloss_earliest_s = {loss_s}\nloss_likely_s = 9000\n\
             [mqtt]\ninsecure = true\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:{http_port}\"\n\
             [[zone]]\nid = \"battery-room\"\n"
        );
        let panel = panel::put_up();
        let quick = "k = 1\nn = 1\nsupervision_s = 3600\n";
        let _ = write!(
            head,
            "[[source]]\nid = \"n1\"\nkind = \"node\"\nzone = \"battery-room\"\n\
             [[channel]]\nsource = \"n1\"\nsignal = \"smoke\"\nquantity = \"smoke\"\n{quick}\
             [[source]]\nid = \"panel\"\nkind = \"modbus\"\nzone = \"battery-room\"\nsegment = \"panel\"\n\
             address = \"127.0.0.1:{panel}\"\nprofile = \"generic/dry-contacts\"\npoll_ms = 100\nsignals = [\"in1\"]\n\
             [[channel]]\nsource = \"panel\"\nsignal = \"in1\"\nquantity = \"fire_alarm\"\n{quick}"
        );
        for (id, hash) in [
            (
                "anna",
                "6e407911fb1be34a8d5bc94005d55460084214ed01bee4a8a91ef2859c569457",
            ),
            (
                "ben",
                "010dbcf6f51366f3c7c5136b012352d73b58cc334d703cd2e7d0fa8e9416552c",
            ),
        ] {
            let _ = write!(
                head,
                "[[principal]]\nid = \"{id}\"\nroles = [\"operator\", \"safety\"]\ntoken_hash = \"sha256:{hash}\"\n"
            );
        }
        Self {
            head,
            body: String::new(),
            panel,
        }
    }

    /// A hook on this machine that takes drills.
    pub(crate) fn hook(self, id: &str, url: &str, max_parallel: u16) -> Self {
        self.any_hook(id, url, max_parallel, true)
    }

    /// A hook on this machine that takes no drills.
    pub(crate) fn live_only_hook(self, id: &str, url: &str) -> Self {
        self.any_hook(id, url, 4, false)
    }

    fn any_hook(mut self, id: &str, url: &str, max_parallel: u16, accepts_drill: bool) -> Self {
        let _ = write!(
            self.body,
            "[[hook]]\nid = \"{id}\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n\
             max_parallel = {max_parallel}\nallow_loopback = true\naccepts_drill = {accepts_drill}\n"
        );
        self
    }

    /// More tables.
    pub(crate) fn and(mut self, tables: &str) -> Self {
        self.body.push_str(tables);
        self
    }

    /// A workload with its ladder, after others.
    pub(crate) fn workload(mut self, id: &str, tier: u8, after: &[&str], ladder: &[Rung<'_>]) -> Self {
        let _ = write!(
            self.body,
            "[[workload]]\nid = \"{id}\"\ntier = {tier}\nruns_on = \"r1\"\nafter = {after:?}\nrung = [\n"
        );
        for (kind, hook, needs_s) in ladder {
            let to = if *kind == "stop" { "" } else { "to = \"busan\", " };
            let _ = writeln!(
                self.body,
                "  {{ kind = \"{kind}\", hook = \"{hook}\", {to}needs_s = {needs_s} }},"
            );
        }
        self.body.push_str("]\n");
        self
    }

    /// The whole file, with its journal at `journal`.
    pub(crate) fn toml(&self, journal: &Path) -> String {
        format!(
            "[store]\npath = {:?}\n{}{}",
            journal.display().to_string(),
            self.head,
            self.body
        )
    }

    /// Writes `{name}.toml` into a folder, with `journal.db` beside it.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        self.write_with(folder, name, &folder.join("journal.db"))
    }

    /// Writes `{name}.toml` into a folder, with its journal at `journal`.
    pub(crate) fn write_with(&self, folder: &Path, name: &str, journal: &Path) -> PathBuf {
        let path = folder.join(format!("{name}.toml"));
        std::fs::write(&path, self.toml(journal)).unwrap();
        path
    }
}

/// A port that nobody takes while a gateway restarts: below those that the system gives out by itself.
pub(crate) fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 11_000).unwrap() + 20_000;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
