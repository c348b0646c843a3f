//! What each durable change does to the state: live and after a restart the same function.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use crate::{
    GroupIx, Leftover, Millis, Phase, PrincipalIx, Record, State, StepEnd, Verb, ZoneIx,
    away::Whereabouts,
    plan::{Doing, Stage, Step, Work, home_id, is_last, step_id},
    policy::{Dying, Ended, Incident, Pending, PowerLoss, Vote, Window},
};

/// An intent waits this long for the journal (design §4), then the step goes out without it.
pub(crate) const STORE_WAIT_MS: Millis = 500;

/// Applies a record. Ids that the config does not know (any more) are passed over, votes excepted: the record stays in the
/// journal.
pub(crate) fn apply(state: &mut State, at: Millis, seq: u64, record: &Record) {
    state.plan.away.take(record);
    match record {
        Record::IncidentOpened { n, why } => open(state, at, *n, why),
        Record::VoteHeld {
            zone,
            group,
            channel,
            why,
            died,
        } => hold_vote(state, at, (zone, group), channel, (why, *died)),
        Record::AlarmJoined { channel } => join_alarm(state, at, channel),
        Record::DeathNoted {
            channel,
            alarmed_at,
            why,
        } => note_death(state, channel, *alarmed_at, why),
        Record::VoteReturned { zone, group } => {
            if let Some(vote) = vote_key(state, zone, group).and_then(|key| state.policy.votes.get_mut(&key)) {
                vote.held = false;
            }
        }
        Record::WindowOpened { zone, until, why } => open_window(state, at, zone, *until, why),
        Record::WindowClosed { zone, heard, .. } => close_window(state, zone, heard),
        Record::Bypassed {
            what,
            id,
            by,
            reason,
            until,
        } => state.take_bypass(at, (*what, id), by, reason, *until),
        Record::BypassEnded { what, id, .. } => state.drop_bypass(at, *what, id),
        Record::EvacuateBegun { zone, why, racks } => begin(state, at, (zone.as_deref(), racks.as_deref()), why),
        Record::PowerHeld { .. } => hold_power(state),
        Record::OrderPending { verb, by } => {
            if let Some(by) = principal(state, by) {
                state
                    .policy
                    .pending
                    .insert(verb.as_str(), Pending { verb: *verb, by, at });
            }
        }
        Record::OrderTaken { verb, by, until } => take(state, at, *verb, by, *until),
        Record::AbortLifted { .. } => lift(state, at),
        Record::StepIntent { .. } => intend(state, at, seq, record),
        Record::StepAccepted { step } => accept(state, at, step),
        Record::StepStranded { step, note } => strand(state, step, note),
        Record::StepEnded { step, end, note } => end_step(state, at, step, *end, note),
        Record::ReturnEnded { .. } => (state.policy.returning, state.policy.hold_until) = (None, None),
        Record::DestinationLost { destination, why } => state.plan.lose(destination, Some(why)),
        Record::DestinationWell { destination } => state.plan.lose(destination, None),
        Record::Learned { way, mode, took_ms, .. } => state.plan.learn(&state.site, way, *mode, *took_ms),
        Record::IncidentClosed { n, .. } => close(state, at, *n),
        Record::HostsOff { .. } | Record::DrillBegun { .. } | Record::DrillEnded { .. } => rehearse(state, at, record),
        // Where it was written, everything that it says is known.
        Record::Pruned { through, leftover, .. } if *through == seq => inherit(state, at, leftover),
        Record::OrderRefused { .. }
        | Record::BypassRefused { .. }
        | Record::ActedUnstored { .. }
        | Record::DrillStep { .. }
        | Record::Pruned { .. } => {}
    }
}

/// What drills have come to, and who has been told to go.
fn rehearse(state: &mut State, at: Millis, record: &Record) {
    match record {
        Record::HostsOff { id, why } => drop(state.policy.hosts_off.insert(id.clone(), (at, why.clone()))),
        Record::DrillBegun { n, .. } => state.policy.drills.held = state.policy.drills.held.max(*n),
        Record::DrillEnded {
            n,
            outcome,
            why,
            results,
        } => {
            let (n, outcome, why, results) = (*n, *outcome, why.clone(), results.clone());
            state.policy.drills.end(Ended {
                n,
                at,
                outcome,
                why,
                results,
            });
        }
        _ => {}
    }
}

