//! `[nut]`: Muster answers as NUT's upsd, so that every upsmon, NAS and hypervisor that speaks NUT learns when to go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use muster_core::{FeedKind, Hosts, Power};

use super::Secret;
use super::faults::{At, Faults, quoted};
use super::load::read_text;
use super::names::{Index, did_you_mean, is_signal};
use super::source::{Kind, SourceRow};
use super::table::Table;
use crate::certs;

/// What NUT's clients are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NutFace {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key for STARTTLS; without them it is refused.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may log in; whether somebody has is shown, and changes nothing.
    pub users: Vec<(String, Secret)>,
}

/// `[nut]` as it stands in the file.
pub(super) struct NutRow {
    face: NutFace,
    upses: Vec<UpsRow>,
    /// Where in the file `listen` stands.
    listen_at: usize,
}

struct UpsRow {
    name: At<String>,
    rack: Option<At<String>>,
    last_ms: i64,
}

/// A host that flushes and stops its guests takes about so long (NUT's HOSTSYNC and FINALDELAY, and a minute and a half).
const LAST_MS: i64 = 120_000;
const MOST_UPSES: usize = 1_000;
const MOST_USERS: usize = 100;

/// None without it.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> Option<NutRow> {
    let table = root.table("nut", "[nut]")?;
    let listen = table.need_text("listen", "address and port, such as listen = \"0.0.0.0:3493\"");
    let (parsed, listen_at) = (listen.value.parse(), listen.at);
    if parsed.is_err() && listen.at != table.at {
        let what = format!("{} is no address and port", quoted(&listen.value));
        table.faults.error(listen.at, what, "such as \"0.0.0.0:3493\"");
    }
    let listen = parsed.unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
    let tls = tls(&table, folder);
    if tls.is_none() && !listen.ip().is_loopback() {
        let what = "whoever is on the network can read the passwords of [nut], and speak for Muster to its clients";
        table.faults.warning(
            table.at,
            what,
            "cert and key, and in upsmon.conf CERTPATH, CERTVERIFY 1 and FORCESSL 1",
        );
    }
    let row = NutRow {
        upses: upses(&table),
        face: NutFace {
            listen,
            tls,
            users: users(&table, folder),
        },
        listen_at,
    };
    if row.face.users.is_empty() {
        let what = "there is no [[nut.user]]: no upsmon can log in, so no host learns when to go";
        let hint = "a [[nut.user]] with `name` and `password_file`, as in MONITOR of upsmon.conf";
        table.faults.warning(table.at, what, hint);
    }
    table.finish();
    Some(row)
}

fn tls(table: &Table<'_>, folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let file = |key| table.text(key).map(|name| At::new(folder.join(&name.value), name.at));
    match (file("cert"), file("key")) {
        (Some(cert), Some(key)) => {
            if let Err(cause) = certs::plain_server(&cert.value, &key.value) {
                table
                    .faults
                    .error(cert.at, cause, "the gateway's own chain and its key, PEM");
            }
            Some((cert.value, key.value))
        }
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => {
            table
                .faults
                .error(one.at, "`cert` and `key` of [nut] go together", "give both, or none");
            None
        }
    }
}

fn upses(table: &Table<'_>) -> Vec<UpsRow> {
    let tables = table.tables("ups", "[[nut.ups]]");
    if tables.is_empty() {
        table.missing(
            "ups",
            "at least one [[nut.ups]] with a name; hosts of one rack ask for one",
        );
    }
    if tables.len() > MOST_UPSES {
        table
            .faults
            .error(table.at, "too many [[nut.ups]]", format!("at most {MOST_UPSES}"));
    }
    let one = |table: &Table<'_>| {
        let name = table.need_text("name", "under which hosts ask, such as \"rack-1\"");
        if name.at != table.at && !is_signal(&name.value) {
            let what = format!("{} is no name of a UPS", quoted(&name.value));
            table.faults.error(name.at, what, "1 to 32 of a-z, 0-9, `-` and `_`");
        }
        let row = UpsRow {
            name,
            rack: table.text("rack"),
            last_ms: table.seconds("hosts_last_s", 0..=86_400).map_or(LAST_MS, |s| s.value),
        };
        table.finish();
        row
    };
    tables.iter().take(MOST_UPSES).map(one).collect()
}

fn users(table: &Table<'_>, folder: &Path) -> Vec<(String, Secret)> {
    let tables = table.tables("user", "[[nut.user]]");
    if tables.len() > MOST_USERS {
        table
            .faults
            .error(table.at, "too many [[nut.user]]", format!("at most {MOST_USERS}"));
    }
    let one = |table: &Table<'_>| {
        let name = table.need_text("name", "as in MONITOR of upsmon.conf");
        let file = table.need_text("password_file", "a file whose first line is the password");
        let read = read_text(&folder.join(&file.value));
        let password = match &read {
            Ok(text) => text.lines().next().unwrap_or_default().trim().to_owned(),
            Err(cause) => {
                if file.at != table.at {
                    let what = format!("`password_file` {} cannot be read: {cause}", quoted(&file.value));
                    table.faults.error(
                        file.at,
                        what,
                        cause.mend("the path is relative to the folder of the config"),
                    );
                }
                String::new()
            }
        };
        if read.is_ok() && password.is_empty() {
            table
                .faults
                .error(file.at, "the password is empty", "its first line is the password");
        }
        table.finish();
        (name.value, Secret(password.into_bytes()))
    };
    tables.iter().take(MOST_USERS).map(one).collect()
}

impl NutRow {
    /// Reports what would be asked of ourselves: Muster would hear its own word as a device's.
    pub(super) fn check_polled(&self, sources: &[SourceRow], faults: &Faults<'_>) {
        for source in sources {
            let Kind::Polled(polled) = &source.kind else { continue };
            if polled.address.as_ref().is_some_and(|a| a.value.is_of(self.face.listen)) {
                let what = format!(
                    "`listen` of [nut] is the address at which {} is polled",
                    quoted(&source.id.value)
                );
                faults.error(
                    self.listen_at,
                    what,
                    "another address or port: one of the two cannot be there",
                );
            }
        }
    }

    /// Looks up its racks, and says what the decision needs of it.
    pub(super) fn lower(self, power: &mut Power, racks: &BTreeSet<&str>, faults: &Faults<'_>) -> NutFace {
        Index::of("nut.ups", self.upses.iter().map(|ups| &ups.name), faults);
        let fed: BTreeSet<&str> = power
            .feeds
            .iter()
            .filter(|f| f.kind == FeedKind::Rack)
            .map(|f| f.id.as_str())
            .collect();
        for rack in self.upses.iter().filter_map(|ups| ups.rack.as_ref()) {
            if !racks.contains(rack.value.as_str()) && !fed.contains(rack.value.as_str()) {
                let what = format!("nothing stands in {} and nothing feeds it", quoted(&rack.value));
                let hint = did_you_mean(&rack.value, racks.iter().copied(), "a rack as in `runs_on` or [[feed]]");
                faults.error(rack.at, what, hint);
            }
        }
        let hosts = self.upses.iter().map(|ups| Hosts {
            id: ups.name.value.clone(),
            rack: ups.rack.as_ref().map(|rack| rack.value.clone()),
            last_ms: ups.last_ms,
        });
        power.hosts = hosts.collect();
        self.face
    }
}
