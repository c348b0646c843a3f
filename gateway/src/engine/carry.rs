//! Carrying out what the core wants done.

use std::sync::Arc;

use muster_core::{Answer, Effect, Event};

use super::Engine;
use crate::counters::Cause;
use crate::told::Told;

/// Events that wait for the end of a turn. A vote and all it leads to are fewer, but in the largest plans.
const SAID_AT_ONCE: usize = 64;

impl Engine {
    pub(super) fn carry_out(&mut self) {
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Persist(entry) => {
                    self.parts.gauges.set_decided(entry.seq);
                    self.batch.entries.push(entry);
                }
                Effect::FireHook(call) => self.parts.runner.fire(call),
                Effect::CancelHook { incident, step } => self.parts.runner.cancel(&incident, &step),
                Effect::Event(event) => self.tell(event),
                Effect::Answer(answer) => self.answer(answer),
                Effect::Fault(what) => self.parts.counters.count(Cause::Fault, "core", &what),
            }
        }
    }

    fn tell(&mut self, event: Event) {
        let wall_ms = self.parts.clock.wall_ms();
        (self.parts.listener)(wall_ms, &event);
        self.told += 1;
        let (id, at) = (self.told, self.now());
        let told = Arc::new(Told { id, at, wall_ms, event });
        self.untold.push(told.clone());
        self.batch.events.push(told);
        // In a flood whoever listens has to keep up with it.
        if self.untold.len() >= SAID_AT_ONCE {
            self.say();
        }
    }

    /// Everybody who listens hears what was told.
    pub(super) fn say(&mut self) {
        for told in self.untold.drain(..) {
            // Nobody listening is usual.
            let _ = self.parts.telling.send(told);
        }
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(waiting) = self.answers.remove(&answer.nonce) {
            // Whoever looks after the answer must see what it changed: "taken: arm" beside "DISARMED" would be two truths.
            self.show();
            self.say();
            // Whoever ordered may have gone; the order stands all the same.
            let _ = waiting.send(answer);
        }
    }
}
