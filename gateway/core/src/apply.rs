//! What each durable change does to the state: live and after a restart the same function.

use alloc::{string::String, vec::Vec};

use crate::{
    ChannelIx, GroupIx, Millis, Phase, PrincipalIx, Record, State, StepEnd, Verb, WorkloadIx, ZoneIx,
    plan::{Doing, Stage, Step},
    policy::{Incident, Pending, Vote},
};

/// An intent waits this long for the journal (design §4), then the step goes out without it.
pub(crate) const STORE_WAIT_MS: Millis = 500;

/// Applies a record. Ids that the config does not know (any more) are passed over: the record stays in the journal.
pub(crate) fn apply(state: &mut State, at: Millis, seq: u64, record: &Record) {
    match record {
        Record::IncidentOpened { n, why } => open(state, at, *n, why),
        Record::VoteHeld {
            zone,
            group,
            channel,
            why,
        } => hold_vote(state, at, (zone, group), channel, why),
        Record::VoteReturned { zone, group } => {
            if let Some(vote) = vote_key(state, zone, group).and_then(|key| state.policy.votes.get_mut(&key)) {
                vote.held = false;
            }
        }
        Record::EvacuateBegun { zone, why } => begin(state, at, zone.as_deref(), why),
        Record::OrderPending { verb, by } => {
            if let Some(by) = principal(state, by) {
                state
                    .policy
                    .pending
                    .insert(verb.as_str(), Pending { verb: *verb, by, at });
            }
        }
        Record::OrderTaken { verb, by, until } => take(state, at, *verb, by, *until),
        Record::AbortLifted { .. } => {
            state.policy.aborted = false;
            state.policy.hold_until = None;
        }
        Record::StepIntent { .. } => intend(state, at, seq, record),
        Record::StepAccepted { step } => accept(state, at, step),
        Record::StepEnded { step, end, note } => end_step(state, at, step, *end, note),
        Record::IncidentClosed { n, .. } => close(state, at, *n),
        Record::OrderRefused { .. } | Record::ActedUnstored { .. } => {}
    }
}

fn open(state: &mut State, at: Millis, n: u32, why: &str) {
    state.plan.start_over();
    state.plan.intents = 0;
    state.policy.incident = Some(Incident {
        n,
        opened: at,
        why: why.into(),
        sign: None,
        evacuate_begun: None,
        closed: None,
    });
}

fn hold_vote(state: &mut State, at: Millis, (zone, group): (&str, &str), channel: &str, why: &str) {
    let Some(key) = vote_key(state, zone, group) else {
        return;
    };
    let ix = state
        .site
        .channels
        .iter()
        .position(|c| c.id == channel)
        .unwrap_or(usize::MAX);
    if let Some(channel) = state.detect.channels.get_mut(ix) {
        channel.alarmed = true;
    }
    let channel = ChannelIx(u32::try_from(ix).unwrap_or(u32::MAX));
    state.policy.votes.insert(
        key,
        Vote {
            held: true,
            onset: at,
            channel,
            why: why.into(),
        },
    );
    sign(state, at);
}

/// The first sign of a hazard, from which the priors count.
fn sign(state: &mut State, at: Millis) {
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.sign = incident.sign.or(Some(at));
    }
}

fn begin(state: &mut State, at: Millis, zone: Option<&str>, why: &str) {
    match zone {
        Some(id) => {
            if let Some(zone) = state.site.zones.iter().position(|z| z.id == id) {
                state.policy.zones[zone].evacuate = Some(why.into());
            }
        }
        None => state.policy.site_evacuate = Some(why.into()),
    }
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.evacuate_begun = incident.evacuate_begun.or(Some(at));
    }
}

fn take(state: &mut State, at: Millis, verb: Verb, by: &[String], until: Option<Millis>) {
    state.policy.pending.remove(verb.as_str());
    match verb {
        Verb::Evacuate => {
            state.policy.aborted = false;
            state.policy.hold_until = None;
            // Somebody who orders an evacuation has seen something; a bare cut says nothing about a hazard.
            sign(state, at);
        }
        Verb::Hold => {
            state.policy.hold_until = until;
            let who: Vec<PrincipalIx> = by.iter().filter_map(|id| principal(state, id)).collect();
            state.policy.held_by.extend(who);
        }
        Verb::Abort => state.policy.aborted = true,
        Verb::Cut { at: cut } => state.policy.cut = Some(cut),
        Verb::Arm => arm(state, true),
        Verb::Disarm => arm(state, false),
        Verb::Reset => {}
    }
}

