//! `kill -9` and a torn log: what comes back is a prefix of what was handed over, in whole batches, and holds everything
//! that was answered. What the disk itself forgets in a power cut is SQLite's and the disk's promise (`synchronous=FULL`).

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use super::*;

const CHILD: &str = "MUSTER_JOURNAL_TEST_CHILD";

/// Whole batches only; how many.
fn prefix_of_batches(path: &Path) -> u64 {
    let (_, restored) = open_again(path);
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
    let n = restored.entries.len() as u64;
    assert_eq!(restored.entries, (1..=n).map(entry).collect::<Vec<_>>());
    assert_eq!(n % 3, 0, "a batch was split");
    let marks: Vec<_> = restored.marks.iter().map(|mark| mark.seq).collect();
    assert_eq!(
        marks,
        if n == 0 { vec![] } else { vec![n / 3] },
        "a mark and its entries are one"
    );
    assert_eq!(restored.engine_ms, i64::try_from(n).unwrap() * 10);
    n / 3
}

#[test]
fn a_log_torn_anywhere_gives_a_prefix_of_whole_batches() {
    let (live, copy) = (Folder::new(), Folder::new());
    let told = spawn(Journal::open(&live.journal()).unwrap().0);
    for n in 1..=20 {
        told.writer.submit(batch(n));
        told.stored_through(n * 3);
    }
    let (file, log) = (
        fs::read(live.journal()).unwrap(),
        fs::read(live.path.join("journal.db-wal")).unwrap(),
    );
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by(log.len() / 150).chain([log.len()]) {
        for torn_to in [&b""[..], &[0xFF; 700], &[0; 700]] {
            let _ = fs::remove_file(copy.path.join("journal.db-shm"));
            fs::write(copy.journal(), &file).unwrap();
            fs::write(copy.path.join("journal.db-wal"), [&log[..cut], torn_to].concat()).unwrap();
            seen.insert(prefix_of_batches(&copy.journal()));
        }
    }
    assert!(
        seen.contains(&20) && seen.len() >= 15,
        "the cuts must hit most batches: {seen:?}"
    );
}

/// Not a test by itself: the process that is killed. Writes without end, and says what was answered.
#[test]
#[ignore = "the killed process of another test"]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let (journal, restored) = Journal::open(Path::new(&path)).unwrap();
    let told = spawn(journal);
    let mut n = restored.entries.len() as u64 / 3;
    for burst in (1..=4).cycle() {
        for _ in 0..burst {
            n += 1;
            told.writer.submit(batch(n));
        }
        told.stored_through(n * 3);
        writeln!(std::io::stdout(), "stored {n}").unwrap();
    }
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["journal::tests::kill::child", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills after `answers`, a little later each time; the last batch that was answered.
fn run_and_kill(path: &Path, answers: usize, later: Duration) -> u64 {
    let mut child = start_child(path);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let number = |line: String| line.strip_prefix("stored ").and_then(|n| n.parse().ok());
    let mut stored: Option<u64> = lines.by_ref().filter_map(number).nth(answers);
    let spin = Stopwatch::start();
    while spin.elapsed() < later {}
    child.kill().unwrap();
    child.wait().unwrap();
    stored = lines.filter_map(number).last().or(stored);
    stored.unwrap()
}

#[test]
fn kill_9_at_any_point_keeps_what_was_answered_and_splits_nothing() {
    let folder = Folder::new();
    let mut before = 0;
    for round in 0..30 {
        let later = Duration::from_micros(round * 137 % 2_500);
        let answered = run_and_kill(&folder.journal(), usize::try_from(round).unwrap() % 7, later);
        let there = prefix_of_batches(&folder.journal());
        assert!(
            there >= answered && answered > before,
            "round {round}: answered {answered}, there {there}"
        );
        before = there;
    }
}
