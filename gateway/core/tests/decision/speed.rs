//! Figures, printed and not asserted: `cargo test --release -p muster-core --test decision speed -- --ignored --nocapture`.
use std::sync::Arc;
use std::time::Duration;

use crate::stand::clock::took;
use crate::stand::{SECOND, hook, site, smoke, units, workload};
use muster_core::{
    Call, Channel, ChannelIx, Effect, Group, HookOutcome, Input, Millis, Mode, Phase, RungKind, Site, State,
    next_deadline, step,
};

fn big_site(channels: u32, workloads: u16) -> Site {
    let mut s = site();
    let nodes = channels.div_ceil(8).min(60_000) as u16;
    s.groups = (0..nodes).map(|i| Group { id: format!("n{i}") }).collect();
    s.sources = (0..nodes)
        .map(|i| crate::stand::source(&format!("n{i}"), &["mqtt"]))
        .collect();
    s.channels = (0..channels)
        .map(|i| {
            let node = (i / 8).min(u32::from(nodes) - 1) as u16;
            let c: Channel = smoke(&format!("n{node}.c{i}"), node % 3, node, node);
            c
        })
        .collect();
    s.hooks = vec![hook("mover", 16), hook("stopper", 64)];
    let after = |i: u16| {
        if i.is_multiple_of(3) && i > 0 {
            vec![i - 1]
        } else {
            Vec::new()
        }
    };
    s.workloads = (0..workloads)
        .map(|i| workload(&format!("w{i}"), 1 + (i / 500) as u8, &after(i)))
        .collect();
    s
}

fn started(site: Site) -> (State, Vec<Effect>) {
    let (mut state, mut out) = (State::new(), Vec::new());
    step(&mut state, 0, &Input::Config(Arc::new(site)), &mut out);
    (state, out)
}

fn reading(channel: u32, value: i64) -> Input {
    Input::Reading {
        channel: ChannelIx(channel),
        value: Ok(units(value)),
        simulated: false,
        age_ms: 0,
    }
}

fn last_seq(out: &[Effect]) -> Option<u64> {
    out.iter().rev().find_map(|e| match e {
        Effect::Persist(entry) => Some(entry.seq),
        _ => None,
    })
}

#[test]
#[ignore = "heavy: a measurement"]
fn readings_a_second() {
    const CHANNELS: u32 = 100_000;
    const ROUNDS: i64 = 50;
    let (mut state, mut out) = started(big_site(CHANNELS, 10));
    let inputs: Vec<Input> = (0..CHANNELS).map(|c| reading(c, i64::from(c % 3))).collect();
    let time = took(|| {
        for round in 0..ROUNDS {
            inputs
                .iter()
                .for_each(|input| step(&mut state, round * SECOND, input, &mut out));
        }
    });
    let each_ns = time.as_nanos() / (u128::from(CHANNELS) * ROUNDS as u128);
    println!(
        "{CHANNELS} channels: {each_ns} ns a reading, {} readings/s",
        1_000_000_000 / each_ns.max(1)
    );
}

#[test]
#[ignore = "heavy: a measurement"]
fn everything_falls_silent_and_everything_burns() {
    const CHANNELS: u32 = 100_000;
    let (mut state, mut out) = started(big_site(CHANNELS, 2_000));
    let silence = took(|| step(&mut state, 11 * SECOND, &Input::Tick, &mut out));
    println!("{CHANNELS} channels silent at once: {silence:?}, {} effects", out.len());
    let (mut state, mut out) = started(big_site(CHANNELS, 2_000));
    let mut worst = Duration::ZERO;
    let all = took(|| {
        for channel in 0..2_000 {
            for _ in 0..2 {
                worst = worst.max(took(|| step(&mut state, SECOND, &reading(channel * 8, 50), &mut out)));
            }
        }
    });
    println!("2000 nodes vote, 2000 workloads: {all:?} in all, the worst step {worst:?}");
}

