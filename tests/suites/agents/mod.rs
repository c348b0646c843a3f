//! SNMP: agents that nobody here wrote, recordings of real ones, and hostile ones.

mod answers;
mod fleet;
mod snmpd;
mod snmpd_logins;
mod snmpd_probe;
mod snmpd_traps;
pub(crate) mod snmpsim;
mod snmpsim_hostile;
mod snmpsim_snmpd_tapes;

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::stand::SOON;
use muster::clock::Stopwatch;

/// A UDP port that was free a moment ago: neither snmpd nor snmpsim takes one by itself and says which.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// An agent in the zone `room`; `lines` are its login, its profile, and whatever else.
fn source(id: &str, port: u16, lines: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"snmp\"\naddress = \"127.0.0.1:{port}\"\nzone = \"room\"\n\
         segment = \"house\"\n{lines}\n"
    )
}

/// Waits until something stands in a file.
async fn until_written(file: &Path, what: &str) {
    let since = Stopwatch::start();
    while !std::fs::read_to_string(file).is_ok_and(|text| text.contains(what)) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(since.elapsed() < SOON, "{what} is not in {}: {text}", file.display());
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What snmpd says beside its own MIBs, as `pass` reads it: OID, type and value a line, in order.
const PASS: &str = r#"#!/bin/sh
after='function after(a, b,  x, y, i, n, m) {
  n = split(substr(a, 2), x, "."); m = split(substr(b, 2), y, ".")
  for (i = 1; i <= n && i <= m; i++) if (x[i] + 0 != y[i] + 0) return x[i] + 0 > y[i] + 0
  return n > m }'
case $1 in
  -g) awk -v o="$2" '$1 == o { print $1; print $2; print $3; exit }' TABLE ;;
  -n) awk -v o="$2" "$after"' after($1, o) { print $1; print $2; print $3; exit }' TABLE ;;
  *) echo not-writable ;;
esac
"#;

/// Debian's snmpd with a UPS in it, until it is dropped.
struct Snmpd {
    port: u16,
    folder: TempDir,
    agent: Option<Child>,
}

/// Who it is if nothing else is asked for: a UPS of Eaton.
const EATON: &str = "1.3.6.1.4.1.534.1";

impl Snmpd {
    /// Community `house`, and the v3 user `watcher`.
    async fn start() -> Self {
        let mut snmpd = Self {
            port: free_port(),
            folder: tempfile::tempdir().unwrap(),
            agent: None,
        };
        snmpd.ups(3, &[]);
        std::fs::write(
            snmpd.file("pass.sh"),
            PASS.replace("TABLE", snmpd.file("table").to_str().unwrap()),
        )
        .unwrap();
        for (file, password) in [
            ("auth", "authpassword"),
            ("privacy", "privpassword"),
            ("wrong", "otherpassword"),
        ] {
            std::fs::write(snmpd.file(file), format!("{password}\n")).unwrap();
        }
        snmpd.revive(EATON).await;
        snmpd
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it where it does not run, as a device with this sysObjectID.
    async fn revive(&mut self, sys_object_id: &str) {
        let config = format!(
            "agentaddress udp:127.0.0.1:{}\nrocommunity house\nsysobjectid .{sys_object_id}\n\
             createUser watcher SHA-256 \"authpassword\" AES \"privpassword\"\nrouser watcher authpriv\n\
             pass .1.3.6.1.2.1.33 /bin/sh {}\n",
            self.port,
            self.file("pass.sh").display()
        );
        std::fs::write(self.file("snmpd.conf"), config).unwrap();
        std::fs::remove_file(self.file("log")).ok();
        let mut command = Command::new("snmpd");
        command.args(["-f", "-C", "-c"]).arg(self.file("snmpd.conf"));
        command.arg("-Lf").arg(self.file("log"));
        command.env("SNMP_PERSISTENT_DIR", self.file("kept")).env("MIBS", "");
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.agent = Some(command.spawn().unwrap());
        until_written(&self.file("log"), "NET-SNMP version").await;
    }

    /// `kill -9`.
    async fn kill(&mut self) {
        self.agent.take().unwrap().kill().await.unwrap();
    }

    /// upsOutputSource, and the well-known alarms that are present.
    fn ups(&self, output_source: u8, alarms: &[u8]) {
        let mut lines = vec![
            ".1.3.6.1.2.1.33.1.2.1.0 integer 2".to_owned(),
            ".1.3.6.1.2.1.33.1.2.3.0 integer 30".to_owned(),
            ".1.3.6.1.2.1.33.1.2.4.0 integer 87".to_owned(),
            ".1.3.6.1.2.1.33.1.2.5.0 integer 2185".to_owned(),
            format!(".1.3.6.1.2.1.33.1.4.1.0 integer {output_source}"),
            format!(".1.3.6.1.2.1.33.1.6.1.0 gauge {}", alarms.len()),
        ];
        for (row, alarm) in (1..).zip(alarms) {
            lines.push(format!(
                ".1.3.6.1.2.1.33.1.6.2.1.2.{row} objectid .1.3.6.1.2.1.33.1.6.3.{alarm}"
            ));
        }
        let half = self.file("table.new");
        std::fs::write(&half, lines.join("\n") + "\n").unwrap();
        std::fs::rename(half, self.file("table")).unwrap();
    }

    /// Asked with its community.
    fn v2c(&self, id: &str, more: &str) -> String {
        source(id, self.port, &format!("community = \"house\"\n{more}"))
    }

    /// Asked with its user; these files hold the passwords.
    fn v3(&self, id: &str, auth: &str, privacy: &str) -> String {
        let (auth, privacy) = (self.file(auth), self.file(privacy));
        let lines = format!(
            "user = \"watcher\"\nauth_file = \"{}\"\nprivacy_file = \"{}\"\n",
            auth.display(),
            privacy.display()
        );
        source(id, self.port, &lines)
    }
}
