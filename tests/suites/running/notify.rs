//! What a service manager hears of us: a real socket, as systemd's, with this test at its other end.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use muster::clock::Stopwatch;
use tempfile::TempDir;

use crate::stand::{Process, Room, SOON};

/// The manager's end.
pub(super) struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Self { socket, folder }
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("notify")
    }

    /// The next message, if it comes within a time.
    pub(super) fn hear(&self, within: Duration) -> Option<String> {
        let since = Stopwatch::start();
        let mut buffer = [0; 4_096];
        while since.elapsed() < within {
            if let Ok(n) = self.socket.recv(&mut buffer) {
                return Some(String::from_utf8_lossy(&buffer[..n]).into_owned());
            }
        }
        None
    }

    /// The next message that begins so.
    fn until(&self, begins: &str) -> String {
        let since = Stopwatch::start();
        let mut heard = Vec::new();
        while since.elapsed() < SOON {
            match self.hear(SOON) {
                Some(message) if message.starts_with(begins) => return message,
                other => heard.extend(other),
            }
        }
        panic!("never heard {begins}; heard {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_watchdog_reload_status_and_stop_are_told() {
    let manager = Manager::new();
    let socket = manager.path().display().to_string();
    let environment = [("NOTIFY_SOCKET", &*socket), ("WATCHDOG_USEC", "1000000")];
    let room = Room::with(&["a"]).text(([127, 0, 0, 1], 9).into());
    let process = Process::in_environment(&room, &environment).await;
    tokio::task::block_in_place(|| {
        let ready = manager.until("READY=1");
        assert!(
            ready.contains("STATUS=s1: normal, armed") || ready.contains("STATUS=s1: watch, armed"),
            "{ready}"
        );
        for _ in 0..3 {
            manager.until("WATCHDOG=1");
        }
    });
    assert_eq!(process.api.status().await["site"], "s1", "ready means that it answers");
    process.edit("nonsense");
    process.signal("HUP").await;
    tokio::task::block_in_place(|| {
        let reloading = manager.until("RELOADING=1");
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        manager.until("READY=1");
        let status = manager.until("STATUS=");
        assert!(status.contains("in trouble"), "{status}");
    });
    process.signal("TERM").await;
    tokio::task::block_in_place(|| manager.until("STOPPING=1"));
    assert!(process.end().await.success());
}

/// Without a manager, and with one that is gone, it runs all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_that_is_gone_holds_nothing_up() {
    let room = Room::with(&["a"]).text(([127, 0, 0, 1], 9).into());
    let environment = [("NOTIFY_SOCKET", "/nowhere/notify"), ("WATCHDOG_USEC", "1000000")];
    let process = Process::in_environment(&room, &environment).await;
    process.api.status().await;
    process.signal("TERM").await;
    assert!(process.end().await.success());
}
