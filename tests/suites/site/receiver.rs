//! The reference receiver, run as the process that it is, and what its database says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::acting_site::SECRET;
use super::talk;

/// A running receiver. Dropping it kills it; its database stays.
pub(crate) struct Receiver {
    process: Child,
    /// Where it listens.
    pub(crate) url: String,
    db: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A call as the receiver printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    /// What it answered.
    pub(crate) status: u16,
    /// `live` or `drill`.
    pub(crate) mode: String,
    /// Idempotency key.
    pub(crate) key: String,
    /// Fencing token.
    pub(crate) token: u64,
    /// Its note.
    pub(crate) note: String,
}

impl Receiver {
    /// Starts it with a database in a folder.
    pub(crate) async fn start(folder: &Path, work_seconds: &str) -> Self {
        Self::start_at(folder, work_seconds, None).await
    }

    /// As [`Receiver::start`], at a port of its own.
    pub(crate) async fn start_at(folder: &Path, work_seconds: &str, port: Option<u16>) -> Self {
        let script = examples().join("receiver.py");
        Self::run(&[&python(), &script.display().to_string()], folder, work_seconds, port).await
    }

    /// The one in Node; it has no database that this knows to read.
    pub(crate) async fn in_node(folder: &Path, work_seconds: &str, port: Option<u16>) -> Self {
        let script = examples().join("receiver.mjs");
        Self::run(&["node", &script.display().to_string()], folder, work_seconds, port).await
    }

    /// One with a fault of `broken_receiver.py`.
    pub(crate) async fn broken(folder: &Path, fault: &str, work_seconds: &str, port: Option<u16>) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/acting/contract/broken_receiver.py");
        Self::run(&[&python(), script, fault], folder, work_seconds, port).await
    }

    /// `kill -9`, and gone; the port it had.
    pub(crate) async fn kill(mut self) -> u16 {
        self.process.kill().await.unwrap();
        let port = self.url.trim_end_matches('/').rsplit(':').next().unwrap();
        port.parse().unwrap()
    }

    async fn run(command: &[&str], folder: &Path, work_seconds: &str, port: Option<u16>) -> Self {
        let db = folder.join("receiver.db");
        let mut process = Command::new(command[0])
            .args(&command[1..])
            .args([
                "--port",
                &port.unwrap_or(0).to_string(),
                "--work-seconds",
                work_seconds,
                "--db",
            ])
            .arg(&db)
            .env("MUSTER_HOOK_SECRET", SECRET)
            .env("MUSTER_EXAMPLES", examples())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = heard(&mut process);
        let address = talk::until("the receiver listens", || {
            let lines = lines.lock().unwrap();
            lines
                .iter()
                .find_map(|l| l.strip_prefix("listening on ").map(str::to_owned))
        })
        .await;
        Self {
            process,
            url: format!("http://{address}/"),
            db,
            lines,
        }
    }

    /// Every call so far, in its order.
    pub(crate) fn calls(&self) -> Vec<Printed> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .filter_map(|line| printed(line))
            .collect()
    }

    /// How often the effect of each key stands in its database.
    pub(crate) fn effects(&self) -> BTreeMap<String, u32> {
        self.count("SELECT key, count(*) FROM effects GROUP BY key")
    }

    /// How many evacuations of each workload stand in its database, whatever their key.
    pub(crate) fn evacuations(&self) -> BTreeMap<String, u32> {
        self.count("SELECT workload, count(*) FROM effects WHERE phase = 'evacuate' GROUP BY workload")
    }

    /// How often each key was begun: more than once would be work done twice, whatever the database keeps.
    pub(crate) fn begun(&self) -> BTreeMap<String, u32> {
        let mut begun = BTreeMap::new();
        for call in self.calls().into_iter().filter(|c| c.note == "accepted") {
            *begun.entry(call.key).or_default() += 1;
        }
        begun
    }

    fn count(&self, sql: &str) -> BTreeMap<String, u32> {
        let db = rusqlite::Connection::open(&self.db).unwrap();
        let mut rows = db.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

/// Where the references are.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/examples")
}

fn python() -> String {
    std::env::var("MUSTER_TEST_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// What it prints, line by line.
fn heard(process: &mut Child) -> Arc<Mutex<Vec<String>>> {
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok(Some(line)) = output.next_line().await {
            heard.lock().unwrap().push(line);
        }
    });
    lines
}

/// `202 live ansan-1.db.move.evacuate.busan token=7: accepted`
fn printed(line: &str) -> Option<Printed> {
    let (head, note) = line.split_once(": ")?;
    let mut words = head.split(' ');
    Some(Printed {
        status: words.next()?.parse().ok()?,
        mode: words.next()?.into(),
        key: words.next()?.into(),
        token: words.next()?.strip_prefix("token=")?.parse().ok()?,
        note: note.into(),
    })
}