fn open(state: &mut State, at: Millis, n: u32, why: &str) {
    let mode = state.mode();
    state.plan.start_over(&state.site, at, mode);
    state.plan.cordon_since = at;
    state.policy.returning = None;
    // Whoever held the way back has not held this evacuation.
    (state.policy.hold_until, state.policy.held_by) = (None, BTreeSet::new());
    state.policy.incident = Some(Incident {
        n,
        opened: at,
        why: why.into(),
        sign: None,
        evacuate_begun: None,
        closed: None,
    });
}

fn hold_vote(state: &mut State, at: Millis, (zone, group): (&str, &str), channel: &str, (why, died): (&str, bool)) {
    // A config that does not know them (any more) must not make the vote fall.
    let Some(key) = state.keep(zone, group) else {
        return;
    };
    let ix = state.detect.channel(&state.site, channel);
    if let Some(ix) = ix {
        state.detect.channels[ix.at()].alarmed = true;
    }
    state.policy.dying.remove(&key);
    let vote = Vote {
        held: true,
        onset: at,
        why: why.into(),
        alarmed_at: at,
        died,
        dead: ix.filter(|_| died),
        refuted: false,
    };
    state.policy.votes.insert(key, vote);
    sign(state, at);
}

fn join_alarm(state: &mut State, at: Millis, channel: &str) {
    let Some(ix) = state.detect.channel(&state.site, channel) else {
        return;
    };
    state.detect.channels[ix.at()].alarmed = true;
    let channel = &state.site.channels[ix.at()];
    if let Some(vote) = state.policy.votes.get_mut(&(channel.zone, channel.group)) {
        vote.alarmed_at = at;
    }
}

fn note_death(state: &mut State, channel: &str, alarmed_at: Millis, why: &str) {
    let Some(ix) = state.detect.channel(&state.site, channel) else {
        return;
    };
    let key = (state.site.channels[ix.at()].zone, state.site.channels[ix.at()].group);
    let dying = Dying {
        channel: ix,
        good_at: state.detect.channels[ix.at()].good_at,
        alarmed_at: alarmed_at.clamp(0, state.now),
        why: why.into(),
    };
    state.policy.dying.insert(key, dying);
}

fn open_window(state: &mut State, at: Millis, zone: &str, until: Millis, why: &str) {
    if let Some(zone) = zone_ix(state, zone) {
        let (until, why) = (until.clamp(0, crate::step::FAR), why.into());
        state.policy.windows.insert(zone, Window { opened: at, until, why });
    }
}

fn close_window(state: &mut State, zone: &str, heard: &[String]) {
    if let Some(zone) = zone_ix(state, zone) {
        state.policy.windows.remove(&zone);
    }
    for key in heard
        .iter()
        .filter_map(|group| vote_key(state, zone, group))
        .collect::<Vec<_>>()
    {
        if let Some(vote) = state.policy.votes.get_mut(&key) {
            vote.refuted = true;
        }
    }
}

fn zone_ix(state: &State, id: &str) -> Option<ZoneIx> {
    let at = state.site.zones.iter().position(|z| z.id == id)?;
    u16::try_from(at).ok().map(ZoneIx)
}

/// The first sign of a hazard, from which the priors count.
fn sign(state: &mut State, at: Millis) {
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.sign = incident.sign.or(Some(at));
    }
}

fn begin(state: &mut State, at: Millis, (zone, racks): (Option<&str>, Option<&[String]>), why: &str) {
    if let Some(racks) = racks {
        return begin_for_power(state, at, racks, why);
    }
    let zone = zone.and_then(|id| state.site.zones.iter().position(|z| z.id == id));
    // A zone that nobody knows was a part of the site all the same.
    match zone {
        Some(zone) => {
            state.policy.zones[zone].evacuate = Some(why.into());
            state.policy.windows.remove(&ZoneIx(zone as u16));
        }
        None => state.policy.site_evacuate = Some(why.into()),
    }
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.evacuate_begun = incident.evacuate_begun.or(Some(at));
    }
}

