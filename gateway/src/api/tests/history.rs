//! Incidents out of the journal.

use muster_core::{Entry, Mode, Phase, Record, StepEnd, Verb};
use serde_json::Value;

use super::stand::Stand;
use super::story;
use crate::counters::Counters;
use crate::journal::{Batch, Journal};

fn opened(n: u32) -> Record {
    let why = format!("n1 votes for the {n}. time");
    Record::IncidentOpened { n, why }
}

fn closed(n: u32) -> Record {
    let by = vec!["ann".into(), "ben".into()];
    Record::IncidentClosed { n, by }
}

fn step(record: impl Fn(String) -> Record) -> Record {
    record("db.move.evacuate.busan".to_owned())
}

/// What happened in the first one.
fn middle() -> [Record; 7] {
    let (zone, group) = ("battery-b3".to_owned(), "n1".to_owned());
    [
        Record::VoteHeld {
            zone: zone.clone(),
            group: group.clone(),
            channel: "n1.smoke".into(),
            why: "4.1 %/m".into(),
            died: false,
        },
        Record::OrderRefused {
            verb: Verb::Reset,
            by: "ann".into(),
            why: "a vote is still held".into(),
        },
        Record::EvacuateBegun {
            zone: None,
            why: "two".into(),
            racks: None,
        },
        step(|step| Record::StepIntent {
            step,
            workload: "db".into(),
            rung: 0,
            phase: Phase::Evacuate,
            mode: Mode::Live,
            token: 7,
            hook: Some("mover".into()),
        }),
        step(|step| Record::StepAccepted { step }),
        step(|step| Record::StepEnded {
            step,
            end: StepEnd::Done,
            note: "moved".into(),
        }),
        Record::VoteReturned { zone, group },
    ]
}

/// Three incidents: two closed, the last one open.
fn entries() -> Vec<Entry> {
    let first = std::iter::once(opened(1)).chain(middle()).chain([closed(1)]);
    let records = first.chain([opened(2), closed(2), opened(3)]);
    let entry = |(seq, record)| Entry {
        seq,
        at: 1_000 * i64::try_from(seq).unwrap(),
        record,
    };
    (1_u64..).zip(records).map(entry).collect()
}

async fn stand() -> Stand {
    let stand = Stand::with(story::evacuate).await;
    let (journal, _) = Journal::open(&stand.folder.path().join("muster.db")).unwrap();
    let writer = journal.spawn(Counters::default(), |_| ()).unwrap();
    writer.submit(Batch {
        entries: entries(),
        engine_ms: 20_000,
        wall_ms: 1_700_000_000_000,
        ..Batch::default()
    });
    assert!(writer.stop());
    stand
}

#[tokio::test]
async fn every_incident_is_listed_newest_first_and_by_pages() {
    let stand = stand().await;
    let all: Value = stand.get("/api/v1/incidents").await.json().await.unwrap();
    let ids = |page: &Value| -> Vec<String> {
        let lines = page["incidents"].as_array().unwrap();
        lines
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&all), ["seoul-1-3", "seoul-1-2", "seoul-1-1"]);
    assert_eq!(all["next"], Value::Null);
    assert_eq!(all["incidents"][0]["closed"], Value::Null);
    assert_eq!(all["incidents"][2]["closed"], 9_000);
    assert_eq!(all["incidents"][2]["closed_by"][1], "ben");

    let (mut path, mut seen) = ("/api/v1/incidents?limit=1".to_owned(), Vec::new());
    for _ in 0..3 {
        let page: Value = stand.get(&path).await.json().await.unwrap();
        seen.extend(ids(&page));
        path = page["next"].as_str().unwrap_or("end").to_owned();
    }
    assert_eq!((seen.as_slice(), path.as_str()), (ids(&all).as_slice(), "end"));
}

#[tokio::test]
async fn a_past_incident_is_told_from_its_decisions() {
    let stand = stand().await;
    let past: Value = stand.get("/api/v1/incidents/seoul-1-1").await.json().await.unwrap();
    assert_eq!((&past["source"], &past["mode"]), (&"journal".into(), &"live".into()));
    assert_eq!((&past["opened"], &past["closed"]), (&1_000.into(), &9_000.into()));
    assert_eq!(past["evacuate_begun"], 4_000);
    assert_eq!(past["votes"][0]["returned"]["at"], 8_000);
    assert_eq!(past["orders"][0]["verdict"], "refused");
    let step = &past["steps"][0];
    assert_eq!((&step["state"], &step["note"]), (&"done".into(), &"moved".into()));
    assert_eq!((&step["begun"], &step["ended"]), (&5_000.into(), &7_000.into()));
    // Nothing of the next one is in it.
    assert_eq!(
        (
            past["votes"].as_array().unwrap().len(),
            past["steps"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    let next: Value = stand.get("/api/v1/incidents/seoul-1-2").await.json().await.unwrap();
    assert_eq!((&next["mode"], &next["closed"]), (&Value::Null, &11_000.into()));
}

#[tokio::test]
async fn what_is_no_incident_is_said_and_a_journal_that_is_gone_too() {
    let stand = stand().await;
    for id in [
        "seoul-1-4",
        "seoul-1-01",
        "seoul-1-+1",
        "seoul-1-",
        "busan-1",
        "seoul-1-99999999999",
        "%20",
    ] {
        assert_eq!(
            stand.get(&format!("/api/v1/incidents/{id}")).await.status(),
            404,
            "{id}"
        );
    }
    for query in ["limit=0", "limit=101", "limit=x", "before=x"] {
        let answer = stand.get(&format!("/api/v1/incidents?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    let bad = stand.get("/api/v1/incidents/%ff").await;
    assert_eq!(
        (bad.status().as_u16(), &bad.headers()["content-type"]),
        (400, &"application/problem+json".parse().unwrap())
    );
    std::fs::remove_file(stand.folder.path().join("muster.db")).unwrap();
    let gone = stand.get("/api/v1/incidents/seoul-1-1").await;
    assert_eq!(gone.status(), 503);
    // What is shown needs no disk.
    assert_eq!(stand.get("/api/v1/incidents/seoul-1-3").await.status(), 200);
}
