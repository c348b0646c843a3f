//! Outages drawn from a seed: every UPS has a story of its own, some of them lies; somewhere it may burn, people give orders, and
//! hooks answer as they like.
use muster_core::{
    ChannelIx, Feed, FeedIx, FeedKind, HookOutcome, Hosts, Millis, OnBattery, Phase, PrincipalIx, Site, Verb, ZoneIx,
};
use muster_wire::{Micro, Quantity};

use super::drawn::Drawn;
use crate::stand::power::{OB, feed, n_plus_1, of_ups, on, paths, thermometer};
use crate::stand::{MINUTE, SECOND, Stand, dice::Dice, rung};

/// A poll of everything this often, and for so long.
const EVERY: Millis = 5 * SECOND;
const FOR: Millis = 40 * MINUTE;

/// What one UPS does.
struct Story {
    fails_at: Millis,
    back_at: Millis,
    silent_at: Millis,
    /// From full.
    lasts: Millis,
    /// It reports as much as this, in percent of the truth; a whole discharge the same, or none.
    runtime: Option<i64>,
    stands_still: bool,
    charge: bool,
    load: i64,
    load_grows_at: Millis,
    heats_by: i64,
}

impl Story {
    fn drawn(dice: &mut Dice) -> Self {
        let fails_at = dice.between(0, 4) * MINUTE + dice.between(0, 59) * SECOND;
        let later = |dice: &mut Dice, odds| {
            let ms = fails_at + dice.between(1, 30) * MINUTE;
            if dice.one_in(odds) { ms } else { Millis::MAX }
        };
        Self {
            back_at: later(dice, 3),
            silent_at: later(dice, 5),
            lasts: dice.between(4, 40) * MINUTE,
            runtime: (!dice.one_in(4)).then(|| dice.between(50, 150)),
            stands_still: dice.one_in(5),
            charge: !dice.one_in(4),
            load: dice.between(20, 110),
            load_grows_at: later(dice, 3),
            heats_by: if dice.one_in(3) { dice.between(1, 8) } else { 0 },
            fails_at: if dice.one_in(4) { Millis::MAX } else { fails_at },
        }
    }

    fn says(&self, stand: &mut Stand, i: usize, t: Millis) {
        if t >= self.silent_at {
            return;
        }
        let battery = t >= self.fails_at && t < self.back_at;
        let used = if battery { t - self.fails_at } else { 0 };
        let left = (self.lasts - used).max(0);
        let ob = OB[i];
        stand.read(ob, i64::from(battery));
        if self.charge {
            stand.sample(ob + 1, Ok(Micro(left * 1_000 / (self.lasts / 1_000))));
        }
        match self.runtime.filter(|_| battery) {
            Some(_) if self.stands_still => stand.read(ob + 2, self.lasts / SECOND),
            Some(percent) => stand.read(ob + 2, left / SECOND * percent / 100),
            None => {}
        }
        let load = if t >= self.load_grows_at {
            self.load * 3 / 2
        } else {
            self.load
        };
        stand.sample(ob + 3, Ok(Micro(load * 10_000)));
        if i < 2 {
            let warm = 25_000_000 + self.heats_by * used.min(20 * MINUTE) * 1_000 / 60;
            stand.sample(20 + i as u32, Ok(Micro(warm)));
        }
    }
}

/// A contact that says that a feed carries nothing, one that somebody has cut the power of zone a, and a generator's.
fn contacts(site: &mut Site) {
    let limit = site.channels[OB[0] as usize].watch;
    for (id, quantity) in [
        ("grid-off", Quantity::Fault),
        ("epo-a", Quantity::EmergencyPowerOff),
        ("gen", Quantity::GeneratorRunning),
    ] {
        let votes = quantity == Quantity::EmergencyPowerOff;
        let mut contact = of_ups(2, quantity);
        contact.id = id.into();
        (contact.zone, contact.source) = (ZoneIx(0), muster_core::SourceIx(3));
        contact.group = muster_core::GroupIx(3);
        (contact.alarm, contact.watch) = if votes { (limit, None) } else { (None, limit) };
        site.channels.push(contact);
    }
    site.power.feeds[0].off = Some(ChannelIx(22));
}

