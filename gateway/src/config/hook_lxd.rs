//! `[[hook]]` of the kinds `lxd` and `incus`: a cluster, reached by the HTTPS of its members or by a socket.

use std::path::{Path, PathBuf};

use super::faults::{At, quoted};
use super::hook::{Reached, authority_file};
use super::load::read_text;
use super::table::Table;
use super::{HookWay, LxdDoors, LxdTarget, hook_url, places, secret};

/// Keys that mean nothing beside a socket.
const HTTPS_KEYS: [&str; 6] = ["urls", "cert_file", "key_file", "ca", "pinned_file", "allow_loopback"];

/// Reads and checks it; none where it cannot be reached by anything.
pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Reached> {
    let places = places::read(table, &places::MEMBERS);
    let allow_force_stop = table.flag("allow_force_stop", false);
    let project = table.text("project");
    if let Some(project) = &project {
        check_project(table, project);
    }
    let doors = match table.text("socket") {
        Some(path) => Some(At::new(socket(table, &path, folder), path.at)),
        None => https(table, folder),
    }?;
    Some(Reached {
        place: doors.at,
        elsewhere: false,
        way: HookWay::Lxd(Box::new(LxdTarget {
            doors: doors.value,
            project: project.map_or_else(|| "default".into(), |project| project.value),
            places,
            allow_force_stop,
        })),
    })
}

fn check_project(table: &Table<'_>, project: &At<String>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if project.value.is_empty() || !project.value.chars().all(plain) {
        let what = format!("{} is not the name of a project", quoted(&project.value));
        table.faults.error(project.at, what, "leave it out for `default`");
    }
}

fn socket(table: &Table<'_>, path: &At<String>, folder: &Path) -> LxdDoors {
    for key in HTTPS_KEYS {
        if let Some(at) = table.place(key) {
            let what = format!("`{key}` means nothing beside `socket`");
            table
                .faults
                .error(at, what, "keep one way: `socket`, or `urls` with a certificate");
        }
    }
    let what = "the cluster is reached through this machine alone: if it burns, nothing is moved";
    let hint = "name the members with `urls`, unless this machine stands elsewhere";
    table.faults.warning(path.at, what, hint);
    LxdDoors::Socket(folder.join(&path.value))
}

fn https(table: &Table<'_>, folder: &Path) -> Option<At<LxdDoors>> {
    let allow_loopback = table.flag("allow_loopback", false);
    let at = table.place("urls").unwrap_or(table.at);
    let urls = urls(table, allow_loopback);
    let ca = authority_file(table, folder).map(|ca| ca.value);
    let pinned = pem(table, "pinned_file", folder, "the certificate that the members show");
    if let Some(at) = table.place("pinned_file").filter(|_| ca.is_some()) {
        let what = "both `ca` and `pinned_file`";
        table.faults.error(
            at,
            what,
            "`pinned_file` is the members' own certificate, `ca` who has signed it: keep one",
        );
    }
    let cert = pem(table, "cert_file", folder, "our certificate");
    let key = pem(table, "key_file", folder, "its key");
    for (missing, key) in [(cert.is_none(), "cert_file"), (key.is_none(), "key_file")] {
        if missing && table.place(key).is_none() {
            table.missing(
                key,
                "made for Muster alone, and trusted there: `lxc config trust add muster.crt`",
            );
        }
    }
    let doors = LxdDoors::Https {
        urls,
        identity: (cert?, key?),
        ca,
        pinned,
        allow_loopback,
    };
    Some(At::new(doors, at))
}

fn urls(table: &Table<'_>, allow_loopback: bool) -> Vec<String> {
    let urls = table.texts("urls");
    if table.place("urls").is_none() {
        table.missing(
            "urls",
            "of its members, those that do not burn first: urls = [\"https://10.0.0.3:8443\"]; or `socket`",
        );
    }
    for url in &urls {
        hook_url::check(url, allow_loopback, table.faults);
        if url.value.starts_with("http://") {
            table.faults.error(url.at, "LXD speaks HTTPS only", "write https://");
        }
    }
    if let ([only], Some(at)) = (urls.as_slice(), table.place("urls")) {
        let what = format!(
            "{} is the only way to the cluster: if that member burns, nothing is moved",
            quoted(&only.value)
        );
        table
            .faults
            .warning(at, what, "name several members, those at the destination first");
    }
    urls.into_iter().map(|url| url.value).collect()
}

/// A PEM file that can be read; one with a private key should be read by nobody else.
fn pem(table: &Table<'_>, key: &'static str, folder: &Path, what: &str) -> Option<PathBuf> {
    let name = table.text(key)?;
    let path = folder.join(&name.value);
    let hint = "a PEM file; the path is relative to the folder of the config";
    match read_text(&path) {
        Ok(text) if !text.contains("-----BEGIN ") => {
            let found = format!("`{key}` {} holds nothing of PEM", quoted(&name.value));
            table.faults.error(name.at, found, hint);
        }
        Ok(text) if text.contains("PRIVATE KEY-----") => secret::warn_if_open(table, &name, &path),
        Ok(_) => {}
        Err(cause) => {
            let found = format!("`{key}` {}, {what}, cannot be read: {cause}", quoted(&name.value));
            table.faults.error(name.at, found, cause.mend(hint));
        }
    }
    Some(path)
}
