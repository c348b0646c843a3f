//! What the package runs as root: sound, and it starts, enables, arms and deletes nothing.

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
