//! Where a hook's secret comes from, and that it is never shown.

use std::path::Path;

use super::{GOOD, brief};
use crate::config::{Finding, parse};

const SECRET: &str = "secret = \"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\"";

/// The findings for another secret, in a config that stands in this folder.
fn findings(line: &str, folder: &Path) -> Vec<Finding> {
    match parse(&GOOD.replacen(SECRET, line, 1), &folder.join("site.toml")) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

#[track_caller]
fn one(line: &str, folder: &Path, what: &str) {
    let found = findings(line, folder);
    let shown = brief(&found);
    assert!(
        shown.len() == 1 && shown.iter().all(|f| f.contains(what)),
        "{line}: {shown:#?}"
    );
    let hidden = ["YWJj", "aGVsbG8", "abcdefghij"];
    assert!(
        !found.iter().any(|f| hidden.iter().any(|h| f.to_string().contains(h))),
        "{shown:#?}"
    );
}

#[test]
fn secrets_that_are_none() {
    let here = Path::new("");
    one("", here, "`secret` is missing in [[hook]]");
    one(
        "secret = \"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\"",
        here,
        "does not begin with `whsec_`",
    );
    one("secret = \"whsec_YWJj!\"", here, "is not base64");
    one("secret = \"whsec_aGVsbG8=\"", here, "the secret is 5 bytes long");
    one(
        "secret_env = \"MUSTER_NO_SUCH_VARIABLE\"",
        here,
        "the environment has no variable",
    );
    one("secret_env = \"\"", here, "the environment has no variable");
    one("secret_env = \"A=B\"", here, "the environment has no variable");
    one("secret_file = \"no-such-file\"", here, "cannot be read: No such file");
    one("secret_file = \".\"", Path::new("/"), "it is not a regular file");
    one(
        &format!("{SECRET}\nsecret_env = \"HOME\""),
        here,
        "more than one secret for one hook",
    );
}

#[test]
fn a_published_secret_is_known_to_everybody() {
    one(
        "secret = \"whsec_bXVzdGVyLWV4YW1wbGUtc2VjcmV0LW9mLXJlbG9jYXRl\"",
        Path::new(""),
        "published with Muster's examples",
    );
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_read_and_warned_of_when_it_is_open_to_all() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\n").unwrap();
    let set = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o600);
    assert!(findings("secret_file = \"key\"", folder.path()).is_empty());
    set(0o644);
    one(
        "secret_file = \"key\"",
        folder.path(),
        "can be read by everybody on this machine",
    );
}
