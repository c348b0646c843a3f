//! The plan against the best there is: small random sites are evacuated by the real core, with hooks that take exactly what is
//! declared, and every order of work with every choice of rungs is tried beside it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
use std::collections::BTreeMap;

use crate::stand::{SECOND, Stand, dice::Dice, hook, rung, site, workload};
use muster_core::{HookIx, HookOutcome, Millis, Phase, RungKind, Site, WorkloadIx, next_deadline};

const PLANS: u64 = 600;
/// Of all that could be saved, this share may be lost to the order of work (issue 7: within 5 %).
const MOST_LOST_PERCENT: i64 = 5;
/// What the search reaches today, so that a change that plans worse is seen: 3.32 % lost, 472 plans as good as any.
const LOST_TODAY_PER_MILLE: i64 = 34;
const BEST_TODAY: u64 = 470;

/// What it is worth that a workload is saved in time: by tier, and by rung.
fn worth(site: &Site, work: usize, kind: RungKind) -> i64 {
    let tier = [9, 3, 1][usize::from(site.workloads[work].tier) - 1];
    let rung = match kind {
        RungKind::Move => 10,
        RungKind::Failover => 7,
        RungKind::Stop => 3,
    };
    tier * rung
}

/// Up to 6 workloads of up to 3 rungs on 2 lanes, and a runway in which seldom everything can be moved.
fn small(dice: &mut Dice) -> Site {
    let mut s = site();
    s.hooks = if dice.one_in(3) {
        vec![hook("one", 2), hook("none", 1)]
    } else {
        vec![hook("mover", 1), hook("stopper", 1)]
    };
    let hooks = if s.hooks[0].max_parallel == 2 { 1 } else { 2 };
    s.priors.loss_earliest_ms = dice.between(60, 400) * SECOND;
    s.workloads = (0..2 + dice.below(5) as u16)
        .map(|i| {
            let mut w = workload(&format!("w{i}"), 1 + dice.below(3) as u8, &[]);
            w.after = (0..i).filter(|_| dice.one_in(5)).map(WorkloadIx).collect();
            let (stop_s, failover_s, move_s) = (dice.between(5, 40), dice.between(10, 90), dice.between(20, 200));
            let stopper = dice.below(hooks) as u16;
            w.rungs = vec![rung(RungKind::Move, 0, move_s), rung(RungKind::Failover, 0, failover_s)];
            w.rungs.retain(|_| !dice.one_in(3));
            w.rungs.push(rung(RungKind::Stop, stopper, stop_s));
            w
        })
        .collect();
    s
}

/// What the core saves by the end of the runway.
fn saved_by_the_core(site: &Site) -> i64 {
    let end = site.priors.loss_earliest_ms;
    let mut stand = Stand::new(site.clone());
    stand.alarm(0);
    stand.alarm(1);
    let mut running: BTreeMap<String, Millis> = BTreeMap::new();
    let mut seen = 0;
    while stand.now < end {
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.answer_all(Phase::Verify, &HookOutcome::Done);
        while seen < stand.calls.len() {
            let call = &stand.calls[seen];
            if call.phase == Phase::Evacuate && call.attempt == 1 {
                let work = site.workloads.iter().find(|w| w.id == call.workload).unwrap();
                let needs = work.rungs.iter().find(|r| r.kind == call.rung).unwrap().needs_ms;
                running.insert(call.step.clone(), stand.now + needs);
            }
            seen += 1;
        }
        for step in std::mem::take(&mut stand.cancelled) {
            running.remove(&step);
        }
        let over = running
            .iter()
            .find(|(_, at)| **at <= stand.now)
            .map(|(step, _)| step.clone());
        if let Some(step) = over {
            running.remove(&step);
            stand.done(&step);
            continue;
        }
        let next = running
            .values()
            .copied()
            .chain(next_deadline(&stand.state))
            .chain([end])
            .min()
            .unwrap();
        stand.wait((next - stand.now).max(1).min(end - stand.now));
    }
    // What ends with the runway is in time, and so is its probe.
    let last: Vec<String> = running
        .into_iter()
        .filter(|(_, at)| *at <= end)
        .map(|(step, _)| step)
        .collect();
    last.iter().for_each(|step| stand.done(step));
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    let workloads = stand.view().incident.unwrap().workloads;
    let saved = workloads.iter().filter(|w| w.safe_at.is_some());
    let at = |id: &str| site.workloads.iter().position(|w| w.id == id).unwrap();
    saved.map(|w| worth(site, at(&w.id), w.rung)).sum()
}

