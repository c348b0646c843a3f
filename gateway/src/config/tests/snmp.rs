//! SNMP agents: who we are to them, and that it is never shown.

use std::path::Path;

use super::{GOOD, brief};
use crate::config::{Config, Finding, PollWay, SnmpAuth, SnmpLogin, SnmpPrivacy, parse};

fn parsed(lines: &str, folder: &Path) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let agent = format!(
        "[[source]]\nid = \"ups\"\nkind = \"snmp\"\naddress = \"10.0.0.9:161\"\nzone = \"room\"\n{lines}\n[[hook]]"
    );
    parse(&GOOD.replacen("[[hook]]", &agent, 1), &folder.join("site.toml"))
}

#[track_caller]
fn one(lines: &str, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (file, password) in [("short", "1234567"), ("long", "12345678\n")] {
        write_closed(&folder.path().join(file), password);
    }
    let (Ok((_, found)) | Err(found)) = parsed(lines, folder.path());
    let shown = brief(&found);
    assert!(shown.len() == 1 && shown[0].contains(what), "{lines}: {shown:#?}");
    assert!(!shown[0].contains("1234567"), "{shown:#?}");
}

fn write_closed(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

const KEYS: &str = "user = \"watcher\"\nauth_file = \"long\"\nprivacy_file = \"long\"\n";

#[test]
fn logins_that_are_none() {
    one("", "`user` is missing");
    one("user = \"watcher\"\nprivacy_file = \"long\"", "`auth_file` is missing");
    one("user = \"watcher\"\nauth_file = \"long\"", "`privacy_file` is missing");
    one(
        &KEYS.replace("auth_file = \"long\"", "auth_file = \"short\""),
        "shorter than 8 bytes",
    );
    one(
        &KEYS.replace("auth_file = \"long\"", "auth_file = \"none\""),
        "cannot be read",
    );
    one(&format!("{KEYS}community = \"house\""), "a community and a user");
    one("community = \"\"", "the community is empty");
    one(
        "community = \"house\"\ncommunity_file = \"long\"",
        "`community` and `community_file` for one agent",
    );
    one(&format!("{KEYS}auth = \"md5\""), "cannot be `md5`");
    one(&format!("{KEYS}privacy = \"des\""), "cannot be `des`");
    one(&format!("{KEYS}unit = 1"), "means nothing for an SNMP agent");
    one(&format!("{KEYS}profile = \"apc/smart-ups\""), "is for kind `modbus`");
    one(&format!("{KEYS}[snmp]\n"), "`traps` is missing");
    one(
        &format!("{KEYS}[snmp]\ntraps = \"1162\"\n"),
        "is not an address to listen on",
    );
    one("community = \"house\"", "proves nothing");
}

#[test]
fn a_user_has_keys_and_the_usual_algorithms() {
    let folder = tempfile::tempdir().unwrap();
    write_closed(&folder.path().join("long"), "12345678\n");
    let (config, found) = parsed(&format!("{KEYS}[snmp]\ntraps = \"0.0.0.0:1162\"\n"), folder.path()).unwrap();
    assert!(found.is_empty(), "{:#?}", brief(&found));
    assert_eq!(config.traps, "0.0.0.0:1162".parse().ok());
    assert_eq!(config.insecure(), ["mqtt"], "v3 is not");
    let PollWay::Snmp(way) = &config.polled[1].way else {
        panic!("not SNMP")
    };
    let SnmpLogin::User(user) = &way.login else {
        panic!("no user")
    };
    assert_eq!((user.auth, user.privacy), (SnmpAuth::Sha256, SnmpPrivacy::Aes128));
    assert_eq!(user.auth_password.0, b"12345678", "without the line's end");
    assert_eq!(
        way.profile.head.name(),
        "generic/ups-mib",
        "what all UPSes should speak"
    );
    assert!(!format!("{config:?}").contains("12345678"));
    let (config, _) = parsed("community = \"house\"", folder.path()).unwrap();
    assert_eq!(config.insecure(), ["mqtt", "snmp"]);
}
