//! What holds for every sequence of inputs on every small site. The invariants themselves are in `stand/witness.rs`,
//! which watches every step.
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::stand::{MINUTE, SECOND, Stand, dice::Dice, site, turned, units, workload};
use muster_core::{
    ChannelIx, Effect, Elsewhere, Entry, HookOutcome, Input, Mode, Phase, PrincipalIx, Record, Site, SourceIx, State,
    StepEnd, Target, Verb, ZoneIx, next_deadline, step,
};
use muster_wire::{Absence, Micro};
use proptest::prelude::*;

/// Zone, group, held.
type Latched = (String, String, bool);

/// Three numbers that become one input.
pub(crate) type Op = (u8, u16, i32);

fn play(seed: u64, ops: &[Op]) -> Stand {
    let mut stand = Stand::new(Dice(seed).site());
    stand.stores = !seed.is_multiple_of(3);
    for op in ops {
        act(&mut stand, *op);
    }
    stand
}

pub(crate) fn act(stand: &mut Stand, (kind, which, value): Op) {
    let site = stand.state.site();
    let channel = ChannelIx(u32::from(which) % (site.channels.len() as u32 + 1));
    let simulated = site.simulated || which % 11 == 0;
    match kind % 36 {
        0..=11 => {
            let value = match value % 17 {
                0 => Err(Absence::Bus),
                1 => Ok(Micro(i64::from(value) << 20)),
                n => Ok(units(i64::from(n.abs()) * 2)),
            };
            let age_ms = if which.is_multiple_of(5) { u32::from(which) } else { 0 };
            let reading = Input::Reading {
                channel,
                value,
                simulated,
                age_ms,
            };
            (0..1 + which % 4).for_each(|_| drop(stand.input(&reading)));
        }
        12 => drop(stand.input(&Input::Lost {
            source: SourceIx(which % 5),
            why: "gone".into(),
        })),
        13..=16 => order(stand, which, value),
        17..=22 => hook(stand, which, value),
        23 => drop(stand.input(&Input::Own {
            part: ["journal", "clock"][usize::from(which % 2)].into(),
            trouble: (value % 2 == 0).then(|| "sick".into()),
        })),
        24..=25 => drop(stand.store()),
        26..=29 => stand.wait(i64::from(value.unsigned_abs()) % (2 * MINUTE)),
        32 | 33 => bypass(stand, which, value),
        34 | 35 => drop(stand.input(&elsewhere(which, value))),
        30 => stand.wait(i64::from(value.unsigned_abs()) % (40 * MINUTE)),
        _ => {
            if let Some(due) = next_deadline(&stand.state) {
                stand.wait(due - stand.now);
            }
        }
    }
}

/// Three workloads of a drawn site have left, and two persons have reset it.
pub(crate) fn all_away(seed: u64) -> Stand {
    let mut site = Dice(seed).site();
    (site.armed, site.workloads) = (
        true,
        vec![workload("a", 1, &[]), workload("b", 1, &[0]), workload("c", 2, &[])],
    );
    let mut stand = Stand::new(site);
    stand.both(Verb::Evacuate);
    for _ in 0..12 {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            stand.answer_all(phase, &HookOutcome::Done);
        }
        stand.wait(SECOND);
    }
    stand.both(Verb::Reset);
    stand
}

fn order(stand: &mut Stand, which: u16, value: i32) {
    let cut = stand.now + i64::from(value % 3_000) * SECOND;
    let verbs = [
        Verb::Evacuate,
        Verb::Hold,
        Verb::Abort,
        Verb::Cut { at: cut },
        Verb::Arm,
        Verb::Disarm,
        Verb::Reset,
        Verb::Return,
    ];
    let verb = verbs[usize::from(which) % verbs.len()];
    stand.order(PrincipalIx(which / 7 % 4), verb);
    if value % 3 == 0 {
        stand.order(PrincipalIx((which / 7 + 1) % 4), verb);
    }
}

fn elsewhere(which: u16, value: i32) -> Input {
    let says = match value % 4 {
        0 => Elsewhere::Lost { why: "smoke".into() },
        1 => Elsewhere::Well,
        2 => Elsewhere::Room { units: None },
        _ => Elsewhere::Room {
            units: Some(value.unsigned_abs() % 5),
        },
    };
    let id = ["far", "near", "mars"][usize::from(which) % 3].into();
    Input::Destination { id, says }
}