fn begin_for_power(state: &mut State, at: Millis, racks: &[String], why: &str) {
    let power = state.policy.power.get_or_insert_with(PowerLoss::default);
    // Another outage: what the mains have come back for is none of its racks.
    if power.held {
        power.racks.clear();
    }
    power.racks.extend(racks.iter().cloned());
    (power.why, power.held, power.mains_since) = (why.into(), false, None);
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.evacuate_begun = incident.evacuate_begun.or(Some(at));
    }
}

fn hold_power(state: &mut State) {
    if let Some(power) = &mut state.policy.power {
        (power.held, power.mains_since) = (true, None);
    }
    // With the mains back hosts stay, unless something burns or somebody has ordered it.
    if !state.policy.burns_or_is_ordered() {
        state.policy.hosts_off.clear();
    }
}

fn take(state: &mut State, at: Millis, verb: Verb, by: &[String], until: Option<Millis>) {
    state.policy.pending.remove(verb.as_str());
    match verb {
        Verb::Evacuate => {
            lift(state, at);
            // Somebody who orders an evacuation has seen something; a bare cut says nothing about a hazard.
            sign(state, at);
        }
        Verb::Hold => {
            // A journal may say anything; no deadline lies beyond all time.
            state.policy.hold_until = until.map(|until| until.clamp(0, crate::step::FAR));
            let who: Vec<PrincipalIx> = by.iter().filter_map(|id| principal(state, id)).collect();
            state.policy.held_by.extend(who);
        }
        Verb::Abort => {
            stand_down(state, at);
            // Not `evacuating()`: aborting a window while an evacuation stands aborted must not lift that.
            state.policy.aborted = state.policy.open().is_some_and(|i| i.evacuate_begun.is_some());
            // Whoever starts hosts again after that must not see them told to go.
            state.policy.hosts_off.clear();
        }
        // Power will go whatever was aborted before.
        Verb::Cut { at: cut } => {
            lift(state, at);
            state.policy.cut = Some(cut.clamp(0, crate::step::FAR));
        }
        Verb::Arm => arm(state, at, true),
        Verb::Disarm => arm(state, at, false),
        Verb::Return => {
            state.policy.returning = Some(by.join(" and "));
            // What is away may be so since an incident in the other mode, or since before what is kept of the journal.
            let mode = state.mode();
            state.plan.change_mode(mode);
            state.plan.remember(&state.site, at);
            // What starts again must not be told to go again.
            state.policy.hosts_off.clear();
        }
        Verb::Reset => {}
    }
}

/// Every abort window is closed, and what has been seen so far opens none again.
fn stand_down(state: &mut State, at: Millis) {
    let policy = &mut state.policy;
    for zone in core::mem::take(&mut policy.windows).into_keys() {
        policy.zones[zone.at()].stood_down = Some(at);
    }
    policy.dying.clear();
}

/// An abort or a hold ends here; what was not cordoned gets its second.
fn lift(state: &mut State, at: Millis) {
    if state.policy.aborted {
        state.plan.cordon_since = at;
    }
    (state.policy.aborted, state.policy.hold_until) = (false, None);
}