fn drawn_site(dice: &mut Dice) -> Site {
    let mut site = if dice.one_in(3) { n_plus_1() } else { paths() };
    site.channels.extend([thermometer(0, 60), thermometer(1, 60)]);
    contacts(&mut site);
    let last = FeedIx(site.power.feeds.len() as u16 - 2);
    let extra: Vec<Feed> = (0..dice.below(3))
        .map(|i| feed(FeedKind::Rack, &format!("rx{i}"), &[last.0], &[2]))
        .collect();
    site.power.feeds.extend(extra);
    site.power.generator_grace_ms = dice.between(0, 60) * SECOND;
    site.power.battery_rooms = (0..2).filter(|_| dice.one_in(6)).map(ZoneIx).collect();
    if dice.one_in(3) {
        site.power.on_battery = OnBattery::StopLastRung;
    }
    if dice.one_in(6) {
        site.power.feeds.clear();
    }
    for feed in site.power.feeds.iter_mut().filter(|f| f.kind == FeedKind::Ups) {
        feed.runtime_ms = dice.one_in(3).then(|| dice.between(3, 40) * MINUTE);
    }
    site.workloads = (0..1 + dice.below(5))
        .map(|i| {
            let mut w = on(
                ["r1", "ra", "rx0", "elsewhere"][dice.below(4) as usize],
                &format!("w{i}"),
            );
            w.tier = 1 + dice.below(3) as u8;
            w.after = (0..i as u16)
                .filter(|_| dice.one_in(4))
                .map(muster_core::WorkloadIx)
                .collect();
            w.rungs[0].needs_ms = dice.between(20, 600) * SECOND;
            w
        })
        .collect();
    site.workloads.push(muster_core::Workload {
        rungs: vec![rung(muster_core::RungKind::Stop, 1, 30)],
        ..on("ra", "stops")
    });
    site.power.hosts = (0..dice.below(3))
        .map(|i| Hosts {
            id: format!("h{i}"),
            rack: [None, Some("ra".into()), Some("r1".into())][dice.below(3) as usize].clone(),
            last_ms: dice.between(10, 120) * SECOND,
        })
        .collect();
    site
}

fn ordered(stand: &mut Stand, dice: &mut Dice) {
    let at = stand.now + dice.between(1, 30) * MINUTE;
    let verbs = [
        Verb::Abort,
        Verb::Hold,
        Verb::Evacuate,
        Verb::Cut { at },
        Verb::Disarm,
        Verb::Arm,
    ];
    let verb = verbs[dice.below(6) as usize];
    stand.order(PrincipalIx(0), verb);
    if dice.one_in(2) {
        stand.order(PrincipalIx(1), verb);
    }
}

/// One site's outage; everything that came of it.
pub(super) fn play(seed: u64) -> Drawn {
    let mut dice = Dice(seed);
    let mut stand = Stand::new(drawn_site(&mut dice));
    let stories: Vec<Story> = (0..3).map(|_| Story::drawn(&mut dice)).collect();
    let burns_at = if dice.one_in(4) {
        dice.between(1, 40) * MINUTE
    } else {
        Millis::MAX
    };
    let (grid_off, epo, runs) = (dice.one_in(3), dice.one_in(6), dice.one_in(4));
    let mut drawn = Drawn::default();
    while stand.now < FOR {
        let t = stand.now;
        let smoke = |channel| if t >= burns_at && channel < 2 { 20 } else { 0 };
        (0..6).for_each(|channel| stand.read(channel, smoke(channel)));
        (0..3).for_each(|i| stories[i].says(&mut stand, i, t));
        let contact = |on: bool, at: Millis| i64::from(on && t >= at);
        stand.read(22, contact(grid_off, stories[0].fails_at.min(20 * MINUTE)));
        stand.read(23, contact(epo, 25 * MINUTE));
        stand.read(24, contact(runs, 15 * MINUTE));
        if dice.one_in(100) {
            ordered(&mut stand, &mut dice);
        }
        if dice.one_in(200) {
            stand = stand.restart(u64::MAX);
            drawn.anew();
        }
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            let outcome = [HookOutcome::Done, HookOutcome::Accepted, HookOutcome::Done][dice.below(3) as usize].clone();
            if dice.one_in(4) {
                stand.answer_all(phase, &outcome);
            }
        }
        stand.wait(EVERY);
        drawn.note(&stand);
        if stand.now % MINUTE == 0 {
            drawn.look(&stand);
        }
    }
    drawn
}
