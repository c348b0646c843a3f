//! Figures for a report; printed, never asserted, because they are the disk's.

use super::*;

fn at(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[test]
fn commit_and_round_trip_on_this_disk() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    let (mut commits, mut trips) = (Vec::new(), Vec::new());
    for n in 1..=1_000 {
        let trip = Stopwatch::start();
        told.writer.submit(batch(n));
        let Report::Stored { commit_us, .. } = told.next() else {
            panic!("the disk failed")
        };
        trips.push(u64::try_from(trip.elapsed().as_micros()).unwrap());
        commits.push(commit_us);
    }
    commits.sort_unstable();
    trips.sort_unstable();
    for (name, sorted) in [("commit", commits), ("submit to Stored", trips)] {
        println!(
            "journal {name}: p50 {} us, p99 {} us, max {} us",
            at(&sorted, 50),
            at(&sorted, 99),
            at(&sorted, 100)
        );
    }
}

#[test]
#[ignore = "a figure: how long a start takes with a full ring of lines and ten years of decisions"]
fn start_with_a_grown_journal() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    for n in 1..=10_000 {
        let text = "a line for people about a channel, its value, its limit and its age";
        let events = (1..=20).map(|i| line(n * 20 + i, 0, text)).collect();
        told.writer.submit(Batch { events, ..batch(n) });
        if n % 500 == 0 {
            told.stored_through(n * 3);
        }
    }
    assert!(told.writer.stop());
    let start = Stopwatch::start();
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    println!(
        "journal start with {} decisions and 200,000 lines: {:?}",
        restored.entries.len(),
        start.elapsed()
    );
}
