//! What the package installs and runs as root: sound, and it starts, enables, arms and deletes nothing.

use std::path::Path;

use tokio::process::Command;
use tokio::time::timeout;

use crate::stand::SOON;

#[tokio::test]
async fn maintainer_scripts_start_and_arm_nothing() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/packaging");
    for name in ["postinst", "prerm", "postrm"] {
        let script = scripts.join(name);
        let mut shell = Command::new("sh");
        shell.arg("-n").arg(&script).kill_on_drop(true);
        let read = timeout(SOON, shell.output()).await.unwrap().unwrap();
        assert!(
            read.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&read.stderr)
        );
        let text = std::fs::read_to_string(script).unwrap();
        for bad in ["systemctl start", "systemctl enable", "order arm", "rm "] {
            assert!(!text.contains(bad), "{name} has `{bad}`");
        }
    }
}

/// As it is installed: it runs, nobody armed it, and nobody outside this machine is listened to.
#[test]
fn the_installed_config_is_disarmed_and_local() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/packaging/site.toml");
    let (config, _) = muster::config::load(&file).unwrap();
    assert!(!config.site.armed && !config.site.simulated && !config.site.single_group);
    assert!(config.http.listen.ip().is_loopback());
    assert!(config.mqtt.listen().is_none_or(|address| address.ip().is_loopback()));
    assert_eq!(config.store.path, Path::new("/var/lib/muster/muster.db"));
}