/// Every order and every choice of rungs, without those that cannot be better than what is known.
struct Search<'a> {
    site: &'a Site,
    end: Millis,
    best: i64,
}

impl Search<'_> {
    fn go(&mut self, lanes: &mut [Vec<Millis>], finish: &mut [Option<Millis>], left: u8, saved: i64) {
        self.best = self.best.max(saved);
        let count = self.site.workloads.len();
        let open: Vec<usize> = (0..count).filter(|w| left & (1 << w) != 0).collect();
        let most: i64 = open
            .iter()
            .map(|w| worth(self.site, *w, self.site.workloads[*w].rungs[0].kind))
            .sum();
        if saved + most <= self.best {
            return;
        }
        for work in open {
            for rung in &self.site.workloads[work].rungs {
                let HookIx(hook) = rung.hook;
                let lane = (0..lanes[usize::from(hook)].len())
                    .min_by_key(|l| lanes[usize::from(hook)][*l])
                    .unwrap();
                let free = lanes[usize::from(hook)][lane];
                let mut before = self.site.workloads[work].after.iter().map(|d| finish[d.at()]);
                let before = before.try_fold(0, |a, b| Some(b?.max(a)));
                // Waiting for others ends where it could wait no longer.
                let late = self.end - rung.needs_ms;
                let start = free.max(before.map_or(late, |before| before.min(late)));
                if start + rung.needs_ms > self.end {
                    continue;
                }
                lanes[usize::from(hook)][lane] = start + rung.needs_ms;
                finish[work] = Some(start + rung.needs_ms);
                self.go(
                    lanes,
                    finish,
                    left & !(1 << work),
                    saved + worth(self.site, work, rung.kind),
                );
                (lanes[usize::from(hook)][lane], finish[work]) = (free, None);
            }
        }
    }
}

fn best(site: &Site, known: i64) -> i64 {
    let count = site.workloads.len();
    let mut lanes: Vec<Vec<Millis>> = site
        .hooks
        .iter()
        .map(|h| vec![0; usize::from(h.max_parallel)])
        .collect();
    let end = site.priors.loss_earliest_ms;
    let mut search = Search { site, end, best: known };
    search.go(&mut lanes, &mut vec![None; count], ((1u16 << count) - 1) as u8, 0);
    search.best
}

#[test]
fn the_plan_is_within_five_percent_of_the_best_there_is() {
    let (mut core, mut most, mut worst, mut exact) = (0, 0, (0, 0), 0);
    let mut gaps = 0;
    for seed in 0..PLANS {
        let site = small(&mut Dice(seed));
        let saved = saved_by_the_core(&site);
        let best = best(&site, saved);
        (core, most) = (core + saved, most + best);
        let gap = (best - saved) * 10_000 / best.max(1);
        gaps += gap;
        exact += u64::from(gap == 0);
        worst = worst.max((gap, seed));
    }
    let percent = |hundredths: i64| format!("{}.{:02} %", hundredths / 100, hundredths % 100);
    println!(
        "{PLANS} plans: {} of what could be saved is lost, {} a plan on average, {} in the worst (seed {}); {exact} are the best there is",
        percent((most - core) * 10_000 / most),
        percent(gaps / PLANS as i64),
        percent(worst.0),
        worst.1
    );
    assert!(
        (most - core) * 100 <= most * MOST_LOST_PERCENT,
        "{core} of {most} saved"
    );
    assert!(
        (most - core) * 1_000 <= most * LOST_TODAY_PER_MILLE && exact >= BEST_TODAY,
        "worse than it was: {core} of {most} saved, {exact} plans as good as any"
    );
}