fn bypass(stand: &mut Stand, which: u16, value: i32) {
    let until = (value % 4 != 0).then(|| stand.now + i64::from(value % 600) * MINUTE);
    let reason = if value % 7 == 0 { " " } else { "a reason" };
    stand.input(&Input::Bypass {
        by: PrincipalIx(which % 4),
        target: odd_target(which),
        until,
        reason: reason.into(),
        nonce: 0,
    });
}

fn odd_target(which: u16) -> Target {
    match which % 3 {
        0 => Target::Zone(ZoneIx(which / 3 % 5)),
        1 => Target::Source(SourceIx(which / 3 % 6)),
        _ => Target::Channel(ChannelIx(u32::from(which / 3) % 12)),
    }
}

fn hook(stand: &mut Stand, which: u16, value: i32) {
    let Some(call) = stand
        .calls
        .len()
        .checked_sub(1 + usize::from(which) % 6)
        .map(|i| &stand.calls[i])
    else {
        return;
    };
    let outcomes = [
        HookOutcome::Done,
        HookOutcome::Done,
        HookOutcome::Accepted,
        HookOutcome::Running { percent: Some(255) },
        HookOutcome::Cannot { note: "no".into() },
        HookOutcome::TokenRefused,
        HookOutcome::Retry { cause: "500".into() },
    ];
    let input = Input::Hook {
        incident: call.incident.clone(),
        step: call.step.clone(),
        mode: if value % 9 == 0 { Mode::Drill } else { call.mode },
        outcome: outcomes[value.unsigned_abs() as usize % outcomes.len()].clone(),
    };
    stand.input(&input);
}

fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any::<Op>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Invariants 1, 2, 3, 4, 7, 8, 11 and 15, no fault, no deadline in the past, nothing that grows.
    #[test]
    fn the_invariants_hold(seed: u64, ops in ops(120)) {
        play(seed, &ops);
    }

    /// The same on the way back: everything is away, two have ordered it home, and then anything happens. What is seldom drawn in
    /// so few inputs is where this begins.
    #[test]
    fn the_invariants_hold_on_the_way_home(seed: u64, ops in ops(60), then in ops(30)) {
        let mut stand = all_away(seed);
        prop_assert_eq!(stand.both(Verb::Return), muster_core::Verdict::Taken);
        ops.iter().for_each(|op| act(&mut stand, *op));
        stand.store();
        let mut after = stand.restart(u64::MAX);
        then.iter().for_each(|op| act(&mut after, *op));
    }

    /// Invariant 10 and determinism: the same inputs give the same effects and the same digest.
    #[test]
    fn the_same_inputs_give_the_same_decision(seed: u64, ops in ops(60)) {
        let (a, b) = (play(seed, &ops), play(seed, &ops));
        prop_assert_eq!(a.state.digest(), b.state.digest());
        prop_assert_eq!(a.calls, b.calls);
        prop_assert_eq!(a.entries, b.entries);
        prop_assert_eq!(a.events, b.events);
    }

    /// What the journal holds is what was decided.
    #[test]
    fn a_restart_forgets_nothing(seed: u64, ops in ops(80)) {
        let mut before = play(seed, &ops);
        before.store();
        let after = before.restart(u64::MAX);
        let (old, new) = (before.view(), after.view());
        prop_assert_eq!(before.votes(), after.votes());
        prop_assert_eq!(old.armed, new.armed);
        let (Some(old), Some(new)) = (old.incident, new.incident) else {
            return Ok(());
        };
        prop_assert_eq!((&old.id, old.opened, old.closed), (&new.id, new.opened, new.closed));
        prop_assert_eq!(old.evacuate_begun, new.evacuate_begun);
        for (old, new) in old.workloads.iter().zip(&new.workloads) {
            // What waited may have begun meanwhile, and what moved may have fallen, but says so: without the last word of a
            // UPS or a contact there is another runway.
            let fell = after.entries[before.entries.len()..].iter().any(|e| {
                matches!(&e.record, Record::StepEnded { step, end: StepEnd::Superseded, .. } if step.starts_with(&format!("{}.", new.id)))
            });
            if old.state != "waiting" && new.state != "waiting" && !fell {
                let shown = |w: &muster_core::WorkloadView| (w.id.clone(), w.state.clone(), w.rung, w.safe_at);
                prop_assert_eq!(shown(old), shown(new));
            }
        }
    }

    /// Nodes that start anew, warm up, fall silent and come back in any order: whoever has no value is in trouble, by itself or
    /// with its source. The witness looks.
    #[test]
    fn restarts_hide_no_silence(beats in prop::collection::vec((prop::array::uniform8(0u8..5), 0u8..4, 1i64..20), 1..80)) {
        let mut stand = Stand::new(site());
        for (says, lost, seconds) in beats {
            for (channel, said) in (0u32..).zip(says) {
                match said {
                    0 => stand.sample(channel, Err(Absence::Warmup)),
                    1 => stand.sample(channel, Err(Absence::Open)),
                    2 | 3 => stand.read(channel, 0),
                    _ => {}
                }
            }
            if lost == 0 {
                stand.input(&Input::Lost { source: SourceIx(0), why: "no answer".into() });
            }
            stand.wait(seconds * SECOND);
        }
    }

    /// After any prefix of the journal, transactions cut in the middle included, it goes on within the invariants.
    #[test]
    fn any_prefix_of_the_journal_goes_on(seed: u64, first in ops(60), cut: u64, then in ops(40)) {
        let before = play(seed, &first);
        let mut after = before.restart(cut % (before.entries.len() as u64 + 1));
        for op in then {
            act(&mut after, op);
        }
        after.wait(MINUTE);
    }

    /// Where things stand in the file means nothing: reloaded in another order at any moment, it decides the same, and
    /// knows the same once the file is as it was.
    #[test]
    fn a_reload_changes_no_decision(seed: u64, ops in ops(60), at in prop::collection::vec(any::<u16>(), 0..60)) {
        let mut plain = Stand::new(Dice(seed).site());
        plain.stores = !seed.is_multiple_of(3);
        let mut reloads = Vec::new();
        for (i, op) in ops.iter().enumerate() {
            act(&mut plain, *op);
            if let Some(turn) = at.get(i) {
                // It looks around, as it does at a reload.
                plain.input(&Input::Stored { through: 0 });
                reloads.push((plain.inputs.len(), *turn));
            }
        }
        plain.order(PrincipalIx(99), Verb::Hold);
        let (state, records, calls) = turned::replay_with_reloads(&plain, &reloads);
        prop_assert_eq!(records, plain.entries.clone());
        prop_assert_eq!(calls, plain.calls.iter().map(turned::named).collect::<Vec<_>>());
        prop_assert_eq!(state.digest(), plain.state.digest());
    }

    /// Invariants 3 and 20: a vote and a step survive whatever the new file says, or the file is refused; and a restart
    /// with the new file shows the same.
    #[test]
    fn any_other_config_drops_nothing(seed: u64, ops in ops(60), other: u64, then in ops(30)) {
        let mut stand = play(seed, &ops);
        let mut next = Dice(other).site();
        next.simulated = stand.file.simulated;
        cripple(&mut next, other);
        let votes = stand.votes();
        let live = live_steps(&stand);
        if stand.reload(next).is_ok() {
            // One that lost its channels may return; it stays latched. With less slack a death may be judged at once.
            let keys = |votes: Vec<Latched>| votes.into_iter().map(|v| (v.0, v.1)).collect::<BTreeSet<_>>();
            prop_assert!(keys(stand.votes()).is_superset(&keys(votes)));
            for step in live {
                prop_assert!(live_steps(&stand).contains(&step) || stand.ended(&step.0).is_some(), "{:?} is lost", step);
            }
            stand.store();
            let after = stand.restart(u64::MAX);
            let all = |votes: Vec<Latched>| votes.into_iter().collect::<BTreeSet<_>>();
            prop_assert_eq!(all(stand.votes()), all(after.votes()));
            prop_assert_eq!(stand.view().armed, after.view().armed);
        }
        for op in then {
            act(&mut stand, op);
        }
    }

    /// Whatever comes in, however odd: no panic, no spinning. Here a `Fault` is the right answer.
    #[test]
    fn nothing_panics(garbage in prop::collection::vec(hostile(), 0..60)) {
        let (mut state, mut out) = (State::new(), Vec::new());
        for (now, input) in &garbage {
            step(&mut state, *now, input, &mut out);
            for _ in 0..50 {
                let Some(due) = next_deadline(&state) else { break };
                let before = state.view(0).now.max(due);
                step(&mut state, due, &Input::Tick, &mut out);
                let next = next_deadline(&state);
                prop_assert!(next.is_none_or(|at| at > before || before > i64::MAX / 4), "spins at {}", before);
            }
            let (view, channels) = (state.view(*now), state.channels(*now));
            let faulty = channels.iter().filter(|c| ["stale", "bad"].contains(&c.quality.as_str())).count();
            prop_assert!(view.channels_good as usize + faulty <= channels.len(), "more good than there are");
            let _ = state.digest();
            out.clear();
        }
        prop_assert_eq!(read(&written(&state)), Ok(state));
    }

    /// A recording begins with a state: what is read is what was written.
    #[test]
    fn every_state_is_read_as_it_was(seed: u64, ops in ops(80)) {
        let state = play(seed, &ops).state;
        let read = read(&written(&state));
        prop_assert_eq!(read.as_ref().map(State::digest), Ok(state.digest()));
        prop_assert_eq!(read, Ok(state));
    }

    /// A recording that somebody has made up: refused, or a state that decides without a panic.
    #[test]
    fn a_forged_state_is_refused_or_harmless(
        seed: u64,
        before in ops(60),
        forged in prop::collection::vec((any::<u16>(), any::<u8>()), 1..4),
        after in prop::collection::vec(hostile(), 0..30),
    ) {
        let mut bytes = written(&play(seed, &before).state);
        for (at, byte) in forged {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        let Ok(mut state) = read(&bytes) else { return Ok(()) };
        let mut out = Vec::new();
        for (now, input) in &after {
            step(&mut state, *now, input, &mut out);
            (0..20).for_each(|_| {
                let due = next_deadline(&state).unwrap_or(*now);
                step(&mut state, due, &Input::Tick, &mut out);
            });
            let _ = (state.view(*now), state.channels(*now), state.digest());
        }
    }
}