/// Every third move cannot be made, so its next rung follows: more than 5,000 steps for 2,000 workloads.
fn answered(call: &Call) -> Input {
    let third = call.workload[1..]
        .parse()
        .is_ok_and(|number: u32| number.is_multiple_of(3));
    let cannot = call.rung == RungKind::Move && call.phase == Phase::Evacuate && third;
    Input::Hook {
        incident: call.incident.clone(),
        step: call.step.clone(),
        mode: Mode::Live,
        outcome: if cannot {
            HookOutcome::Cannot { note: "full".into() }
        } else {
            HookOutcome::Done
        },
    }
}

#[test]
#[ignore = "heavy: a measurement"]
fn re_planning_two_thousand_workloads() {
    let mut site = big_site(16, 2_000);
    site.hooks[0].max_parallel = 256;
    let (mut state, mut out) = started(site);
    let (mut now, mut worst, mut sum, mut steps): (Millis, _, _, u32) = (0, Duration::ZERO, Duration::ZERO, 0);
    let mut pending: Vec<Input> = [0, 0, 8, 8].map(|c| reading(c, 50)).to_vec();
    while let Some(input) = pending.pop() {
        let mut effects = Vec::new();
        let time = took(|| step(&mut state, now, &input, &mut effects));
        (worst, sum, steps) = (worst.max(time), sum + time, steps + 1);
        for effect in &effects {
            if let Effect::FireHook(call) = effect {
                pending.insert(0, answered(call));
            }
        }
        if let Some(through) = last_seq(&effects) {
            pending.push(Input::Stored { through });
        }
        now += 1;
        out.extend(effects);
        if pending.is_empty()
            && let Some(due) = next_deadline(&state).filter(|due| *due < 600 * SECOND)
        {
            now = now.max(due);
            pending.push(Input::Tick);
        }
    }
    let incident = state.view(now).incident.expect("an incident");
    let saved = incident.workloads.iter().filter(|w| w.safe_at.is_some()).count();
    println!(
        "2000 workloads, {} steps, {saved} saved: {steps} inputs, mean {:?}, worst {worst:?}",
        incident.steps.len(),
        sum / steps
    );
}

/// Two votes at one moment, and no hook answers its cordon: the worst case for the first evacuation.
#[test]
#[ignore = "heavy: a measurement"]
fn tier_one_of_two_thousand_goes_out() {
    let mut site = big_site(16, 2_000);
    site.hooks[0].max_parallel = 1_024;
    for (i, workload) in site.workloads.iter_mut().enumerate() {
        workload.tier = if i < 500 { 1 } else { 2 };
        workload.after.clear();
    }
    let (mut state, mut out) = started(site);
    let (mut now, mut worst, mut spent) = (0, Duration::ZERO, Duration::ZERO);
    let mut gone: Vec<(Millis, Duration)> = Vec::new();
    let mut inputs: Vec<Input> = [8, 8, 0, 0].map(|c| reading(c, 50)).to_vec();
    while now <= 3 * SECOND {
        while let Some(input) = inputs.pop() {
            let mut effects = Vec::new();
            let time = took(|| step(&mut state, now, &input, &mut effects));
            (worst, spent) = (worst.max(time), spent + time);
            let evacuates = effects.iter().filter(|e| match e {
                Effect::FireHook(call) => {
                    let number: u32 = call.workload[1..].parse().expect("w and a number");
                    call.phase == Phase::Evacuate && number < 500
                }
                _ => false,
            });
            gone.extend(evacuates.map(|_| (now, spent)));
            if let Some(through) = last_seq(&effects) {
                inputs.insert(0, Input::Stored { through });
            }
            out.extend(effects);
        }
        now = next_deadline(&state).map_or(now + SECOND, |due| due.max(now + 1));
        inputs.push(Input::Tick);
    }
    let (first, last) = (gone.first().expect("some go"), gone.last().expect("some go"));
    println!(
        "evacuate hooks of tier 1: {} called, the first {} ms after the level and {:?} of deciding, the last {} ms and {:?}; worst step {worst:?}",
        gone.len(),
        first.0,
        first.1,
        last.0,
        last.1
    );
    assert!(first.0 <= SECOND && last.0 <= 3 * SECOND);
}
