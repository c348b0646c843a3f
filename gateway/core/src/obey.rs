//! Carrying out what a person ordered.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Answer, DrillOutcome, Effect, EventKind, Millis, PrincipalIx, Record, State, StepEnd, Verb,
    effect::Verdict,
    policy::orders::{self, Ruling},
};

impl State {
    pub(crate) fn order(&mut self, now: Millis, by: PrincipalIx, verb: Verb, nonce: u64, out: &mut Vec<Effect>) {
        let who = self
            .site
            .principals
            .get(by.at())
            .map_or_else(|| "unknown".into(), |p| p.id.clone());
        let (verdict, why) = match self.ruling(now, by, verb) {
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
                (Verdict::Pending, self.waits(verb, &who))
            }
            Ruling::Take(verb, people) => (Verdict::Taken, self.obey(now, verb, &people, out)),
        };
        self.say(EventKind::Order, verb.as_str(), format!("{verdict}: {why}"), out);
        out.push(Effect::Answer(Answer { nonce, verdict, why }));
    }

    fn waits(&self, verb: Verb, who: &str) -> String {
        let line = format!("{} by {who} waits up to 5 min for a second person", verb.as_str());
        let unproven = (verb == Verb::Arm).then(|| self.policy.drills.unproven_words(&self.site));
        match unproven.flatten() {
            Some(ids) => {
                format!("{line}: no drill has been passed by {ids}; one person is enough after `muster drill`")
            }
            None => line,
        }
    }

    fn obey(&mut self, now: Millis, verb: Verb, people: &[PrincipalIx], out: &mut Vec<Effect>) -> String {
        let by: Vec<String> = people.iter().map(|p| self.site.principals[p.at()].id.clone()).collect();
        let mut why = format!("{} ordered by {}", verb.as_str(), by.join(" and "));
        if let (Verb::Arm, Some(open)) = (verb, self.policy.open()) {
            // What began as a drill goes on for real; whoever armed must not learn that from the hooks.
            let id = self.incident_id(open.n);
            why = format!("{why}; WARNING: incident {id} is open, so its hooks are called for real from now on");
        }
        if matches!(verb, Verb::Arm | Verb::Disarm) {
            self.stop_return(now, &why, out);
        }
        let until = (verb == Verb::Hold).then(|| now + self.slack_now(now));
        let stops = verb == Verb::Abort && self.policy.evacuating();
        if matches!(verb, Verb::Arm | Verb::Disarm) {
            self.end_drill(now, DrillOutcome::Interrupted, why.clone(), out);
        }
        if stops || matches!(verb, Verb::Arm | Verb::Disarm) {
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
        if verb == Verb::Abort {
            self.stop_return(now, &why, out);
        }
        if evacuates {
            self.record(
                now,
                Record::EvacuateBegun {
                    zone: None,
                    why: why.clone(),
                    racks: None,
                },
                out,
            );
        }
        if verb == Verb::Reset {
            self.close(now, by, out);
        }
        why
    }

    fn ruling(&self, now: Millis, by: PrincipalIx, verb: Verb) -> Ruling {
        match orders::rule(&self.site, (&self.policy, &self.detect), now, by, verb) {
            Ruling::Take(Verb::Return, _) | Ruling::Wait if verb == Verb::Return && self.no_return(now).is_some() => {
                Ruling::Refuse(self.no_return(now).unwrap_or_default())
            }
            Ruling::Take(Verb::Hold, _) if self.slack_now(now) == 0 => {
                Ruling::Refuse("no slack is left: what waits would no longer fit its runway".into())
            }
            ruling => ruling,
        }
    }

    fn no_return(&self, now: Millis) -> Option<String> {
        let drill = self.drill.as_ref().map(|drill| self.drill_id(drill.n));
        drill
            .map(|id| format!("{id} is under way: order the return when it is over"))
            .or_else(|| self.cannot_return(now))
            .or_else(|| self.nothing_away())
    }

    /// A hold is never longer than the slack that is left; the way back has all the time there is.
    pub(crate) fn slack_now(&self, now: Millis) -> Millis {
        if self.policy.returning.is_some() {
            return orders::HOLD_MS;
        }
        self.slack(now, &self.scope(now))
    }

    /// Steps begun in another mode stop here, and so do steps not yet sent when an evacuation is aborted.
    fn drop_steps(&mut self, now: Millis, verb: Verb, why: &str, out: &mut Vec<Effect>) {
        let aborting = verb == Verb::Abort;
        let book = &self.plan.book;
        let dropped: Vec<usize> = book
            .live()
            .filter(|i| !aborting || book.step(*i).attempts == 0)
            .collect();
        for i in dropped {
            self.end(now, i, StepEnd::Withdrawn, why.into(), out);
        }
    }

    fn close(&mut self, now: Millis, by: Vec<String>, out: &mut Vec<Effect>) {
        let Some(n) = self.policy.open().map(|i| i.n) else {
            return;
        };
        for i in self.plan.book.live().collect::<Vec<_>>() {
            self.end(now, i, StepEnd::Withdrawn, "the incident was reset".into(), out);
        }
        self.record(now, Record::IncidentClosed { n, by }, out);
        let id = self.incident_id(n);
        self.say(EventKind::Incident, &id, format!("{id} closed by reset"), out);
    }
}
