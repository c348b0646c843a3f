//! The only way in: something happened, what follows?

use alloc::{format, string::String, sync::Arc, vec::Vec};

use crate::{
    ChannelIx, DrillOutcome, Effect, Entry, EventKind, Input, Millis, Phase, PrincipalIx, Record, Site, State, StepEnd,
    Verb, WorkloadIx,
    clip::clip,
    detect::{Change, Sample},
    drill::Wanted,
    plan::{ASK_AGAIN_MS, Doing, Step, rung_of, schedule},
    policy::battery,
};

/// Engine time goes no further (73 million years), so that no deadline after it overflows.
pub(crate) const FAR: Millis = i64::MAX / 4;

/// Sequences of a journal that can be; beyond them `Stored` could never catch up.
const MAX_SEQ: u64 = u64::MAX / 2;

/// A runtime that jumps about by less than this is the same runtime.
const SHORTER_MS: Millis = 1_000;

/// What UPSes on battery have said is looked at after so long, for all of them at once.
const NOTED_MS: Millis = 1_000;

/// Parts of Muster that can be in trouble at a time; more are only said.
const MAX_PARTS: usize = 64;

/// Takes one input at engine time `now` and says what is to be done. Total: no input, however odd, panics or hangs.
pub fn step(state: &mut State, now: Millis, input: &Input, out: &mut Vec<Effect>) {
    let now = now.clamp(state.now, FAR);
    state.now = now;
    let (votes, incident) = (state.policy.votes.len(), state.policy.open().map(|i| i.n));
    let mut changes = Vec::new();
    if state.detect.next_check().is_some_and(|at| at <= now) {
        state.detect.look_for_silence(&state.site, now, &mut changes);
    }
    // What fell silent under this config has to be told under it: the next one may number its channels otherwise.
    if matches!(input, Input::Config(_)) && !changes.is_empty() {
        state.settle(now, &changes, out);
        changes.clear();
    }
    let stirred = take(state, now, input, &mut changes, out);
    if stirred || !changes.is_empty() || state.wake.is_some_and(|at| at <= now) {
        state.settle(now, &changes, out);
    }
    if state.policy.votes.len() < votes && state.policy.open().map(|i| i.n) == incident {
        out.push(Effect::Fault("a latched vote fell without a reset".into()));
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
            read(state, now, sample, changes)
        }
        Input::Tick => false,
        Input::Stored { through } => stored(state, *through, out),
        Input::Lost { source, why } => {
            state
                .detect
                .lose_source(&state.site, now, (*source, &clip(why)), changes);
            false
        }
        Input::Order { by, verb, nonce } => order(state, now, *by, *verb, *nonce, out),
        Input::Drill { by, works, dry, nonce } => drill(state, now, (*by, works), (*dry, *nonce), out),
        Input::Bypass {
            by,
            target,
            until,
            reason,
            nonce,
        } => {
            let order = crate::bypass::Order {
                by: *by,
                target: *target,
                until: *until,
                reason: clip(reason),
            };
            state.bypass(now, &order, *nonce, out);
            true
        }
        Input::Hook {
            incident,
            step,
            mode,
            outcome,
        } => state.hook(now, (incident, step, *mode), outcome, out),
        Input::Destination { id, says } => state.hear_from(now, id, says, out),
        Input::Own { part, trouble } => own(state, now, part, trouble.as_deref(), out),
        Input::Config(site) => configure(state, now, site, out),
        Input::Restore(entries) => restore(state, now, entries, out),
        Input::Prune { .. } => prune(state, now, input, out),
    }
}

fn read(state: &mut State, now: Millis, sample: Sample, changes: &mut Vec<Change>) -> bool {
    let channel = sample.channel;
    let clear_since = state.detect.clear_since(channel);
    let noted = state.detect.sample(&state.site, now, sample, changes);
    if noted {
        // How long a battery lasts is known anew, and perhaps of many at once.
        state.wake = state.wake.into_iter().chain([now.saturating_add(NOTED_MS)]).min();
    }
    // When its vote returns is known anew; or how power flows.
    state.detect.switches(channel, now)
        || clear_since != state.detect.clear_since(channel)
        || shortens(state, channel)
        || may_vote_at_last(state, channel)
}

