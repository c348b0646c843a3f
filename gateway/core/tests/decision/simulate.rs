//! Site-days in virtual time, with faults drawn from a seed: sensors that stick, flap and die, hooks that fail, hang and
//! cannot, a journal that stalls, restarts at any step that lose what was not durable, people who give orders. The
//! invariants are watched at every step; once everything is healed, every intent has to end.
//!
//! A seed that fails is named, with the command that replays it alone and prints every event.
mod truth;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, dice::Dice, rung, site, smoke, source, units, ups, workload};
use muster_core::{
    Call, Feed, FeedIx, FeedKind, Group, GroupIx, HookOutcome, Input, Millis, OnBattery, PrincipalIx, Record, Site,
    SourceIx, Target, Verb, ZoneIx, next_deadline,
};
use muster_wire::{Absence, Micro, Quantity};

const HOUR: Millis = 60 * MINUTE;
/// A sample of every channel this often.
const SAMPLE_EVERY: Millis = 10 * SECOND;
/// Faults go on for this long, then everything is healed.
const FAULTS_FOR: Millis = 20 * HOUR;
/// Everything has to have ended this long after it was healed.
const HEALED_FOR: Millis = 4 * HOUR;
const SEEDS: u64 = 100;

/// Three nodes with smoke and gas in two battery rooms, a hall, a UPS; ten workloads with dependencies.
fn reference_site(dice: &mut Dice) -> Site {
    let mut s = site();
    s.armed = !dice.one_in(4);
    s.channels = (0..9u16)
        .map(|i| smoke(&format!("c{i}"), i / 3, i % 3, i % 3))
        .chain([
            ups("ob", Quantity::OnBattery),
            ups("rt", Quantity::Runtime),
            ups("ch", Quantity::Charge),
        ])
        .chain(
            ["ob-2", "rt-2", "ch-2"]
                .into_iter()
                .zip([Quantity::OnBattery, Quantity::Runtime, Quantity::Charge])
                .map(|(id, q)| {
                    let mut channel = ups(id, q);
                    (channel.group, channel.source) = (GroupIx(4), SourceIx(4));
                    channel
                }),
        )
        .collect();
    s.groups.push(Group { id: "ups-2".into() });
    s.sources.push(source("ups-2", &["bus-2"]));
    two_sides(&mut s, dice);
    s.channels.iter_mut().for_each(|c| c.supervision_ms = 30 * SECOND);
    s.workloads = (0..10u16)
        .map(|i| {
            let after: Vec<u16> = (0..i).filter(|_| dice.one_in(5)).collect();
            let mut w = workload(&format!("w{i}"), 1 + (i / 4) as u8, &after);
            w.runs_on = ["r1", "r1", "r2", "r9"][usize::from(i % 4)].into();
            if dice.one_in(3) {
                w.rungs.remove(0);
            }
            for r in &mut w.rungs {
                r.needs_ms = dice.between(5, 120) * SECOND;
            }
            w
        })
        .collect();
    s.workloads.push({
        let mut w = workload("stop-only", 3, &[]);
        w.rungs = vec![rung(muster_core::RungKind::Stop, 1, 15)];
        w
    });
    s.hooks[0].accepts_drill = !dice.one_in(3);
    s
}

