//! Old entries leave, and nothing that is decided from now on changes by it.
use crate::stand::{ANN, BOB, MINUTE, Stand, site};
use muster_core::{Entry, HookOutcome, Input, Leftover, Phase, Record, Verb, Verdict};

/// Three incidents that were reset, and an order to disarm in the first.
fn story() -> Stand {
    let mut stand = Stand::new(site());
    for n in 0..3 {
        stand.alarm(0);
        if n == 0 {
            assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
        }
        stand.settle_at(0, 1);
        stand.keep(&[(0, 1)], 31 * MINUTE);
        assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    }
    stand
}

/// The journal without its first entries, as it is read back.
fn pruned(stand: &Stand, through: u64) -> Vec<Entry> {
    let mut leftover = Leftover::default();
    stand
        .entries
        .iter()
        .filter(|e| e.seq <= through)
        .for_each(|e| leftover.take(&e.record));
    let record = Record::Pruned {
        through,
        hash: String::new(),
        leftover,
    };
    let first = Entry {
        seq: through,
        at: 0,
        record,
    };
    let kept = stand.entries.iter().filter(|e| e.seq > through).cloned();
    [first].into_iter().chain(kept).collect()
}

#[test]
fn a_start_from_what_is_kept_knows_all_that_counts() {
    let stand = story();
    let closed = |e: &&Entry| matches!(e.record, Record::IncidentClosed { .. });
    for through in stand.entries.iter().filter(closed).map(|e| e.seq) {
        let mut whole = stand.restart(u64::MAX);
        let mut cut = Stand::new(site());
        cut.now = stand.now;
        cut.entries = pruned(&stand, through);
        cut.witness.remembers(&cut.entries.clone());
        cut.input(&Input::Restore(cut.entries.clone()));
        assert_eq!(cut.view().armed, whole.view().armed, "after {through}");
        for s in [&mut whole, &mut cut] {
            s.alarm(1);
        }
        let opened = |s: &Stand| s.view().incident.map(|i| i.id);
        assert_eq!(opened(&cut).as_deref(), Some("s-4"), "after {through}");
        let tokens = |s: &Stand| {
            s.calls
                .iter()
                .map(|c| (c.step.clone(), c.mode, c.token))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (opened(&cut), tokens(&cut)),
            (opened(&whole), tokens(&whole)),
            "after {through}"
        );
        assert_eq!(cut.entries.last().map(|e| e.seq), whole.entries.last().map(|e| e.seq));
    }
}

#[test]
fn nothing_is_removed_in_an_incident_or_before_it_is_durable() {
    let prune = |through| Input::Prune {
        through,
        hash: "00".into(),
        leftover: Leftover::default(),
    };
    let mut stand = story();
    let before = stand.entries.len();
    stand.input(&prune(u64::MAX));
    assert_eq!(stand.entries.len(), before, "not written yet");
    stand.alarm(0);
    let before = stand.entries.len();
    stand.input(&prune(3));
    assert_eq!(stand.entries.len(), before, "an incident is open");
    stand.settle_at(0, 1);
    stand.keep(&[(0, 1)], 31 * MINUTE);
    assert_eq!(
        (stand.order(ANN, Verb::Reset), stand.order(BOB, Verb::Reset)),
        (Verdict::Pending, Verdict::Taken)
    );
    stand.input(&prune(3));
    assert!(matches!(
        stand.entries.last().map(|e| &e.record),
        Some(Record::Pruned { through: 3, .. })
    ));
    let (armed, resets) = (stand.view().armed, 4);
    let again = stand.restart(u64::MAX);
    assert_eq!(again.view().armed, armed, "where it was written it says nothing new");
    assert_eq!(again.view().incident.map(|i| i.id), Some(format!("s-{resets}")));
}

#[test]
fn what_is_away_is_away_whatever_of_the_journal_is_kept() {
    let mut story = Stand::new(site());
    story.both(Verb::Evacuate);
    for _ in 0..5 {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            story.answer_all(phase, &HookOutcome::Done);
        }
        story.wait(1_000);
    }
    assert_eq!(story.workload("db"), "moved");
    story.both(Verb::Reset);
    let token = story.calls.iter().map(|c| c.token).max();
    let mut kept = Stand::new(site());
    kept.now = story.now;
    kept.entries = pruned(&story, story.entries.last().map_or(0, |e| e.seq));
    kept.witness.remembers(&kept.entries.clone());
    kept.input(&Input::Restore(kept.entries.clone()));
    assert_eq!(
        (kept.workload("db"), kept.view().incident.map(|i| i.id)),
        ("moved".into(), Some("s-1".into()))
    );
    let mut fire = kept.restart(u64::MAX);
    fire.fire();
    fire.wait(MINUTE);
    assert_eq!(fire.called(), ["db.move.verify.s"], "it is left where it is, and asked");
    assert_eq!(kept.both(Verb::Return), Verdict::Taken);
    kept.done("db.move.restore.far");
    assert!(kept.calls.iter().all(|c| Some(c.token) > token), "tokens rise");
    kept.done("db.move.verify.s");
    assert_eq!(kept.workload("db"), "home");
}
