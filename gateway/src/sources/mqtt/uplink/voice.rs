//! What people are told about the line.

use std::sync::Arc;

use muster_core::Input;

use crate::ingest::Ingest;
use crate::lanes::{Control, Lanes};

/// The name of this part of Muster.
const PART: &str = "mqtt";

pub(super) struct Voice {
    /// The broker, as in the config.
    broker: String,
    ingest: Arc<Ingest>,
    lanes: Lanes,
    /// What was said last.
    trouble: Option<String>,
    /// The sources have been given up.
    lost: bool,
}

impl Voice {
    pub(super) fn new(broker: String, ingest: Arc<Ingest>, lanes: Lanes) -> Self {
        Self {
            broker,
            ingest,
            lanes,
            trouble: None,
            lost: false,
        }
    }

    /// There is no line: trouble at once, and of everything that is heard over it. Said once an outage of the sources.
    pub(super) async fn down(&mut self, why: &str) {
        let why = format!("not heard through {}: {why}", self.broker);
        if !self.lost {
            self.lost = true;
            self.ingest.lose_all(&why).await;
        }
        self.say(Some(why)).await;
    }

    /// There is a line, and something is wrong with it.
    pub(super) async fn trouble(&mut self, what: &str) {
        self.lost = false;
        self.say(Some(format!("{}: {what}", self.broker))).await;
    }

    /// All is well.
    pub(super) async fn well(&mut self) {
        self.lost = false;
        self.say(None).await;
    }

    async fn say(&mut self, trouble: Option<String>) {
        if self.trouble == trouble {
            return;
        }
        self.trouble.clone_from(&trouble);
        let part = PART.into();
        // The engine ends before its sources do only when the whole gateway stops.
        let _ = self
            .lanes
            .control
            .send(Control::Input(Input::Own { part, trouble }))
            .await;
    }
}
