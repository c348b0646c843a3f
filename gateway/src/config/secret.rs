//! The key a hook's calls are signed with: `whsec_` and base64 of 24 to 64 bytes (Standard Webhooks). Never shown.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Secret;
use super::faults::{At, quoted};
use super::load::read_text;
use super::table::Table;

/// Keys of the published examples begin with this.
const EXAMPLE: &[u8] = b"muster-example";

const HINT: &str =
    "make one: (umask 077; echo \"whsec_$(openssl rand -base64 32)\" > hook.secret), and secret_file = \"hook.secret\"";

/// The keys that may say where it is.
const KEYS: [&str; 3] = ["secret", "secret_env", "secret_file"];

/// As [`read`], where it may be left out.
pub(super) fn read_if_given(table: &Table<'_>, folder: &Path, simulated: bool) -> Option<Secret> {
    // All are asked for, so that each is known.
    let given = KEYS.map(|key| table.place(key).is_some());
    given.contains(&true).then(|| read(table, folder, simulated))
}

/// Reads it from where the table says; exactly one of three keys.
pub(super) fn read(table: &Table<'_>, folder: &Path, simulated: bool) -> Secret {
    let ways = [table.text("secret"), from_env(table), from_file(table, folder)];
    let given = KEYS.iter().filter_map(|key| table.place(key)).collect::<Vec<_>>();
    match given.as_slice() {
        [] => table.missing("secret", "give `secret_file`, `secret_env` or `secret`"),
        [_] => {}
        [_, second, ..] => table
            .faults
            .error(*second, "more than one secret for one hook", "keep one of them"),
    }
    ways.into_iter()
        .flatten()
        .next()
        .map_or(Secret(Vec::new()), |text| decode(table, &text, simulated))
}

fn from_env(table: &Table<'_>) -> Option<At<String>> {
    let name = table.text("secret_env")?;
    let usable = !name.value.is_empty() && !name.value.contains(['=', '\0']);
    let value = std::env::var(&name.value).ok().filter(|_| usable);
    if value.is_none() {
        let what = format!("the environment has no variable {}", quoted(&name.value));
        table.faults.error(
            name.at,
            what,
            "export it where Muster is started and where this check runs",
        );
    }
    value.map(|v| At::new(v, name.at))
}

fn from_file(table: &Table<'_>, folder: &Path) -> Option<At<String>> {
    let name = table.text("secret_file")?;
    let path = folder.join(&name.value);
    match read_text(&path) {
        Ok(text) => {
            warn_if_open(table, &name, &path);
            Some(At::new(text, name.at))
        }
        Err(cause) => {
            let what = format!("the secret file {} cannot be read: {cause}", quoted(&name.value));
            table.faults.error(
                name.at,
                what,
                cause.mend("the path is relative to the folder of the config"),
            );
            None
        }
    }
}

#[cfg(unix)]
pub(super) fn warn_if_open(table: &Table<'_>, name: &At<String>, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS_READ: u32 = 0o004;
    if std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & OTHERS_READ != 0) {
        let what = format!(
            "the secret file {} can be read by everybody on this machine",
            quoted(&name.value)
        );
        table.faults.warning(name.at, what, "chmod 600");
    }
}

#[cfg(not(unix))]
pub(super) fn warn_if_open(_: &Table<'_>, _: &At<String>, _: &Path) {}

fn decode(table: &Table<'_>, text: &At<String>, simulated: bool) -> Secret {
    let Some(base64) = text.value.trim().strip_prefix("whsec_") else {
        table
            .faults
            .error(text.at, "the secret does not begin with `whsec_`", HINT);
        return Secret(Vec::new());
    };
    let Ok(bytes) = STANDARD.decode(base64) else {
        table.faults.error(text.at, "what follows `whsec_` is not base64", HINT);
        return Secret(Vec::new());
    };
    if !(24..=64).contains(&bytes.len()) {
        let what = format!("the secret is {} bytes long; it has to be 24 to 64", bytes.len());
        table.faults.error(text.at, what, HINT);
    }
    if bytes.starts_with(EXAMPLE) && !simulated {
        table.faults.warning(
            text.at,
            "this secret is published with Muster's examples: everybody knows it",
            HINT,
        );
    }
    Secret(bytes)
}