fn written(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What cannot be written cannot be read either, and every test reads it.
    let _ = ciborium::into_writer(state, &mut bytes);
    bytes
}

fn read(bytes: &[u8]) -> Result<State, String> {
    ciborium::from_reader(bytes).map_err(|error| error.to_string())
}

fn live_steps(stand: &Stand) -> Vec<(String, Mode)> {
    let steps = stand.view().incident.map_or_else(Vec::new, |i| i.steps);
    let live = steps.into_iter().filter(|s| s.ended.is_none());
    live.map(|s| (s.id, s.mode)).collect()
}

/// Takes things out of a config, as an editor's slip would.
fn cripple(site: &mut Site, how: u64) {
    if how.is_multiple_of(3) {
        site.channels.retain(|c| c.zone != ZoneIx(0));
    }
    if how.is_multiple_of(5) {
        site.workloads.clear();
    }
    if how.is_multiple_of(7) {
        site.principals.remove(0);
    }
    if how.is_multiple_of(2) {
        // Zone `a` and group `n1` get other names, places and all.
        site.zones[0].id = "new".into();
        site.groups[0].id = "new".into();
    }
}

fn extreme() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..10_000_000i64,
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
        1 => any::<i64>(),
    ]
}

fn hostile() -> impl Strategy<Value = (i64, Input)> {
    let input = prop_oneof![
        3 => Just(Input::Config(Arc::new(site()))),
        1 => (any::<u64>(), any::<u16>()).prop_map(|(seed, at)| Input::Config(Arc::new(spoilt(seed, at)))),
        1 => prop::collection::vec((any::<u8>(), extreme(), extreme()), 0..12)
            .prop_map(|all| Input::Restore(all.into_iter().enumerate().map(odd_entry).collect())),
        6 => (0..10u32, extreme(), any::<bool>(), any::<u32>()).prop_map(|(c, v, simulated, age)| Input::Reading {
            channel: ChannelIx(c),
            value: Ok(Micro(v)),
            simulated,
            age_ms: age % 12_000,
        }),
        6 => (0..8u32, 9..30i64).prop_map(|(c, v)| Input::Reading {
            channel: ChannelIx(c),
            value: Ok(units(v)),
            simulated: false,
            age_ms: 0,
        }),
        1 => any::<u16>().prop_map(|s| Input::Lost { source: SourceIx(s % 6), why: "x".repeat(5_000) }),
        4 => (any::<u16>(), 0..8u8, extreme()).prop_map(|(by, verb, at)| Input::Order {
            by: PrincipalIx(by % 4),
            verb: odd_verb(verb, at),
            nonce: 0,
        }),
        2 => (any::<u16>(), extreme(), any::<bool>()).prop_map(|(which, at, ends)| Input::Bypass {
            by: PrincipalIx(which % 3),
            target: odd_target(which),
            until: (!ends).then_some(at),
            reason: "x".repeat(5_000),
            nonce: 0,
        }),
        1 => any::<u64>().prop_map(|through| Input::Stored { through }),
        2 => any::<bool>().prop_map(|done| Input::Hook {
            incident: "s-1".into(),
            step: "db.move.prepare.far".into(),
            mode: Mode::Live,
            outcome: if done { HookOutcome::Done } else { HookOutcome::Cannot { note: "é".repeat(1_000) } },
        }),
        1 => any::<u64>().prop_map(|n| Input::Own { part: n.to_string(), trouble: Some("?".repeat(9_999)) }),
        2 => (any::<u16>(), any::<i32>()).prop_map(|(which, value)| elsewhere(which, value)),
        2 => Just(Input::Tick),
    ];
    (extreme(), input)
}

