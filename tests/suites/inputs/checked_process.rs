//! Configs as a user meets them: by the process and its exit code.

use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::stand::run_to_end;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// What has to be said of `ten-faults.toml`, a piece of each fault.
const FAULTS: [&str; 10] = [
    ":3:6: error: `Here` is not an id",
    ":4:1: error: [site] has no key `armd`",
    ":8:13: error: there is no zone `rom`",
    ":14:27: error: signal `smok` is not a quantity",
    ":19:11: error: `10.0.0.7` is not an address",
    ":31:9: error: watch 75 Cel does not come before alarm 70 Cel",
    ":37:7: error: the hook points to this machine",
    ":42:8: error: `tier` of [[workload]] is of the type string",
    ":44:10: error: workloads wait for each other",
    ":62:14: error: `ben` has the same token as `anna`",
];

#[tokio::test]
async fn check_names_all_ten_faults_and_exits_64() {
    let file = repository().join("gateway/src/config/tests/ten-faults.toml");
    let output = run_to_end(&["check", file.to_str().unwrap()]).await;
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    for fault in FAULTS {
        assert!(said.contains(fault), "{fault} is missing:\n{said}");
    }
    assert_eq!(said.matches(": error: ").count(), 10, "{said}");
}

/// With its ports taken by somebody else, a start that got as far as to listen would say so.
#[tokio::test]
async fn run_with_ten_faults_touches_nothing_and_exits_64() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ten.toml");
    let text = std::fs::read_to_string(repository().join("gateway/src/config/tests/ten-faults.toml")).unwrap();
    let (mqtt, http) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let listen = |taken: &TcpListener| format!("listen = \"{}\"\n", taken.local_addr().unwrap());
    // The file ends in its [mqtt].
    let text = format!("{text}{}[http]\n{}", listen(&mqtt), listen(&http));
    std::fs::write(&file, text).unwrap();
    let output = run_to_end(&["run", file.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    for fault in FAULTS {
        assert!(said.contains(fault), "{fault} is missing:\n{said}");
    }
    assert!(!said.contains("cannot listen"), "it tried to start: {said}");
    assert!(output.stdout.is_empty());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["ten.toml"], "it left something behind");
}

#[tokio::test]
async fn every_example_is_accepted() {
    let folder = repository().join("gateway/examples");
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    let mut arguments = vec!["check"];
    arguments.extend(files.iter().map(|f| f.to_str().unwrap()));
    let output = run_to_end(&arguments).await;
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
}