/// What was done as a drill has not been done for real, and the other way round: the plan starts over.
fn arm(state: &mut State, armed: bool) {
    state.policy.armed = armed;
    if state.policy.open().is_some() {
        state.plan.start_over();
    }
}

fn intend(state: &mut State, at: Millis, seq: u64, record: &Record) {
    let Record::StepIntent {
        step,
        workload,
        rung,
        phase,
        mode,
        token,
    } = record
    else {
        return;
    };
    let Some(ix) = state.site.workloads.iter().position(|w| w.id == *workload) else {
        return;
    };
    if usize::from(*rung) >= state.site.workloads[ix].rungs.len() {
        return;
    }
    let work = &mut state.plan.works[ix];
    work.rung = *rung;
    match phase {
        Phase::Evacuate => work.stage = Stage::Moving,
        Phase::Verify => work.stage = Stage::Verifying,
        Phase::Prepare | Phase::Restore => {}
    }
    state.plan.intents = state.plan.intents.max((*token & u64::from(u32::MAX)) as u32);
    let index = u32::try_from(state.plan.steps.len()).unwrap_or(u32::MAX);
    state.plan.by_id.insert(step.clone(), index);
    state.plan.steps.push(Step {
        id: step.clone(),
        work: WorkloadIx(u16::try_from(ix).unwrap_or(u16::MAX)),
        rung: *rung,
        phase: *phase,
        mode: *mode,
        token: *token,
        begun: at,
        doing: Doing::Intent {
            release_at: at + STORE_WAIT_MS,
            seq,
        },
        attempts: 0,
        percent: None,
        stuck: false,
        note: String::new(),
    });
}

fn accept(state: &mut State, at: Millis, step: &str) {
    if let Some(i) = state.plan.step(step) {
        state.plan.steps[i].doing = Doing::Accepted { heard: at };
    }
}

fn end_step(state: &mut State, at: Millis, step: &str, end: StepEnd, note: &str) {
    let Some(i) = state.plan.step(step) else { return };
    let step = &mut state.plan.steps[i];
    step.doing = Doing::Ended { end, at };
    step.note = note.into();
    let (work, rung, phase) = (step.work, step.rung, step.phase);
    let rungs = state.site.workloads[work.at()].rungs.len();
    let work = &mut state.plan.works[work.at()];
    // How long a step took is no reason for what the workload does next.
    work.why = if end == StepEnd::Done {
        String::new()
    } else {
        note.into()
    };
    match (phase, end) {
        (Phase::Prepare, end) => work.prepared = end != StepEnd::Withdrawn,
        // Refused: somebody with a higher token has it; the probe tells whether it is safe.
        (Phase::Evacuate, StepEnd::Done | StepEnd::Refused) => work.stage = Stage::Verifying,
        (Phase::Verify, StepEnd::Done) => (work.stage, work.safe_at) = (Stage::Safe, Some(at)),
        (_, StepEnd::Skipped) => work.stage = Stage::Skipped,
        (_, StepEnd::Withdrawn) => work.stage = Stage::Waiting,
        (Phase::Evacuate | Phase::Verify, _) => {
            work.stage = Stage::Waiting;
            work.refused |= u16::from(end == StepEnd::Cannot) << rung.min(15);
            work.rung = if usize::from(rung) + 1 < rungs { rung + 1 } else { rung };
        }
        (Phase::Restore, _) => {}
    }
}

fn close(state: &mut State, at: Millis, n: u32) {
    state.policy.resets = state.policy.resets.max(n);
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.closed = Some(at);
    }
    let policy = &mut state.policy;
    policy.votes.clear();
    policy.pending.clear();
    policy.zones.iter_mut().for_each(|z| z.evacuate = None);
    (policy.site_evacuate, policy.cut, policy.hold_until, policy.aborted) = (None, None, None, false);
    policy.held_by.clear();
    state.detect.forget_alarms();
}

fn vote_key(state: &State, zone: &str, group: &str) -> Option<(ZoneIx, GroupIx)> {
    let zone = state.site.zones.iter().position(|z| z.id == zone)?;
    let group = state.site.groups.iter().position(|g| g.id == group)?;
    Some((ZoneIx(u16::try_from(zone).ok()?), GroupIx(u16::try_from(group).ok()?)))
}

fn principal(state: &State, id: &str) -> Option<PrincipalIx> {
    let at = state.site.principals.iter().position(|p| p.id == id)?;
    u16::try_from(at).ok().map(PrincipalIx)
}
