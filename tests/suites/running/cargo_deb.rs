//! The package: built, unpacked, and what it installs run as it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::stand::Process;

async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let output = timeout(Duration::from_secs(300), command.output())
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Made of the binary that is there, and unpacked.
async fn unpacked() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let deb = folder.path().join("muster.deb").display().to_string();
    run(
        "cargo",
        &[
            "deb",
            "-p",
            "muster",
            "--no-build",
            "--no-strip",
            "--fast",
            "--output",
            &deb,
        ],
    )
    .await;
    let (root, info) = (folder.path().join("root"), run("dpkg-deb", &["-I", &deb]).await);
    run("dpkg-deb", &["-x", &deb, &root.display().to_string()]).await;
    (folder, root, info)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "heavy: packs a binary of 100 MB"]
async fn what_is_installed_is_disarmed_and_runs() {
    let (_folder, root, info) = unpacked().await;
    assert!(info.contains("conffiles") && info.contains("postinst"), "{info}");
    for file in [
        "usr/bin/muster",
        "lib/systemd/system/muster.service",
        "etc/muster/site.toml",
        "usr/share/doc/muster/RUNNING.md",
        "usr/share/doc/muster/examples/single-room.toml",
    ] {
        assert!(root.join(file).is_file(), "{file} is not in the package");
    }
    let (binary, config) = (root.join("usr/bin/muster"), root.join("etc/muster/site.toml"));
    run(binary.to_str().unwrap(), &["check", config.to_str().unwrap()]).await;
    // As it is, but for a port and a folder that this test may have.
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("/var/lib/muster/muster.db", "muster.db")
        .replace("127.0.0.1:8620", "127.0.0.1:0")
        .replace("127.0.0.1:1883", "127.0.0.1:0");
    let process = Process::with(&binary, &text, &[]).await;
    let status = process.api.status().await;
    assert_eq!(
        (&status["armed"], &status["level"]),
        (&false.into(), &"normal".into()),
        "{status:#}"
    );
    assert_eq!(status["troubles"].as_array().map(Vec::len), Some(0), "{status:#}");
    assert!(process.api.get("/healthz").await.contains("ok"));
    process.signal("TERM").await;
    assert!(process.end().await.success());
}