/// What was done as a drill has not been done for real, and the other way round.
fn arm(state: &mut State, at: Millis, armed: bool) {
    (state.policy.armed, state.policy.arm_ordered) = (armed, true);
    if !armed {
        state.policy.hosts_off.clear();
    }
    if state.policy.open().is_some() {
        let mode = state.mode();
        state.plan.change_mode(mode);
        state.plan.cordon_since = at;
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
        ..
    } = record
    else {
        return;
    };
    // Tokens rise also over steps that the config has no place for any more.
    state.plan.intents = state.plan.intents.max((*token & u64::from(u32::MAX)) as u32);
    let Some(work) = state.plan.workload(workload) else {
        return;
    };
    // An edited ladder may have another rung in this one's place, which was never begun.
    let ladder = &state.site.workloads[work.at()];
    if usize::from(*rung) >= ladder.rungs.len() {
        return;
    }
    let home = *phase == Phase::Verify && home_id(&state.site, ladder, *rung) == *step;
    if !home && step_id(ladder, *rung, *phase) != *step {
        return;
    }
    let book = state.plan.book_of(*mode);
    let known = &mut book.works[work.at()];
    match phase {
        // What is believed away is so until its probe has said otherwise.
        _ if home && state.policy.open().is_some() => {}
        _ if home => known.stage = Stage::Arriving,
        Phase::Restore => known.stage = Stage::Returning,
        Phase::Evacuate => (known.stage, known.rung) = (Stage::Moving, *rung),
        Phase::Verify => (known.stage, known.rung) = (Stage::Verifying, *rung),
        // Room may yet be found for a better one.
        Phase::Prepare => {}
    }
    let intent = Step {
        id: step.clone(),
        work,
        rung: *rung,
        phase: *phase,
        mode: *mode,
        token: *token,
        seq,
        begun: at,
        doing: Doing::Intent {
            release_at: at + STORE_WAIT_MS,
        },
        attempts: 0,
        percent: None,
        home,
        accepted: false,
        aside: false,
        stuck: false,
        stranded: false,
        note: String::new(),
    };
    book.insert(&state.site, intent);
}

fn accept(state: &mut State, at: Millis, step: &str) {
    if let Some((book, i)) = state.plan.find_live(step) {
        book.change(&state.site, i, |step| step.accepted = true);
        let step = book.step(i);
        if !matches!(step.doing, Doing::Backoff { .. }) || book.may_call(&state.site, step) {
            book.change(&state.site, i, |step| {
                (step.aside, step.doing) = (false, Doing::Accepted { heard: at });
            });
        }
    }
}

fn strand(state: &mut State, step: &str, note: &str) {
    if let Some((book, i)) = state.plan.find_live(step) {
        book.change(&state.site, i, |step| step.stranded = true);
        let work = book.step(i).work.at();
        let work = &mut book.works[work];
        (work.stage, work.why) = (Stage::Stranded, note.into());
    }
}

fn end_step(state: &mut State, at: Millis, step: &str, end: StepEnd, note: &str) {
    let Some((book, i)) = state.plan.find_live(step) else {
        return;
    };
    book.change(&state.site, i, |step| {
        step.doing = Doing::Ended { end, at };
        step.note = note.into();
    });
    let step = book.step(i);
    let (ix, rung, phase, homeward) = (step.work, step.rung, step.phase, step.is_homeward());
    let last = is_last(&state.site, ix, rung);
    let mode = step.mode;
    let work = &mut book.works[ix.at()];
    if homeward && state.policy.open().is_some() {
        return heard_of_home(work, end, note);
    }
    // How long a step took is no reason for what the workload does next.
    work.why = if end == StepEnd::Done {
        String::new()
    } else {
        note.into()
    };
    if homeward {
        let id = &state.site.workloads[ix.at()].id;
        let at = state.plan.away.of(mode).get(id).map(|gone| gone.at).unwrap_or_default();
        let work = &mut state.plan.book_of(mode).works[ix.at()];
        return end_homeward(work, at, (phase, end));
    }
    match (phase, end) {
        (Phase::Prepare, end) => work.prepared = end != StepEnd::Withdrawn,
        // Refused: somebody with a higher token has it; the probe tells whether it is safe.
        (Phase::Evacuate, StepEnd::Done | StepEnd::Refused) => work.stage = Stage::Verifying,
        (Phase::Verify, StepEnd::Done) => (work.stage, work.safe_at) = (Stage::Safe, Some(at)),
        // Nobody will tell us; whoever has it sees to it.
        (Phase::Verify, StepEnd::Refused) => work.stage = Stage::Stranded,
        (_, StepEnd::Skipped) => work.stage = Stage::Skipped,
        // What its rung did stands; the probe is asked once steps begin again.
        (Phase::Verify, StepEnd::Withdrawn) => work.stage = Stage::Verifying,
        (_, StepEnd::Withdrawn) => work.stage = Stage::Waiting,
        // Only after the ladder was cut short by an edited config.
        (Phase::Evacuate | Phase::Verify, _) if last => work.stage = Stage::Stranded,
        (Phase::Evacuate | Phase::Verify, _) => {
            work.stage = Stage::Waiting;
            work.refused |= u16::from(end == StepEnd::Cannot) << rung.min(15);
            work.rung = rung + 1;
        }
        (Phase::Restore, _) => {}
    }
}