fn order(state: &mut State, now: Millis, by: PrincipalIx, verb: Verb, nonce: u64, out: &mut Vec<Effect>) -> bool {
    state.order(now, by, verb, nonce, out);
    true
}

fn drill(
    state: &mut State,
    now: Millis,
    (by, works): (Option<PrincipalIx>, &[WorkloadIx]),
    (dry, nonce): (bool, u64),
    out: &mut Vec<Effect>,
) -> bool {
    let wanted = Wanted { by, works, dry, nonce };
    state.order_drill(now, &wanted, out);
    true
}

/// Whether a contact spoke that keeps alarms from voting.
fn may_vote_at_last(state: &State, channel: ChannelIx) -> bool {
    let by = |c: &ChannelIx| *c == channel || state.site.channels[c.at()].checks.inhibited_by == Some(channel);
    state.policy.withheld.iter().any(by)
}

/// Whether a reported runtime is so much shorter than the plan knows that it has to be made anew.
fn shortens(state: &State, channel: ChannelIx) -> bool {
    let runtime = |c: &crate::Channel| c.quantity == muster_wire::Quantity::Runtime;
    if !state.site.channels.get(channel.at()).is_some_and(runtime) || state.policy.open().is_none() {
        return false;
    }
    let end = battery::reported_end(&state.site, &state.detect, channel);
    end.is_some_and(|end| state.plan.deadline.is_none_or(|known| end < known - SHORTER_MS))
}

