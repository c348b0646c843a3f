//! `[snmp]`, and who we are to an agent: community, or user and keys.

use std::net::SocketAddr;
use std::path::Path;

use super::Secret;
use super::faults::{At, quoted};
use super::load::read_text;
use super::polled::{SnmpAuth, SnmpLogin, SnmpPrivacy, SnmpUser};
use super::table::Table;

/// Keys of SNMP alone, in `[[source]]`.
pub(super) const KEYS: [&str; 7] = [
    "community",
    "community_file",
    "user",
    "auth",
    "auth_file",
    "privacy",
    "privacy_file",
];

/// So many of them, the first, are of v2c.
const COMMUNITY_KEYS: usize = 2;

/// Least length of a password (RFC 3414, 11.2).
const PASSWORD_BYTES: usize = 8;

const LOGIN_HINT: &str = "for v3 give `user`, `auth_file` and `privacy_file`; for v2c `community_file`";

/// `[snmp] traps`: where traps and informs are listened for.
pub(super) fn traps(root: &Table<'_>) -> Option<At<SocketAddr>> {
    let table = root.table("snmp", "[snmp]")?;
    let text = table.text("traps");
    if text.is_none() {
        table.missing("traps", "where to listen, such as traps = \"0.0.0.0:1162\"");
    }
    table.finish();
    let text = text?;
    let address = text.value.parse().ok();
    if address.is_none() {
        let what = format!("{} is not an address to listen on", quoted(&text.value));
        let hint = "an IP address and a port, such as \"0.0.0.0:1162\"";
        table.faults.error(text.at, what, hint);
    }
    address.map(|address| At::new(address, text.at))
}

/// Community, or user and keys: one of the two.
pub(super) fn login(table: &Table<'_>, folder: &Path) -> Option<SnmpLogin> {
    // All are asked for, so that each is known.
    let places = KEYS.map(|key| table.place(key));
    let first = |places: &[Option<usize>]| places.iter().flatten().next().copied();
    let (community, user) = (first(&places[..COMMUNITY_KEYS]), first(&places[COMMUNITY_KEYS..]));
    match (community, user) {
        (Some(_), None) => self::community(table, folder).map(SnmpLogin::Community),
        (None, Some(_)) => self::user(table, folder).map(|user| SnmpLogin::User(Box::new(user))),
        (Some(_), Some(at)) => {
            let what = "a community and a user for one agent";
            table
                .faults
                .error(at, what, "keep the user, which is v3; a community is v2c");
            None
        }
        (None, None) => {
            table.missing("user", LOGIN_HINT);
            None
        }
    }
}

/// It goes over the network as it stands, so it is warned of every time.
fn community(table: &Table<'_>, folder: &Path) -> Option<Secret> {
    let (word, file) = (table.text("community"), table.text("community_file"));
    if let (Some(_), Some(file)) = (&word, &file) {
        let what = "`community` and `community_file` for one agent";
        table.faults.error(file.at, what, "keep one of them");
        return None;
    }
    let at = word.as_ref().or(file.as_ref())?.at;
    let community = match (word, file) {
        (Some(word), _) => Some(Secret(word.value.into_bytes())),
        (None, Some(file)) => from_file(table, &file, folder),
        (None, None) => None,
    }?;
    if community.0.is_empty() {
        table.faults.error(at, "the community is empty", LOGIN_HINT);
        return None;
    }
    let what = "SNMP v2c proves nothing: everybody on this network can read the community, and answer for the agent";
    table.faults.warning(
        at,
        what,
        "set the agent to SNMP v3 and give `user`, `auth_file` and `privacy_file`",
    );
    Some(community)
}

/// Always with authentication and privacy.
fn user(table: &Table<'_>, folder: &Path) -> Option<SnmpUser> {
    let name = table.need_text("user", "the user's name in the agent");
    let name_fits = (1..=32).contains(&name.value.len());
    if !name_fits && name.at != table.at {
        table.faults.error(name.at, "no name of a user", "1 to 32 bytes");
    }
    let words = [
        ("sha-256", SnmpAuth::Sha256),
        ("sha-384", SnmpAuth::Sha384),
        ("sha-512", SnmpAuth::Sha512),
    ];
    let auth = table.choice("auth", &words).map_or(SnmpAuth::Sha256, |word| word.value);
    let words = [
        ("aes-128", SnmpPrivacy::Aes128),
        ("aes-256", SnmpPrivacy::Aes256),
        ("aes-256-cisco", SnmpPrivacy::Aes256Cisco),
    ];
    let privacy = table
        .choice("privacy", &words)
        .map_or(SnmpPrivacy::Aes128, |word| word.value);
    let auth_password = password(table, "auth_file", folder);
    let privacy_password = password(table, "privacy_file", folder);
    Some(SnmpUser {
        name: Some(name.value).filter(|_| name_fits)?,
        auth,
        auth_password: auth_password?,
        privacy,
        privacy_password: privacy_password?,
    })
}

fn password(table: &Table<'_>, key: &'static str, folder: &Path) -> Option<Secret> {
    let Some(file) = table.text(key) else {
        if table.place(key).is_none() {
            table.missing(key, "a user without authentication and privacy is not spoken to");
        }
        return None;
    };
    let password = from_file(table, &file, folder)?;
    if password.0.len() < PASSWORD_BYTES {
        let what = format!(
            "the password in {} is shorter than {PASSWORD_BYTES} bytes",
            quoted(&file.value)
        );
        table
            .faults
            .error(file.at, what, "SNMP v3 demands at least 8 (RFC 3414)");
        return None;
    }
    Some(password)
}

fn from_file(table: &Table<'_>, file: &At<String>, folder: &Path) -> Option<Secret> {
    let path = folder.join(&file.value);
    match read_text(&path) {
        Ok(text) => {
            super::secret::warn_if_open(table, file, &path);
            Some(Secret(text.trim_end_matches(['\r', '\n']).into()))
        }
        Err(cause) => {
            let what = format!("the secret file {} cannot be read: {cause}", quoted(&file.value));
            table.faults.error(
                file.at,
                what,
                cause.mend("the path is relative to the folder of the config"),
            );
            None
        }
    }
}