/// In an incident, of what was believed away: what runs at home is saved like any other, from its first rung on.
fn heard_of_home(work: &mut Work, end: StepEnd, note: &str) {
    match end {
        StepEnd::Done => {
            *work = Work {
                why: "runs at home again, though nobody ordered its return".into(),
                ..Work::default()
            }
        }
        StepEnd::Withdrawn => {}
        _ => work.why = format!("{}: {note}", work.why),
    }
}

/// Refused: somebody with a higher token brings it home; the probe tells. Whatever else ends the way back, the workload is still
/// where it was moved to, as far as anybody knows; unless it is home already, and something around it is closed still.
fn end_homeward(work: &mut Work, at: Whereabouts, ended: (Phase, StepEnd)) {
    work.stage = match ended {
        (Phase::Restore, StepEnd::Done | StepEnd::Refused) => Stage::Arriving,
        (Phase::Verify, StepEnd::Done) => Stage::Home,
        // It has been brought; whether it runs is asked by the next order.
        (Phase::Verify, StepEnd::Withdrawn) => Stage::Arriving,
        _ => match at {
            Whereabouts::Safe => Stage::Safe,
            Whereabouts::Left => Stage::Verifying,
            Whereabouts::Here if work.safe_at.is_some() => Stage::Home,
            Whereabouts::Here => Stage::Waiting,
        },
    };
}

fn close(state: &mut State, at: Millis, n: u32) {
    state.policy.resets = state.policy.resets.max(n);
    if let Some(incident) = state.policy.incident.as_mut() {
        incident.closed = Some(at);
    }
    let policy = &mut state.policy;
    policy.votes.clear();
    policy.pending.clear();
    policy
        .zones
        .iter_mut()
        .for_each(|z| (z.evacuate, z.stood_down) = (None, None));
    policy.windows.clear();
    policy.dying.clear();
    (policy.site_evacuate, policy.cut, policy.hold_until, policy.aborted) = (None, None, None, false);
    (policy.power, policy.power_wake) = (None, None);
    policy.hosts_off.clear();
    policy.held_by.clear();
    state.detect.forget_alarms();
    state.forget_retained();
}

fn inherit(state: &mut State, at: Millis, leftover: &Leftover) {
    state.policy.resets = state.policy.resets.max(leftover.resets);
    state.plan.know(&state.site, leftover.learned.clone());
    state.policy.drills.held = state.policy.drills.held.max(leftover.drills);
    state.policy.drills.proven.extend(leftover.proven.clone());
    if let Some(armed) = leftover.armed {
        (state.policy.armed, state.policy.arm_ordered) = (armed, true);
    }
    inherit_away(state, at, leftover);
}

/// What has left before the first entry that is kept: its incident is known by its number alone.
fn inherit_away(state: &mut State, at: Millis, leftover: &Leftover) {
    state.plan.away = leftover.away.clone();
    if leftover.away.is_empty() {
        return;
    }
    state.plan.intents = state.plan.intents.max(leftover.away.intents);
    state.policy.incident.get_or_insert_with(|| Incident {
        n: leftover.away.incident.max(leftover.resets),
        opened: at,
        why: "what is kept of the journal begins after it".into(),
        sign: None,
        evacuate_begun: None,
        closed: Some(at),
    });
    let mode = state.mode();
    state.plan.change_mode(mode);
    state.plan.remember(&state.site, at);
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
