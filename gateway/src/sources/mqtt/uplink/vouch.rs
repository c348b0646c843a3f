//! Says that a line is well, or what is wrong with it, until it has to end.

use std::time::Duration;

use tokio::sync::watch;

use super::answers::Answers;
use super::hands::Backlog;
use super::keep::{ASK_AGAIN, other};
use super::port::{Fault, Sender};
use super::pulse::{EVERY, Pulse};
use super::voice::Voice;
use crate::clock::Stopwatch;

/// The broker has to answer our subscriptions within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Of one line.
pub(super) struct Voucher<'a> {
    pub(super) pulse: &'a Pulse,
    pub(super) sender: &'a Sender,
    pub(super) backlog: Backlog,
    pub(super) answers: &'a watch::Sender<Answers>,
    pub(super) voice: &'a mut Voice,
    /// When the line was first well.
    pub(super) since: &'a mut Option<Stopwatch>,
}

impl Voucher<'_> {
    /// Ends with the reason why the line has to.
    pub(super) async fn vouch(mut self) -> Fault {
        loop {
            if !self.answered().await {
                return other("it does not answer our subscriptions");
            }
            if self.answers.borrow().refused.contains_key(&self.pulse.topic) {
                // Nothing can be proved: the pings of the protocol have to do.
                self.say().await;
                let _ = self.answers.subscribe().changed().await;
                continue;
            }
            while self.pulse.beat(self.sender).await {
                self.since.get_or_insert_with(Stopwatch::start);
                self.say().await;
                tokio::time::sleep(EVERY).await;
            }
            if self.backlog.here() > 0 {
                // What came before our word waits, so the broker need not have sent it yet. A new line would change nothing.
                self.voice.trouble(&self.behind()).await;
                continue;
            }
            if self.answers.borrow().not_taken().is_none() {
                return other(&self.pulse.missing());
            }
            self.say().await;
            tokio::time::sleep(ASK_AGAIN).await;
            // If it still does not take it, it says so again.
            self.answers.send_modify(|answers| answers.not_taken = None);
        }
    }

    async fn answered(&self) -> bool {
        let mut answers = self.answers.subscribe();
        let all = answers.wait_for(|answers| answers.missing == 0);
        let answered = tokio::time::timeout(ANSWER_WITHIN, all).await;
        answered.is_ok_and(|all| all.is_ok())
    }

    async fn say(&mut self) {
        let refused = self.answers.borrow().trouble(&self.pulse.topic);
        let trouble = refused.or_else(|| self.backlog.left().then(|| self.behind()));
        match trouble {
            Some(trouble) => self.voice.trouble(&trouble).await,
            None => self.voice.well().await,
        }
    }

    fn behind(&self) -> String {
        let here = self.backlog.here();
        format!("the engine is behind: {here} messages wait here, and more at the broker")
    }
}
