//! What the lockfile may hold: the bans and sources of `.deny.toml`, checked without cargo-deny.

use super::assert_none;
use super::tree::read;

/// One package of `Cargo.lock`.
struct Locked {
    name: String,
    version: String,
    /// None for a crate of ours.
    source: Option<String>,
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The value of `key = "value"` in a table's lines.
fn value<'a>(table: &'a str, key: &str) -> Option<&'a str> {
    let quoted = table
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    quoted.strip_prefix('"')?.strip_suffix('"')
}

fn locked(lockfile: &str) -> Vec<Locked> {
    let tables = lockfile.split("[[package]]").skip(1);
    let packages = tables.map(|table| Locked {
        name: value(table, "name").expect("a name").to_owned(),
        version: value(table, "version").expect("a version").to_owned(),
        source: value(table, "source").map(String::from),
    });
    packages.collect()
}

/// The crates that `.deny.toml` bans.
fn banned(deny: &str) -> Vec<&str> {
    deny.lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
        .collect()
}

fn versions_of<'a>(packages: &'a [Locked], name: &str) -> Vec<&'a str> {
    let named = packages.iter().filter(|package| package.name == name);
    named.map(|package| package.version.as_str()).collect()
}

fn offences(packages: &[Locked], banned: &[&str]) -> Vec<String> {
    let foreign = |package: &&Locked| package.source.as_ref().is_some_and(|source| source != CRATES_IO);
    let bans = packages
        .iter()
        .filter(|package| banned.contains(&package.name.as_str()));
    let mut found: Vec<String> = bans.map(|package| format!("{} is banned", package.name)).collect();
    found.extend(
        packages
            .iter()
            .filter(foreign)
            .map(|package| format!("{} is not from crates.io", package.name)),
    );
    found
}

#[test]
fn the_lockfile_keeps_the_bans() {
    let deny = read(".deny.toml");
    let banned = banned(&deny);
    for name in ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys"] {
        assert!(banned.contains(&name), ".deny.toml no longer bans {name}");
    }
    let packages = locked(&read("Cargo.lock"));
    assert!(packages.len() > 100, "the wall sees only {} packages", packages.len());
    assert_none("Cargo.lock holds what .deny.toml bans:", &offences(&packages, &banned));
}

#[test]
fn there_is_one_rustls_and_the_broker_is_pinned() {
    let packages = locked(&read("Cargo.lock"));
    assert_eq!(versions_of(&packages, "rustls").len(), 1, "one TLS, in one version");
    assert_eq!(
        versions_of(&packages, "mqtt5"),
        ["0.49.0"],
        "the broker that was tried in depth"
    );
    assert!(
        read("gateway/Cargo.toml").contains("mqtt5 = { version = \"=0.49.0\""),
        "mqtt5 is pinned exactly"
    );
}

#[test]
fn a_planted_package_is_seen() {
    let lockfile =
        "version = 4\n\n[[package]]\nname = \"openssl-sys\"\nversion = \"0.9.0\"\nsource = \"git+https://x\"\n";
    let found = offences(
        &locked(lockfile),
        &banned("  { crate = \"openssl-sys\", reason = \"\" },"),
    );
    assert_eq!(found, ["openssl-sys is banned", "openssl-sys is not from crates.io"]);
}
