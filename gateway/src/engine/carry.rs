//! Carrying out what the core wants done.

use muster_core::{Answer, Effect, Event};

use super::Engine;
use crate::counters::Cause;

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
        (self.parts.listener)(self.parts.clock.wall_ms(), &event);
        self.batch.events.push((self.now(), event));
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(waiting) = self.answers.remove(&answer.nonce) {
            // Whoever looks after the answer must see what it changed: "taken: arm" beside "DISARMED" would be two truths.
            self.show();
            // Whoever ordered may have gone; the order stands all the same.
            let _ = waiting.send(answer);
        }
    }
}
