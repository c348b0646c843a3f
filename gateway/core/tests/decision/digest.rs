//! The same inputs give the same digest in debug, in release and on every machine. To check a debug build:
//! `cargo test -p muster-core --test decision digest` without `--release`.
use crate::stand::{ANN, MINUTE, SECOND, Stand, dice::Dice, site, workload};
use muster_core::{HookOutcome, Phase, Verb};

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

#[test]
fn one_sample_more_is_another_digest() {
    let (mut a, mut b) = (Stand::new(site()), Stand::new(site()));
    assert_eq!(a.state.digest(), b.state.digest());
    a.read(0, 1);
    assert_ne!(a.state.digest(), b.state.digest());
    b.read(0, 1);
    assert_eq!(a.state.digest(), b.state.digest());
}
