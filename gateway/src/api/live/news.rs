//! The newest events, in memory: listeners read on from where they are, each at its own pace.
//!
//! An event is told before it is on disk. Everything told since this start is here until newer ones push it out, and what
//! is pushed out is on disk long since; so between the journal's ring and this there is neither a gap nor a double.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::told::{Telling, Told};

/// Events kept in memory: minutes of the worst alarm flood; about 1 MB.
const KEPT: usize = 4_096;

/// The newest events. Everything told with an id above `floor` is here.
#[derive(Debug)]
pub struct News {
    began: i64,
    held: Mutex<Held>,
    last: watch::Sender<i64>,
}

#[derive(Debug)]
struct Held {
    floor: i64,
    events: VecDeque<Arc<Told>>,
}

/// What follows an id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// These, oldest first; empty if there is nothing newer yet.
    Here(Vec<Arc<Told>>),
    /// What is up to this id has left memory: the journal has it, or nobody.
    OnDisk {
        /// Included.
        through: i64,
    },
    /// No such id has been told by this journal.
    Beyond {
        /// The last that was.
        last: i64,
    },
}

impl News {
    /// Listens from now on; call it before anything is told. `floor` is the last id that was told before this start.
    #[must_use]
    pub fn listen(telling: &Telling, floor: i64) -> Arc<Self> {
        let news = Arc::new(Self {
            began: floor,
            held: Mutex::new(Held {
                floor,
                events: VecDeque::new(),
            }),
            last: watch::Sender::new(floor),
        });
        tokio::spawn(hear(news.clone(), telling.subscribe()));
        news
    }

    /// The last id before this start.
    pub(super) fn began(&self) -> i64 {
        self.began
    }

    /// Id of the last event told.
    pub(super) fn last(&self) -> i64 {
        *self.last.borrow()
    }

    /// Changes whenever something is told.
    pub(super) fn growing(&self) -> watch::Receiver<i64> {
        self.last.subscribe()
    }

    /// What comes after `at`, at most `most` events.
    pub(super) fn after(&self, at: i64, most: usize) -> After {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let last = held.events.back().map_or(held.floor, |told| told.id);
        if at > last {
            return After::Beyond { last };
        }
        if at < held.floor {
            return After::OnDisk { through: held.floor };
        }
        let first = held.events.partition_point(|told| told.id <= at);
        After::Here(held.events.iter().skip(first).take(most).cloned().collect())
    }

    /// The newest events, newest first.
    pub(crate) fn newest(&self, most: usize) -> Vec<Arc<Told>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.events.iter().rev().take(most).cloned().collect()
    }

    fn add(&self, told: Arc<Told>) {
        let id = told.id;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // We were too slow and missed some: the journal has them, so what we hold begins anew.
        if held.events.back().map_or(held.floor, |before| before.id) + 1 != id {
            held.events.clear();
            held.floor = id - 1;
        }
        held.events.push_back(told);
        if held.events.len() > KEPT
            && let Some(oldest) = held.events.pop_front()
        {
            held.floor = oldest.id;
        }
        drop(held);
        self.last.send_replace(id);
    }
}

/// Until the engine has gone.
async fn hear(news: Arc<News>, mut heard: broadcast::Receiver<Arc<Told>>) {
    loop {
        match heard.recv().await {
            Ok(told) => news.add(told),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_core::{Event, EventKind, Level};

    use super::*;

    fn told(id: i64) -> Arc<Told> {
        let event = Event {
            kind: EventKind::Vote,
            level: Level::Normal,
            subject: "a".into(),
            line: "b".into(),
        };
        Arc::new(Told {
            id,
            at: 0,
            wall_ms: 0,
            event,
        })
    }

    fn news(floor: i64) -> News {
        let held = Mutex::new(Held {
            floor,
            events: VecDeque::new(),
        });
        let last = watch::Sender::new(floor);
        News {
            began: floor,
            held,
            last,
        }
    }

    fn ids(after: After) -> Vec<i64> {
        match after {
            After::Here(all) => all.iter().map(|told| told.id).collect(),
            other => vec![-1, i64::from(other == After::OnDisk { through: 10 })],
        }
    }

    #[test]
    fn what_was_told_since_the_start_is_here_and_what_was_before_is_on_disk() {
        let news = news(10);
        assert_eq!(ids(news.after(10, 9)), [0; 0]);
        (11..=14).for_each(|id| news.add(told(id)));
        assert_eq!(ids(news.after(10, 9)), [11, 12, 13, 14]);
        assert_eq!(ids(news.after(12, 1)), [13]);
        assert_eq!(ids(news.after(14, 9)), [0; 0]);
        assert_eq!(news.after(9, 9), After::OnDisk { through: 10 });
        assert_eq!(news.after(15, 9), After::Beyond { last: 14 });
        assert_eq!(news.last(), 14);
        assert_eq!(news.newest(2).iter().map(|t| t.id).collect::<Vec<_>>(), [14, 13]);
    }

    #[test]
    fn what_is_pushed_out_or_was_missed_is_on_disk() {
        let news = news(0);
        (1..=KEPT as i64 + 5).for_each(|id| news.add(told(id)));
        assert_eq!(news.after(4, 9), After::OnDisk { through: 5 });
        assert_eq!(ids(news.after(5, 2)), [6, 7]);
        news.add(told(9_000));
        assert_eq!(news.after(7, 9), After::OnDisk { through: 8_999 });
        assert_eq!(ids(news.after(8_999, 9)), [9_000]);
    }
}
