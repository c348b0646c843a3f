//! `muster sim FILE`: an incident file's values through real MQTT and real Modbus, against a running gateway.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::site::acting_site::lasting_port;
use crate::site::process::{Muster, binary};

const FILE: &str = "muster incident 1
title a fire in a test
proves that what the file says reaches the decision through real protocols
date 2026-01-01 +00:00
begin 10:00:00
zero 10:00:03
end 10:10:00
site room site.toml
10:00:03 n1.smoke 0.1 | assumed: clean air
10:00:04 n1.smoke ramp 40 | assumed: a fire
10:00:05 panel.fire 1 | assumed: a fire
10:00:05 people all smell it | assumed: they would
";

fn config(folder: &Path) -> std::path::PathBuf {
    let (mqtt, panel) = (lasting_port(), lasting_port());
    let text = format!(
        "[site]\nid = \"room\"\nsimulated = true\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [mqtt]\ninsecure = true\nlisten = \"127.0.0.1:{mqtt}\"\n[[zone]]\nid = \"battery-room\"\n\
         [[source]]\nid = \"n1\"\nkind = \"node\"\nzone = \"battery-room\"\nsignals = [\"smoke\"]\n\
         [[source]]\nid = \"panel\"\nkind = \"modbus\"\nzone = \"battery-room\"\nsegment = \"panel\"\n\
         address = \"127.0.0.1:{panel}\"\nprofile = \"generic/dry-contacts\"\npoll_ms = 100\nsignals = []\n\
         [[channel]]\nid = \"panel.fire\"\nsource = \"panel\"\nsignal = \"in1\"\nquantity = \"fire_alarm\"\n"
    );
    let path = folder.join("site.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_file_reaches_the_decision_through_real_protocols() {
    let folder = TempDir::new().unwrap();
    let muster = Muster::start(&config(folder.path())).await;
    let file = folder.path().join("fire.txt");
    std::fs::write(&file, FILE).unwrap();
    let mut sim = tokio::process::Command::new(binary());
    sim.arg("sim")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let sim = sim.spawn().unwrap();
    muster.until_said("vote", "n1.smoke", 1).await;
    muster.until_said("vote", "panel.fire is on", 1).await;
    muster.until_said("level", "site prepare -> evacuate", 1).await;
    assert_eq!(
        muster.said("trouble", "stuck"),
        0,
        "its sensors have the noise of real ones"
    );
    drop(sim);
}

#[tokio::test]
async fn what_no_simulated_device_can_show_is_refused_with_its_name() {
    let folder = TempDir::new().unwrap();
    config(folder.path());
    let file = folder.path().join("fire.txt");
    std::fs::write(
        &file,
        FILE.to_owned() + "10:01 panel lost | assumed: burnt\n10:01 n1.smoke absent bus | assumed: x\n",
    )
    .unwrap();
    let output = crate::site::process::muster(&["sim", file.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("fire panel") && said.contains("n1.smoke"), "{said}");
}
