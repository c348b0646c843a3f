//! The same story under files whose lists stand in other orders.

use std::sync::Arc;

use muster_core::{
    Call, ChannelIx, Effect, Entry, HookIx, Input, Mode, PrincipalIx, Site, SourceIx, State, Target, step,
};

use super::Stand;

/// What a call says, whatever place its hook has in the file.
pub(crate) type Called = (String, Mode, u64, u32, i64);

pub(crate) fn named(call: &Call) -> Called {
    (call.step.clone(), call.mode, call.token, call.attempt, call.deadline)
}

/// The same inputs under a file whose lists are turned round at these places, each index by its id.
pub(crate) fn replay_with_reloads(plain: &Stand, reloads: &[(usize, u16)]) -> (State, Vec<Entry>, Vec<Called>) {
    let (mut state, mut out) = (State::new(), Vec::new());
    let mut file = plain.file.clone();
    for (i, (now, input)) in plain.inputs.iter().enumerate() {
        step(&mut state, *now, &under(input, &plain.file, &file), &mut out);
        for (_, turn) in reloads.iter().filter(|(at, _)| *at == i + 1) {
            file = turned(&plain.file, usize::from(*turn));
            step(&mut state, *now, &Input::Config(Arc::new(file.clone())), &mut out);
        }
    }
    step(
        &mut state,
        plain.now,
        &Input::Config(Arc::new(plain.file.clone())),
        &mut out,
    );
    let (mut records, mut calls) = (Vec::new(), Vec::new());
    for effect in out {
        match effect {
            Effect::Persist(entry) => records.push(entry),
            Effect::FireHook(call) => calls.push(named(&call)),
            Effect::Fault(what) => panic!("{what}"),
            _ => {}
        }
    }
    (state, records, calls)
}

fn turned(file: &Site, by: usize) -> Site {
    let mut site = file.clone();
    let (sources, hooks) = (site.sources.len(), site.hooks.len());
    site.sources.rotate_left(by % sources);
    site.hooks.rotate_left(by % hooks);
    let channels = site.channels.len();
    site.channels.rotate_left(by % channels);
    let people = site.principals.len();
    site.principals.rotate_left(by % people);
    let back = |at: u16, n: usize| ((usize::from(at) + n - by % n) % n) as u16;
    let moved = |c: ChannelIx| ChannelIx(((c.at() + channels - by % channels) % channels) as u32);
    for channel in &mut site.channels {
        channel.source = SourceIx(back(channel.source.0, sources));
        channel.checks.reference = channel.checks.reference.map(moved);
        channel.checks.inhibited_by = channel.checks.inhibited_by.map(moved);
    }
    for feed in &mut site.power.feeds {
        feed.source = feed.source.map(|s| SourceIx(back(s.0, sources)));
        feed.off = feed.off.map(moved);
    }
    for rung in site.workloads.iter_mut().flat_map(|w| &mut w.rungs) {
        rung.hook = HookIx(back(rung.hook.0, hooks));
    }
    site
}

fn under(input: &Input, from: &Site, to: &Site) -> Input {
    let mut input = input.clone();
    match &mut input {
        Input::Reading { channel, .. } => {
            if let Some(known) = from.channels.get(channel.at()) {
                let at = to.channels.iter().position(|c| c.id == known.id).unwrap();
                *channel = ChannelIx(at as u32);
            }
        }
        Input::Lost { source, .. } => {
            if let Some(known) = from.sources.get(source.at()) {
                *source = SourceIx(to.sources.iter().position(|s| s.id == known.id).unwrap() as u16);
            }
        }
        Input::Bypass { by, target, .. } => {
            if let Some(known) = from.principals.get(by.at()) {
                *by = PrincipalIx(to.principals.iter().position(|p| p.id == known.id).unwrap() as u16);
            }
            match target {
                Target::Source(source) => {
                    if let Some(known) = from.sources.get(source.at()) {
                        *source = SourceIx(to.sources.iter().position(|s| s.id == known.id).unwrap() as u16);
                    }
                }
                Target::Channel(channel) => {
                    if let Some(known) = from.channels.get(channel.at()) {
                        let at = to.channels.iter().position(|c| c.id == known.id).unwrap();
                        *channel = ChannelIx(at as u32);
                    }
                }
                Target::Zone(_) => {}
            }
        }
        Input::Order { by, .. } => {
            if let Some(known) = from.principals.get(by.at()) {
                *by = PrincipalIx(to.principals.iter().position(|p| p.id == known.id).unwrap() as u16);
            }
        }
        _ => {}
    }
    input
}