/// A journal that has caught up is well again.
fn stored(state: &mut State, through: u64, out: &mut Vec<Effect>) -> bool {
    if through > state.seq {
        out.push(Effect::Fault(format!(
            "the journal says it holds {through}, and only {} was given to it",
            state.seq
        )));
        return false;
    }
    state.stored = state.stored.max(through);
    if state.stored < state.seq {
        return true;
    }
    state.plan.unstored = false;
    if state.policy.own.remove("journal").is_some() {
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
    if state.policy.own.len() < MAX_PARTS {
        state.policy.own.insert(clip(part), (since, clip(line)));
    }
    if known.is_none() {
        state.say(EventKind::Trouble, part, clip(line), out);
    }
    false
}

fn configure(state: &mut State, now: Millis, site: &Arc<Site>, out: &mut Vec<Effect>) -> bool {
    // Whoever hands a config over has asked whether it is refused.
    if let Some(why) = state.refuses(site) {
        out.push(Effect::Fault(format!(
            "a config was refused, what was there stays: {why}"
        )));
        return false;
    }
    if !state.site.id.is_empty() {
        return state.reconfigure(now, site, out);
    }
    *state = State::configured(site.clone(), now);
    true
}

/// Old entries leave only between incidents, and never one that is not durable yet.
fn prune(state: &mut State, now: Millis, input: &Input, out: &mut Vec<Effect>) -> bool {
    let Input::Prune {
        through,
        hash,
        leftover,
    } = input
    else {
        return false;
    };
    let through = *through;
    if state.policy.acting().is_some() || through == 0 || through > state.stored {
        return false;
    }
    let (hash, leftover) = (clip(hash), leftover.clone());
    state.record(
        now,
        Record::Pruned {
            through,
            hash,
            leftover,
        },
        out,
    );
    let line = format!("entries up to {through} are older than is kept, and removed");
    state.say(EventKind::Journal, "journal", line, out);
    false
}

/// Folds the journal into a fresh state. A step without an end is taken up again, with the same key.
fn restore(state: &mut State, now: Millis, entries: &[Entry], out: &mut Vec<Effect>) -> bool {
    if state.seq > 0 || state.site.id.is_empty() {
        let what = "a journal came after decisions had been made, or before the config; it was not restored";
        out.push(Effect::Fault(what.into()));
        return false;
    }
    let mut begun = Vec::new();
    for entry in entries {
        if entry.seq <= state.seq || entry.seq > MAX_SEQ {
            out.push(Effect::Fault(format!(
                "entry {} of the journal is out of order",
                entry.seq
            )));
            continue;
        }
        state.seq = entry.seq;
        crate::apply::apply(state, entry.at.clamp(0, now), entry.seq, &entry.record);
        note_begun(&mut begun, &entry.record);
    }
    state.stored = state.seq;
    interrupt_drill(state, now, entries, out);
    state.doubt_anew(now);
    take_up_again(state, now, out);
    begun.retain(|step| state.plan.book.find(step).is_none() && state.plan.other.find(step).is_none());
    for step in begun {
        let note: String = "the config does not know it any more; nobody carries it out".into();
        state.say(EventKind::Step, &step, note.clone(), out);
        let end = StepEnd::Withdrawn;
        state.record(now, Record::StepEnded { step, end, note }, out);
    }
    if let Some(incident) = state.policy.open() {
        let id: String = state.incident_id(incident.n);
        state.say(EventKind::Incident, &id, format!("{id} goes on after a restart"), out);
    }
    true
}

/// A drill does not outlive the process.
fn interrupt_drill(state: &mut State, now: Millis, entries: &[Entry], out: &mut Vec<Effect>) {
    let begun = |e: &Entry| match &e.record {
        Record::DrillBegun { n, .. } => Some((*n, true)),
        Record::DrillEnded { n, .. } => Some((*n, false)),
        _ => None,
    };
    let Some((n, true)) = entries.iter().rev().find_map(begun) else {
        return;
    };
    let (outcome, why) = (DrillOutcome::Interrupted, "the gateway was restarted".into());
    let results = Vec::new();
    state.say(
        EventKind::Drill,
        &state.drill_id(n),
        "interrupted by a restart".into(),
        out,
    );
    state.record(
        now,
        Record::DrillEnded {
            n,
            outcome,
            why,
            results,
        },
        out,
    );
}

/// Steps without an end: every intent ends, also one that an edited config has no place for.
fn note_begun(begun: &mut Vec<String>, record: &Record) {
    match record {
        Record::IncidentOpened { .. } | Record::IncidentClosed { .. } => begun.clear(),
        Record::StepIntent { step, .. } => begun.push(step.clone()),
        Record::StepEnded { step, .. } => begun.retain(|s| s != step),
        _ => {}
    }
}

/// A step without an end may have been called: it is called again, with the same key, unless it may not be any more.
fn take_up_again(state: &mut State, now: Millis, out: &mut Vec<Effect>) {
    let book = &mut state.plan.book;
    for i in book.live().collect::<Vec<_>>() {
        let (doing, aside) = (Doing::Backoff { until: now }, book.step(i).phase != Phase::Prepare);
        book.change(&state.site, i, |step| {
            (step.attempts, step.doing, step.aside) = (1, doing, aside)
        });
    }
    // What may be under way is asked at once, as far as there are lanes; it has not failed, so it does not fall either.
    for i in book.live().collect::<Vec<_>>() {
        let step = book.step(i);
        if step.aside && book.may_call(&state.site, step) {
            let doing = Doing::Called {
                since: now - ASK_AGAIN_MS,
            };
            book.change(&state.site, i, |step| (step.doing, step.aside) = (doing, false));
        }
    }
    let open = state.policy.acting().is_some();
    let skip = |s: &Step| schedule::skipped(&state.site, s.mode, rung_of(&state.site, s.work, s.rung).1);
    let here = state.plan.book.live().map(|i| state.plan.book.step(i));
    let (skipped, kept): (Vec<&Step>, Vec<&Step>) = here.partition(|s| skip(s));
    let elsewhere = state.plan.other.live().map(|i| state.plan.other.step(i));
    let gone = elsewhere
        .chain(kept.into_iter().filter(|_| !open))
        .map(|s| s.id.clone());
    let (gone, skipped): (Vec<String>, Vec<String>) = (gone.collect(), skipped.iter().map(|s| s.id.clone()).collect());
    for step in skipped {
        state.skip(now, step, out);
    }
    for step in gone {
        let note = "after the restart it may not be carried out any more".into();
        let end = StepEnd::Withdrawn;
        state.record(now, Record::StepEnded { step, end, note }, out);
    }
}
