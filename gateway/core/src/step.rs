//! The only way in: something happened, what follows?

use alloc::{format, string::String, vec::Vec};

use crate::{
    Effect, Entry, EventKind, Input, Millis, PrincipalIx, Site, State, Verb,
    detect::{Change, Sample},
    plan::Doing,
};

/// Takes one input at engine time `now` and says what is to be done. Total: no input, however odd, panics or hangs.
pub fn step(state: &mut State, now: Millis, input: &Input, out: &mut Vec<Effect>) {
    let now = now.max(state.now);
    state.now = now;
    let mut changes = Vec::new();
    if state.detect.next_check().is_some_and(|at| at <= now) {
        state.detect.look_for_silence(&state.site, now, &mut changes);
    }
    let stirred = take(state, now, input, &mut changes, out);
    if stirred || !changes.is_empty() || state.wake.is_some_and(|at| at <= now) {
        state.settle(now, &changes, out);
    }
}

/// When `step` has to be called again though nothing happens.
#[must_use]
pub fn next_deadline(state: &State) -> Option<Millis> {
    state.detect.next_check().into_iter().chain(state.wake).min()
}

/// Whether the input may have changed more than `changes` says.
fn take(state: &mut State, now: Millis, input: &Input, changes: &mut Vec<Change>, out: &mut Vec<Effect>) -> bool {
    match input {
        Input::Reading {
            channel,
            value,
            simulated,
            age_ms,
        } => {
            let sample = Sample {
                channel: *channel,
                value: *value,
                simulated: *simulated,
                age_ms: *age_ms,
            };
            state.detect.sample(&state.site, now, sample, changes);
            false
        }
        Input::Tick => false,
        Input::Stored { through } => stored(state, *through, out),
        Input::Lost { source, why } => {
            state.detect.lose_source(*source, now, why, changes);
            false
        }
        Input::Order { by, verb, nonce } => order(state, now, *by, *verb, *nonce, out),
        Input::Hook {
            incident,
            step,
            mode,
            outcome,
        } => state.hook(now, (incident, step, *mode), outcome, out),
        Input::Own { part, trouble } => own(state, now, part, trouble.as_deref(), out),
        Input::Config(site) => configure(state, now, site, out),
        Input::Restore(entries) => restore(state, now, entries, out),
    }
}

fn order(state: &mut State, now: Millis, by: PrincipalIx, verb: Verb, nonce: u64, out: &mut Vec<Effect>) -> bool {
    state.order(now, by, verb, nonce, out);
    true
}

/// A journal that has caught up is well again.
fn stored(state: &mut State, through: u64, out: &mut Vec<Effect>) -> bool {
    state.stored = state.stored.max(through);
    if state.stored >= state.seq && state.policy.own.remove("journal").is_some() {
        state.say(
            EventKind::TroubleCleared,
            "journal",
            "the journal has caught up".into(),
            out,
        );
    }
    true
}

fn own(state: &mut State, now: Millis, part: &str, trouble: Option<&str>, out: &mut Vec<Effect>) -> bool {
    let known = state.policy.own.remove(part);
    let Some(line) = trouble else {
        if known.is_some() {
            state.say(EventKind::TroubleCleared, part, format!("{part} is well again"), out);
        }
        return false;
    };
    let since = known.as_ref().map_or(now, |(since, _)| *since);
    state.policy.own.insert(part.into(), (since, line.into()));
    if known.is_none() {
        state.say(EventKind::Trouble, part, line.into(), out);
    }
    false
}

fn configure(state: &mut State, now: Millis, site: &Site, out: &mut Vec<Effect>) -> bool {
    if !state.site.id.is_empty() {
        out.push(Effect::Fault("a second config came; the first one stays".into()));
        return false;
    }
    *state = State::configured(site.clone(), now);
    true
}

/// Folds the journal into a fresh state. A step without an end is taken up again, with the same key.
fn restore(state: &mut State, now: Millis, entries: &[Entry], out: &mut Vec<Effect>) -> bool {
    if state.seq > 0 {
        out.push(Effect::Fault(
            "a journal came after decisions had been made; it was not restored".into(),
        ));
        return false;
    }
    for entry in entries {
        crate::apply::apply(state, entry.at, entry.seq, &entry.record);
        state.seq = state.seq.max(entry.seq);
    }
    state.stored = state.seq;
    for step in state.plan.steps.iter_mut().filter(|s| s.ended().is_none()) {
        step.doing = Doing::Backoff { until: now };
    }
    if let Some(incident) = state.policy.open() {
        let id: String = state.incident_id(incident.n);
        state.say(EventKind::Incident, &id, format!("{id} goes on after a restart"), out);
    }
    true
}
