//! Places of all manners, told by a room without a gateway around it, with short pauses.

mod flow;
mod trust;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{Event, EventKind, IncidentView, Input, Level, Mode, State, View};
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

use super::{Context, Figures, Limits, Notifier, Ready};
use crate::api::Here;
use crate::clock::Clock;
use crate::config::{Address, Message, Place, Posted, Topic, Way};
use crate::counters::Counters;
use crate::lanes::{Control, LaneEnds, lanes};
use crate::told::{Telling, Told, telling};

/// Pauses short enough to be gone through; an attempt is as long as on a busy machine it may have to be.
const QUICK: Limits = Limits {
    attempt: Duration::from_secs(5),
    gather: Duration::from_millis(30),
    gather_trouble: Duration::from_millis(30),
    digest_every: Duration::from_millis(600),
    backoff_min: Duration::from_millis(20),
    backoff_max: Duration::from_millis(80),
    look_every: Duration::from_secs(3_600),
};

/// The room with what it needs.
struct Room {
    context: Context,
    view: watch::Sender<Arc<View>>,
    ends: LaneEnds,
    telling: Telling,
    notifier: Option<Notifier>,
    told: i64,
    folder: TempDir,
}

fn quiet() -> View {
    let mut view = State::new().view(0);
    (view.site, view.armed) = ("lab".into(), true);
    view
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (view, seen) = watch::channel(Arc::new(quiet()));
        let (lanes, ends) = lanes();
        let context = Context {
            clock: Clock::starting_at(0),
            counters: Counters::default(),
            lanes,
            view: seen,
            here: Here::new(
                ([0, 0, 0, 0], 1).into(),
                Some("https://muster.example"),
                &folder.path().join("muster.db"),
            ),
            journal: folder.path().join("muster.db"),
            told: 0,
        };
        Self {
            context,
            view,
            ends,
            telling: telling(),
            notifier: None,
            told: 0,
            folder,
        }
    }

    fn start(&mut self, places: &[Place]) {
        self.start_within(QUICK, places);
    }

    fn start_within(&mut self, limits: Limits, places: &[Place]) {
        let heard = self.telling.subscribe();
        let ready = Ready::new(places, limits).unwrap();
        self.notifier = Some(Notifier::start(ready, heard, self.context.clone(), limits));
    }

    fn hear(&mut self, events: broadcast::Receiver<Arc<Told>>, places: &[Place]) {
        let ready = Ready::new(places, QUICK).unwrap();
        self.notifier = Some(Notifier::start(ready, events, self.context.clone(), QUICK));
    }

    fn figures(&self) -> Vec<Arc<Figures>> {
        self.notifier.as_ref().unwrap().figures()
    }

    /// As the engine tells it.
    fn say(&mut self, kind: EventKind, subject: &str, line: &str) {
        self.told += 1;
        let told = Told {
            id: self.told,
            at: self.context.clock.now(),
            wall_ms: self.context.clock.wall_ms(),
            event: event(kind, subject, line),
        };
        let _ = self.telling.send(Arc::new(told));
    }

    fn vote(&mut self) {
        self.say(EventKind::Incident, "lab-1", "lab-1 opens: n1 votes in room: 65 Cel");
        self.say(EventKind::Vote, "room", "n1 votes: 65 Cel at or above 60");
        self.say(EventKind::Level, "lab", "site normal -> prepare: one vote");
    }

    /// The next word about a part of Muster.
    async fn own(&mut self) -> (String, Option<String>) {
        match tokio::time::timeout(Duration::from_secs(20), self.ends.control.recv())
            .await
            .unwrap()
        {
            Some(Control::Input(Input::Own { part, trouble })) => (part, trouble),
            other => unreachable!("{other:?}"),
        }
    }
}

fn event(kind: EventKind, subject: &str, line: &str) -> Event {
    Event {
        kind,
        level: Level::Prepare,
        subject: subject.into(),
        line: line.into(),
    }
}

fn webhook(id: &str, url: &str) -> Place {
    Place {
        id: id.into(),
        on: vec![Topic::Vote, Topic::Level, Topic::Trouble, Topic::End],
        way: Way::Webhook(Posted {
            url: Address(url.parse().unwrap()),
            secret: None,
            message: Message::CloudEvent,
        }),
        allow_loopback: true,
        ca: None,
    }
}

/// Writes these lines into the journal of a folder, as a gateway before would have.
fn journal(path: &Path, events: Vec<Arc<Told>>) {
    let (journal, _) = crate::journal::Journal::open(path).unwrap();
    let writer = journal.spawn(Counters::default(), |_| {}).unwrap();
    writer.submit(crate::journal::Batch {
        events,
        engine_ms: 1,
        wall_ms: 1,
        ..Default::default()
    });
    assert!(writer.stop());
}

fn incident(id: &str) -> IncidentView {
    IncidentView {
        id: id.into(),
        opened: 0,
        closed: None,
        mode: Mode::Live,
        why: "one vote".into(),
        evacuate_begun: None,
        plan_end: None,
        workloads: Vec::new(),
        steps: Vec::new(),
    }
}