fn spoilt(seed: u64, at: u16) -> Site {
    let mut site = Dice(seed).site();
    match at % 9 {
        8 => site.channels[0].checks.reference = Some(ChannelIx(99)),
        0 => site.zones[0].adjacent.push(ZoneIx(at)),
        1 => site.channels[0].source = SourceIx(9 + at % 9),
        2 => site.channels[0].supervision_ms = i64::from(at) - 40_000,
        3 => site.channels[0].n = (at % 256) as u8,
        4 => site.priors.loss_earliest_ms = i64::MAX,
        5 => site.hooks.clear(),
        6 => site.groups.clear(),
        _ => site.workloads.iter_mut().for_each(|w| w.rungs.clear()),
    }
    site
}

fn odd_verb(verb: u8, at: i64) -> Verb {
    match verb {
        0 => Verb::Evacuate,
        1 => Verb::Hold,
        2 => Verb::Abort,
        3 => Verb::Cut { at },
        4 => Verb::Arm,
        5 => Verb::Disarm,
        6 => Verb::Return,
        _ => Verb::Reset,
    }
}

fn odd_entry((i, (kind, at, n)): (usize, (u8, i64, i64))) -> Entry {
    let why = String::from("?");
    let (zone, group) = (String::from("a"), String::from("n1"));
    let record = match kind % 10 {
        9 => Record::PowerHeld { why },
        0 => Record::IncidentOpened { n: n as u32, why },
        1 => Record::VoteHeld {
            zone,
            group,
            channel: "nobody".into(),
            why,
            died: n % 3 == 0,
        },
        2 => Record::VoteReturned { zone, group },
        3 => Record::EvacuateBegun {
            zone: None,
            why,
            racks: (n % 2 == 0).then(|| vec![String::from("r1")]),
        },
        4 => Record::OrderTaken {
            verb: odd_verb((n % 7).unsigned_abs() as u8, n),
            by: vec!["ann".into()],
            until: Some(n),
        },
        5 => Record::OrderPending {
            verb: Verb::Cut { at: n },
            by: "bob".into(),
        },
        6 => Record::StepIntent {
            step: "db.move.evacuate.far".into(),
            workload: "db".into(),
            rung: (n % 5).unsigned_abs() as u8,
            phase: muster_core::Phase::Evacuate,
            mode: Mode::Live,
            token: n as u64,
            hook: None,
        },
        7 => Record::StepEnded {
            step: "db.move.evacuate.far".into(),
            end: muster_core::StepEnd::Cannot,
            note: why,
        },
        _ => Record::IncidentClosed {
            n: n as u32,
            by: Vec::new(),
        },
    };
    let seq = if kind > 250 { n as u64 } else { i as u64 + 1 };
    Entry { seq, at, record }
}

#[test]
fn a_fault_is_the_answer_to_what_cannot_be() {
    let faults = |inputs: &[Input]| {
        let (mut state, mut out) = (State::new(), Vec::new());
        inputs.iter().for_each(|i| step(&mut state, 0, i, &mut out));
        out.iter().filter(|e| matches!(e, Effect::Fault(_))).count()
    };
    let config = || Input::Config(Arc::new(site()));
    assert_eq!(faults(&[config()]), 0);
    assert_eq!(faults(&[config(), config()]), 0, "the same config again");
    let mut elsewhere = site();
    elsewhere.id = "t".into();
    assert_eq!(
        faults(&[config(), Input::Config(Arc::new(elsewhere))]),
        1,
        "another site"
    );
    assert_eq!(faults(&[Input::Restore(Vec::new())]), 1, "a journal before its config");
    assert_eq!(
        faults(&[config(), Input::Stored { through: 9 }]),
        1,
        "more stored than given"
    );
    for at in 0..9 {
        assert_eq!(faults(&[Input::Config(Arc::new(spoilt(3, at + 45)))]), 1, "spoilt {at}");
    }
}
