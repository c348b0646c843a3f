//! The small site: a battery room with three groups, one of them with two detectors; a room beside it; two people; two
//! workloads, each with a ladder of two rungs, and one place to go to.

use std::sync::Arc;

use muster_core::{
    Channel, Checks, Group, GroupIx, Hook, HookIx, Limit, Millis, Power, Principal, Priors, Role, Rung, RungKind, Site,
    Source, SourceIx, Workload, Zone, ZoneIx,
};
use muster_wire::{Micro, Quantity};

/// What a detector reads when all is well, and when it burns.
pub(crate) const CLEAR: Micro = Micro(0);
pub(crate) const ALARM: Micro = Micro(20_000_000);
/// Limits count two samples in a row.
pub(crate) const SAMPLES: usize = 2;
/// First sign to the earliest loss. Short, so that ladders fall within a few steps.
pub(crate) const LOSS_MS: Millis = 100_000;
/// What the rungs take.
const MOVE_MS: Millis = 40_000;
const STOP_MS: Millis = 10_000;

/// The name of a detector, its room, and its group. Group and source are one here.
const DETECTORS: &[(&str, u16, u16)] = &[("a1", 0, 0), ("a1x", 0, 0), ("a2", 0, 1), ("a3", 0, 2), ("b4", 1, 3)];
const GROUPS: &[&str] = &["n1", "n2", "n3", "n4"];
const PEOPLE: &[&str] = &["ann", "bob"];

fn detector((id, zone, group): (&str, u16, u16), supervision_ms: Millis) -> Channel {
    Channel {
        id: id.into(),
        zone: ZoneIx(zone),
        group: GroupIx(group),
        source: SourceIx(group),
        quantity: Quantity::Smoke,
        range: (Micro(0), Micro(100_000_000)),
        watch: None,
        alarm: Some(Limit {
            set: Micro(10_000_000),
            clear: Micro(8_000_000),
            above: true,
        }),
        k: SAMPLES as u8,
        n: SAMPLES as u8,
        supervision_ms,
        checks: Checks::default(),
    }
}

fn workload(id: &str, tier: u8) -> Workload {
    let rung = |kind, hook, to: Option<&str>, needs_ms| Rung {
        kind,
        hook: HookIx(hook),
        to: to.map(Into::into),
        needs_ms,
    };
    Workload {
        id: id.into(),
        tier,
        runs_on: "r1".into(),
        after: Vec::new(),
        rungs: vec![
            rung(RungKind::Move, 0, Some("far"), MOVE_MS),
            rung(RungKind::Stop, 1, None, STOP_MS),
        ],
        room: 1,
    }
}

/// The site, with the first so many of its workloads; its detectors count as silent after `supervision_ms`.
pub(crate) fn site(workloads: usize, supervision_ms: Millis, armed: bool) -> Arc<Site> {
    let hook = |id: &str| Hook {
        id: id.into(),
        max_parallel: 2,
        accepts_drill: true,
    };
    let source = |id: &&str| Source {
        id: (*id).into(),
        over: vec!["mqtt".into()],
    };
    let zone = |id: &str, beside: u16| Zone {
        id: id.into(),
        adjacent: vec![ZoneIx(beside)],
    };
    let person = |id: &&str| Principal {
        id: (*id).into(),
        roles: vec![Role::Operator, Role::Safety],
    };
    let mut known = vec![workload("db", 1), workload("web", 2)];
    known.truncate(workloads);
    Arc::new(Site {
        id: "s".into(),
        armed,
        simulated: false,
        single_group: false,
        zones: vec![zone("room", 1), zone("beside", 0)],
        groups: GROUPS.iter().map(|id| Group { id: (*id).into() }).collect(),
        sources: GROUPS.iter().map(source).collect(),
        channels: DETECTORS.iter().map(|row| detector(*row, supervision_ms)).collect(),
        hooks: vec![hook("mover"), hook("stopper")],
        workloads: known,
        principals: PEOPLE.iter().map(person).collect(),
        destinations: Vec::new(),
        priors: Priors {
            loss_earliest_ms: LOSS_MS,
            ..Priors::default()
        },
        power: Power::default(),
    })
}