/// Every second site has feeds: a UPS a side, racks on one or on both.
fn two_sides(s: &mut Site, dice: &mut Dice) {
    if dice.one_in(2) {
        return;
    }
    let feed = |kind, id: &str, by: &[u16], zone: u16, source| Feed {
        id: id.into(),
        kind,
        zones: vec![ZoneIx(zone)],
        by: by.iter().copied().map(FeedIx).collect(),
        needs: 1,
        source,
        off: None,
        runtime_ms: None,
    };
    s.power.feeds = vec![
        feed(FeedKind::Ups, "side-a", &[], 0, Some(SourceIx(3))),
        feed(FeedKind::Ups, "side-b", &[], 1, Some(SourceIx(4))),
        feed(FeedKind::Rack, "r1", &[0, 1], 2, None),
        feed(FeedKind::Rack, "r2", &[0], 2, None),
    ];
    if dice.one_in(2) {
        s.power.on_battery = OnBattery::StopLastRung;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sensor {
    Well,
    Fire,
    Stuck(i64),
    Dead,
    Flapping,
    Noisy,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Well,
    Failing,
    Hanging,
    Cannot,
    AcceptsAndHangs,
    Refusing,
}

struct World {
    dice: Dice,
    stand: Stand,
    sensors: Vec<Sensor>,
    hooks: Vec<Health>,
    /// Workloads that are really away, whatever anybody believes.
    elsewhere: BTreeSet<String>,
    /// What hooks will answer, and when.
    answers: Vec<(Millis, Call, HookOutcome)>,
    heard: usize,
    stalled_until: Millis,
    /// When what has been handed to the journal is durable.
    durable: u64,
    say: bool,
    told: usize,
    /// Channels that the file has before those of the sensors now.
    shift: u32,
    reloads: u32,
    found: usize,
}

impl World {
    fn new(seed: u64, say: bool) -> Self {
        let mut dice = Dice(seed);
        let site = reference_site(&mut dice);
        let mut stand = Stand::new(site.clone());
        stand.stores = false;
        Self {
            sensors: vec![Sensor::Well; site.channels.len()],
            hooks: vec![Health::Well; site.hooks.len()],
            dice,
            stand,
            elsewhere: BTreeSet::new(),
            answers: Vec::new(),
            heard: 0,
            stalled_until: 0,
            durable: 0,
            say,
            told: 0,
            shift: 0,
            reloads: 0,
            found: 0,
        }
    }

    fn run(&mut self) {
        while self.stand.now < FAULTS_FOR {
            self.break_something();
            self.turn();
        }
        self.heal();
        while self.stand.now < FAULTS_FOR + HEALED_FOR {
            self.turn();
        }
        self.all_has_ended();
    }

    /// One round of samples, and everything that comes due before the next.
    fn turn(&mut self) {
        for channel in 0..self.sensors.len() as u32 {
            self.sample(channel);
        }
        let end = self.stand.now + SAMPLE_EVERY;
        loop {
            self.carry();
            let due = next_deadline(&self.stand.state).into_iter();
            let answered = self.answers.iter().map(|a| a.0);
            let unstored = self.stand.entries.last().is_some_and(|e| e.seq > self.durable);
            let stored = unstored.then_some(self.stalled_until.max(self.stand.now + 2));
            let next = due.chain(answered).chain(stored).min().unwrap_or(end);
            if next >= end {
                break;
            }
            self.stand.now = next.max(self.stand.now);
            self.stand.input(&Input::Tick);
            self.store();
        }
        self.stand.now = end;
    }

    fn sample(&mut self, channel: u32) {
        let at = channel + self.shift;
        let quantity = self.stand.state.site().channels[at as usize].quantity;
        let noise = self.dice.between(0, 2);
        let value = match (self.sensors[channel as usize], quantity) {
            (Sensor::Dead, _) => return,
            (Sensor::Flapping, _) if self.dice.one_in(2) => Err(Absence::Bus),
            (Sensor::Stuck(v), Quantity::Smoke) => Ok(units(v)),
            (Sensor::Noisy, Quantity::Smoke) => Ok(units(self.dice.between(6, 12))),
            (Sensor::Fire, Quantity::Smoke) => Ok(units(30 + noise)),
            (Sensor::Fire, Quantity::OnBattery) => Ok(units(1)),
            (Sensor::Fire, Quantity::Runtime) => Ok(units(self.dice.between(60, 900))),
            (Sensor::Fire, Quantity::Charge) => Ok(Micro(1_000_000 - self.stand.now % (40 * MINUTE) * 400 / 1_000)),
            (_, Quantity::Charge) => Ok(units(1)),
            (_, Quantity::Runtime) => Ok(Micro(-1_000_000)),
            (_, Quantity::Smoke) => Ok(units(noise)),
            _ => Ok(Micro(0)),
        };
        self.stand.sample(at, value);
    }

    /// Calls that went out are answered later; answers that are due come in.
    fn carry(&mut self) {
        while self.heard < self.stand.calls.len() {
            let call = self.stand.calls[self.heard].clone();
            self.heard += 1;
            self.plan_answers(call);
        }
        while let Some(i) = self.answers.iter().position(|a| a.0 <= self.stand.now) {
            let (_, call, outcome) = self.answers.swap_remove(i);
            let outcome = self.really(&call, outcome);
            self.hook(&call, outcome.clone());
            if self.dice.one_in(20) {
                self.hook(&call, outcome);
            }
        }
        if self.say {
            for event in &self.stand.events[self.told..] {
                println!(
                    "{:>10} {:<8} {}: {}",
                    self.stand.now, event.kind, event.subject, event.line
                );
            }
            self.told = self.stand.events.len();
        }
    }

    fn plan_answers(&mut self, call: Call) {
        let now = self.stand.now;
        let soon = now + self.dice.between(1, 3_000);
        let retry = |cause: &str| HookOutcome::Retry { cause: cause.into() };
        match self.hooks[call.hook.at()] {
            Health::Well if self.dice.one_in(3) => {
                let later = soon + self.dice.between(0, 60) * SECOND;
                self.answers.push((soon, call.clone(), HookOutcome::Accepted));
                self.answers.push((later, call, HookOutcome::Done));
            }
            Health::Well => self.answers.push((soon, call, HookOutcome::Done)),
            Health::Failing => self.answers.push((soon, call, retry("500"))),
            Health::Hanging => {
                let outcome = retry("no answer within 10 s");
                if self.dice.one_in(2) {
                    self.answers.push((now + 10 * SECOND, call, outcome));
                }
            }
            Health::Cannot => {
                let note = "cannot".into();
                self.answers.push((soon, call, HookOutcome::Cannot { note }));
            }
            Health::AcceptsAndHangs => self.answers.push((soon, call, HookOutcome::Accepted)),
            Health::Refusing => self.answers.push((soon, call, HookOutcome::TokenRefused)),
        }
    }

    fn hook(&mut self, call: &Call, outcome: HookOutcome) {
        let told = self.stand.events.len();
        self.stand.input(&Input::Hook {
            incident: call.incident.clone(),
            step: call.step.clone(),
            mode: call.mode,
            outcome,
        });
        let found = |e: &&muster_core::Event| e.line.contains("runs at home again, though");
        self.found += self.stand.events[told..].iter().filter(found).count();
    }

    fn store(&mut self) {
        if self.stand.now >= self.stalled_until && self.stand.entries.last().is_some_and(|e| e.seq > self.durable) {
            self.durable = self.stand.entries.last().map_or(0, |e| e.seq);
            self.stand.store();
        }
    }

    fn break_something(&mut self) {
        if !self.dice.one_in(60) {
            return;
        }
        let now = self.stand.now;
        let channel = self.dice.below(self.sensors.len() as u64) as usize;
        match self.dice.below(18) {
            14 | 15 => self.bypass(),
            16 | 17 => self.bring_by_hand(),
            0..=2 => self.sensors[channel] = self.sensor(),
            3 => self.sensors.fill(Sensor::Well),
            4 => {
                let zone = self.dice.below(3) as usize * 3;
                self.sensors[zone..zone + 3].fill(Sensor::Fire);
            }
            5 => self.sensors[9..].fill(Sensor::Fire),
            6 | 7 => {
                let hook = self.dice.below(2) as usize;
                self.hooks[hook] = self.health();
            }
            8 => self.stalled_until = now + self.dice.between(0, 120) * SECOND,
            9 => self.restart(),
            10 => self.order(),
            11 | 12 => self.reload(),
            _ => drop(self.stand.input(&Input::Lost {
                source: SourceIx(self.dice.below(4) as u16),
                why: "last will".into(),
            })),
        }
    }

    fn sensor(&mut self) -> Sensor {
        let all = [
            Sensor::Well,
            Sensor::Stuck(20),
            Sensor::Stuck(6),
            Sensor::Dead,
            Sensor::Flapping,
            Sensor::Noisy,
        ];
        all[self.dice.below(all.len() as u64) as usize]
    }

    fn health(&mut self) -> Health {
        let all = [
            Health::Well,
            Health::Failing,
            Health::Hanging,
            Health::Cannot,
            Health::AcceptsAndHangs,
            Health::Refusing,
        ];
        all[self.dice.below(all.len() as u64) as usize]
    }

    fn order(&mut self) {
        let cut = self.stand.now + self.dice.between(1, 7_200) * SECOND;
        let verbs = [
            Verb::Evacuate,
            Verb::Hold,
            Verb::Abort,
            Verb::Cut { at: cut },
            Verb::Arm,
            Verb::Disarm,
            Verb::Reset,
            Verb::Reset,
            Verb::Return,
        ];
        let verb = verbs[self.dice.below(verbs.len() as u64) as usize];
        self.stand.order(PrincipalIx(self.dice.below(3) as u16), verb);
        self.stand.order(ANN, verb);
        // Whoever has reset wants back what has left, sooner or later.
        if verb == Verb::Reset && self.dice.one_in(2) {
            self.stand.order(BOB, Verb::Return);
            self.stand.order(ANN, Verb::Return);
        }
    }

    fn bypass(&mut self) {
        let site = self.stand.state.site();
        let (channels, sources) = (site.channels.len() as u64, site.sources.len() as u64);
        let target = match self.dice.below(3) {
            0 => Target::Zone(muster_core::ZoneIx(self.dice.below(3) as u16)),
            1 => Target::Source(SourceIx(self.dice.below(sources) as u16)),
            _ => Target::Channel(muster_core::ChannelIx(self.dice.below(channels) as u32)),
        };
        let until = (!self.dice.one_in(4)).then(|| self.stand.now + self.dice.between(1, 240) * MINUTE);
        self.stand.input(&Input::Bypass {
            by: ANN,
            target,
            until,
            reason: "cleaning".into(),
            nonce: 1,
        });
    }

    /// Another file: a room, a node and a workload more (at the front, so that every index moves) or gone again, other
    /// limits, or the same once more. A refused one changes nothing.
    fn reload(&mut self) {
        let mut file = self.stand.file.clone();
        match self.dice.below(4) {
            0 => {}
            1 => front(&mut file, self.shift == 0),
            2 => front_workload(&mut file),
            _ => {
                let slower = self.dice.between(20, 40) * SECOND;
                file.channels.iter_mut().for_each(|c| c.supervision_ms = slower);
                file.hooks[0].max_parallel = self.dice.between(1, 4) as u16;
            }
        }
        self.put(file);
    }

    fn put(&mut self, file: Site) {
        let shift = (file.channels.len() - self.sensors.len()) as u32;
        let taken = self.stand.reload(file);
        if taken.is_ok() {
            self.shift = shift;
            self.reloads += 1;
        }
        if self.say {
            println!("{:>10} RELOAD {taken:?}", self.stand.now);
        }
    }

    /// Dies at any step: what was not durable may be lost, answers under way are lost or come late.
    fn restart(&mut self) {
        let last = self.stand.entries.last().map_or(0, |e| e.seq);
        let kept = self.durable + self.dice.below(last - self.durable + 1);
        let mut next = self.stand.restart(kept);
        next.stores = false;
        self.stand = next;
        self.durable = kept;
        (self.heard, self.told) = (0, 0);
        if self.dice.one_in(2) {
            self.answers.clear();
        }
        if self.say {
            println!("{:>10} RESTART with entries up to {kept} of {last}", self.stand.now);
        }
    }

    /// Everything is well again, somebody arms the site, and whatever was aborted is ordered.
    fn heal(&mut self) {
        self.sensors.fill(Sensor::Well);
        self.hooks.fill(Health::Well);
        self.stalled_until = 0;
        if self.shift > 0 {
            let mut file = self.stand.file.clone();
            front(&mut file, false);
            self.put(file);
            assert_eq!(self.shift, 0, "an unused room cannot be taken out");
        }
        if self
            .stand
            .view()
            .incident
            .is_some_and(|i| i.closed.is_none() && i.evacuate_begun.is_some())
        {
            self.stand.order(ANN, Verb::Evacuate);
            self.stand.order(BOB, Verb::Evacuate);
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    evacuations: u32,
    /// For power's sake, and held again.
    power: (usize, usize),
    calls: usize,
    /// Returns, and workloads that came home.
    returns: (usize, usize),
    /// Workloads that were found at home though nobody had ordered it.
    found: usize,
    steps: u64,
    reloads: u32,
}

/// Puts a room with a node that is never heard before all others, or takes it out.
fn front(file: &mut Site, add: bool) {
    let by = |at: u16| if add { at + 1 } else { at - 1 };
    if !add {
        file.zones.remove(0);
        file.groups.remove(0);
        file.sources.remove(0);
        file.channels.remove(0);
    }
    for zone in file.zones.iter_mut().flat_map(|z| &mut z.adjacent) {
        zone.0 = by(zone.0);
    }
    for c in &mut file.channels {
        (c.zone.0, c.group.0, c.source.0) = (by(c.zone.0), by(c.group.0), by(c.source.0));
    }
    for feed in &mut file.power.feeds {
        feed.zones.iter_mut().for_each(|z| z.0 = by(z.0));
        feed.source.iter_mut().for_each(|s| s.0 = by(s.0));
    }
    if add {
        let id = || String::from("front");
        let adjacent = Vec::new();
        file.zones.insert(0, muster_core::Zone { id: id(), adjacent });
        file.groups.insert(0, muster_core::Group { id: id() });
        file.sources.insert(0, source("front", &["mqtt"]));
        file.channels.insert(0, smoke("front", 0, 0, 0));
    }
}

/// Puts a workload before all others, or takes it out.
fn front_workload(file: &mut Site) {
    let add = file.workloads[0].id != "front";
    let by = |at: u16| if add { at + 1 } else { at - 1 };
    if !add {
        file.workloads.remove(0);
    }
    for before in file.workloads.iter_mut().flat_map(|w| &mut w.after) {
        before.0 = by(before.0);
    }
    if add {
        file.workloads.insert(0, workload("front", 1, &[]));
    }
}

fn play(seed: u64, say: bool) -> Tally {
    let mut world = World::new(seed, say);
    world.run();
    let incident = world.stand.view().incident;
    let of = |is: fn(&Record) -> bool| world.stand.entries.iter().filter(|e| is(&e.record)).count();
    Tally {
        power: (
            of(|r| matches!(r, Record::EvacuateBegun { racks: Some(_), .. })),
            of(|r| matches!(r, Record::PowerHeld { .. })),
        ),
        evacuations: u32::from(incident.is_some_and(|i| i.evacuate_begun.is_some())),
        calls: world.stand.calls.len(),
        returns: (
            of(|r| matches!(r, Record::OrderTaken { verb: Verb::Return, .. })),
            of(
                |r| matches!(r, Record::StepEnded { step, end: muster_core::StepEnd::Done, .. } if step.ends_with(".verify.s")),
            ),
        ),
        found: world.found,
        steps: world.stand.witness.steps_seen(),
        reloads: world.reloads,
    }
}

#[test]
fn a_hundred_site_days() {
    let mut sum = Tally::default();
    for seed in 1..=SEEDS {
        let played = catch_unwind(AssertUnwindSafe(|| play(seed, false)));
        let Ok(tally) = played else {
            panic!(
                "seed {seed} failed; replay it with\n  MUSTER_SEED={seed} cargo test --release -p muster-core --test \
                 decision simulate::replay -- --nocapture"
            );
        };
        sum.evacuations += tally.evacuations;
        sum.power = (sum.power.0 + tally.power.0, sum.power.1 + tally.power.1);
        sum.returns = (sum.returns.0 + tally.returns.0, sum.returns.1 + tally.returns.1);
        sum.found += tally.found;
        sum.calls += tally.calls;
        sum.steps += tally.steps;
        sum.reloads += tally.reloads;
    }
    println!("{SEEDS} seeds, {} h each: {sum:?}", (FAULTS_FOR + HEALED_FOR) / HOUR);
    assert!(
        sum.evacuations > 20
            && sum.power.0 > 20
            && sum.power.1 > 5
            && sum.calls > 1_000
            && sum.reloads > 500
            && sum.returns.1 > 20
            && sum.found > 20,
        "too tame to prove anything: {sum:?}"
    );
}

#[test]
fn replay() {
    let seed = std::env::var("MUSTER_SEED").ok().and_then(|s| s.parse().ok());
    let tally = play(seed.unwrap_or(1), seed.is_some());
    assert!(tally.steps > 10_000, "{tally:?}");
}
