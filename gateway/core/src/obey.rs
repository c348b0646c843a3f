//! Carrying out what a person ordered.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Answer, Effect, EventKind, Millis, PrincipalIx, Record, State, StepEnd, Verb,
    effect::Verdict,
    plan::schedule,
    policy::orders::{self, HOLD_MS, Ruling},
};

impl State {
    pub(crate) fn order(&mut self, now: Millis, by: PrincipalIx, verb: Verb, nonce: u64, out: &mut Vec<Effect>) {
        let who = self
            .site
            .principals
            .get(by.at())
            .map_or_else(|| "unknown".into(), |p| p.id.clone());
        let (verdict, why) = match orders::rule(&self.site, &self.policy, now, by, verb) {
            Ruling::Refuse(why) => {
                self.record(
                    now,
                    Record::OrderRefused {
                        verb,
                        by: who.clone(),
                        why: why.clone(),
                    },
                    out,
                );
                (Verdict::Refused, why)
            }
            Ruling::Wait => {
                self.record(now, Record::OrderPending { verb, by: who.clone() }, out);
                (
                    Verdict::Pending,
                    format!("{} by {who} waits up to 5 min for a second person", verb.as_str()),
                )
            }
            Ruling::Take(verb, people) => (Verdict::Taken, self.obey(now, verb, &people, out)),
        };
        self.say(EventKind::Order, verb.as_str(), format!("{verdict}: {why}"), out);
        out.push(Effect::Answer(Answer { nonce, verdict, why }));
    }

    fn obey(&mut self, now: Millis, verb: Verb, people: &[PrincipalIx], out: &mut Vec<Effect>) -> String {
        let by: Vec<String> = people.iter().map(|p| self.site.principals[p.at()].id.clone()).collect();
        let why = format!("{} ordered by {}", verb.as_str(), by.join(" and "));
        let until = (verb == Verb::Hold).then(|| self.hold_until(now));
        if matches!(verb, Verb::Arm | Verb::Disarm | Verb::Abort) {
            self.drop_steps(now, verb, &why, out);
        }
        let evacuates = matches!(verb, Verb::Evacuate | Verb::Cut { .. });
        if evacuates {
            self.open_incident(now, &why, out);
        }
        self.record(
            now,
            Record::OrderTaken {
                verb,
                by: by.clone(),
                until,
            },
            out,
        );
        if evacuates {
            self.record(
                now,
                Record::EvacuateBegun {
                    zone: None,
                    why: why.clone(),
                },
                out,
            );
        }
        if verb == Verb::Reset {
            self.close(now, by, out);
        }
        why
    }

    /// Never longer than the slack that is left.
    fn hold_until(&self, now: Millis) -> Millis {
        let deadline = crate::policy::runway::of(&self.site, &self.policy, &self.detect).deadline();
        let slots = schedule::slots(&self.site, &self.plan, now, deadline);
        let last = slots.iter().map(|slot| slot.finish).max().unwrap_or(now);
        let slack = deadline.map_or(HOLD_MS, |deadline| (deadline - last).max(0));
        now + HOLD_MS.min(slack)
    }

    /// Steps begun in another mode stop here, and so do steps not yet sent when an evacuation is aborted.
    fn drop_steps(&mut self, now: Millis, verb: Verb, why: &str, out: &mut Vec<Effect>) {
        let aborting = verb == Verb::Abort;
        let dropped: Vec<usize> = (0..self.plan.steps.len())
            .filter(|i| {
                let step = &self.plan.steps[*i];
                step.ended().is_none() && (!aborting || step.attempts == 0)
            })
            .collect();
        for i in dropped {
            self.end(now, i, StepEnd::Withdrawn, why.into(), out);
        }
    }

    fn close(&mut self, now: Millis, by: Vec<String>, out: &mut Vec<Effect>) {
        let Some(n) = self.policy.open().map(|i| i.n) else {
            return;
        };
        for i in 0..self.plan.steps.len() {
            if self.plan.steps[i].ended().is_none() {
                self.end(now, i, StepEnd::Withdrawn, "the incident was reset".into(), out);
            }
        }
        self.record(now, Record::IncidentClosed { n, by }, out);
        let id = self.incident_id(n);
        self.say(EventKind::Incident, &id, format!("{id} closed by reset"), out);
    }
}
