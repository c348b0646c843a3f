//! The same inputs give the same digest in debug, in release and on every machine. To check a debug build:
//! `cargo test -p muster-core --test decision digest` without `--release`.
mod drawn;
mod outages;

use crate::properties;
use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, dice::Dice, site, workload};
use drawn::Drawn;
use muster_core::{HookOutcome, Input, Phase, Verb};

/// A fire, a hold, a restart and an ordered cut, with numbers from a seed.
fn script() -> u64 {
    let mut site = site();
    site.workloads
        .extend([workload("web", 1, &[0]), workload("batch", 3, &[])]);
    let (mut stand, mut dice) = (Stand::new(site), Dice(2022));
    for _ in 0..200 {
        let channel = dice.below(8) as u32;
        stand.read(channel, dice.between(0, 4));
        stand.wait(dice.between(1, 2 * SECOND));
    }
    stand.fire();
    stand.order(ANN, Verb::Hold);
    stand.wait(10 * SECOND);
    let mut stand = stand.restart(u64::MAX);
    stand.alarm(3);
    for _ in 0..30 {
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.answer_all(Phase::Evacuate, &HookOutcome::Accepted);
        stand.answer_all(Phase::Verify, &HookOutcome::Done);
        stand.wait(dice.between(1, 20) * SECOND);
    }
    stand.order(
        ANN,
        Verb::Cut {
            at: stand.now + 30 * MINUTE,
        },
    );
    stand.wait(5 * MINUTE);
    stand.state.digest()
}

#[test]
fn a_scripted_run_has_its_digest() {
    let digest = script();
    assert_eq!(digest, 0xc957_e841_46e6_b539, "{digest:#018x}");
}

/// Anything that can come in, at any site, over a restart.
fn anything(seed: u64) -> Drawn {
    let (mut drawn, mut dice) = (Drawn::default(), Dice(seed));
    let mut stand = Stand::new(dice.site());
    for n in 0..300 {
        if n % 20 == 0 {
            drawn.look(&stand);
        }
        if n == 200 {
            stand.store();
            stand = stand.restart(u64::MAX);
            drawn.anew();
        }
        let (kind, which, value) = (dice.roll() as u8, dice.roll() as u16, dice.roll() as i32);
        properties::act(&mut stand, (kind, which, value));
        drawn.note(&stand);
    }
    drawn.look(&stand);
    drawn
}

/// Everything is away, is ordered home, and then anything happens.
fn homeward(seed: u64) -> Drawn {
    let (mut drawn, mut dice) = (Drawn::default(), Dice(seed));
    let mut stand = properties::all_away(seed);
    stand.both(Verb::Return);
    for _ in 0..80 {
        let (kind, which, value) = (dice.roll() as u8, dice.roll() as u16, dice.roll() as i32);
        properties::act(&mut stand, (kind, which, value));
        drawn.note(&stand);
    }
    drawn.look(&stand);
    drawn
}

/// A drill of a drawn site, with answers of every kind.
fn drill(seed: u64) -> Drawn {
    let (mut drawn, mut dice) = (Drawn::default(), Dice(seed));
    let mut stand = Stand::new(dice.site());
    let dry = dice.one_in(8);
    stand.input(&Input::Drill {
        by: (!dice.one_in(3)).then_some(BOB),
        works: Vec::new(),
        dry,
        nonce: 1,
    });
    for _ in 0..60 {
        let (which, value) = (dice.roll() as u16, dice.roll() as i32);
        properties::act(&mut stand, (17, which, value));
        stand.wait(dice.between(0, 20) * SECOND);
        drawn.note(&stand);
    }
    drawn.look(&stand);
    drawn
}

/// What this core decides, over sites and stories drawn from seeds. A digest that is another one means that somebody's recording
/// no longer replays as it was: with a decision, a wake-up or a word that is meant to be another, raise `VERSION` and pin it anew.
fn is_pinned(seeds: u64, play: impl Fn(u64) -> Drawn, pinned: u64) {
    let mut all = Drawn::default();
    (0..seeds).for_each(|seed| all.take(&play(seed)));
    assert_eq!(all.digest(), pinned, "{:#018x}", all.digest());
}

#[test]
fn anything_at_any_site_has_its_digest() {
    is_pinned(60, anything, 0x82d9_967a_a69f_921e);
}

#[test]
fn the_way_home_has_its_digest() {
    is_pinned(60, homeward, 0x41c6_aa26_8143_b57c);
}

#[test]
fn drills_have_their_digest() {
    is_pinned(60, drill, 0xb441_1145_8fa3_5049);
}

#[test]
fn outages_have_their_digest() {
    is_pinned(30, outages::play, 0x8b0c_00b5_64d1_7e2e);
}

#[test]
fn one_sample_more_is_another_digest() {
    let (mut a, mut b) = (Stand::new(site()), Stand::new(site()));
    assert_eq!(a.state.digest(), b.state.digest());
    a.read(0, 1);
    assert_ne!(a.state.digest(), b.state.digest());
    b.read(0, 1);
    assert_eq!(a.state.digest(), b.state.digest());
}
