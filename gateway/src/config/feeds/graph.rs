//! Feeds in an order in which each stands after what feeds it; a circle is a fault.

use super::super::cycles;
use super::super::faults::{Faults, quoted};
use super::{Wired, numbered};

/// Sorted, by index. Feeds of a circle are cut where it begins: it has been reported, and the result is thrown away.
pub(super) fn sorted(mut wired: Vec<Wired>, faults: &Faults<'_>) -> Vec<Wired> {
    let mut by: Vec<Vec<usize>> = wired.iter().map(|w| w.by.clone()).collect();
    while let Some(cycle) = cycles::any_cycle(&by) {
        let names = cycle.iter().chain(cycle.first()).take(8);
        let names: Vec<_> = names.map(|ix| quoted(&wired[*ix].feed.id)).collect();
        let at = cycle.first().map_or(0, |ix| wired[*ix].at);
        let what = format!("feeds feed each other: {}", names.join(" by "));
        faults.error(at, what, "remove one of these `by`");
        cycle.iter().for_each(|ix| by[*ix].clear());
    }
    let order = order(&by);
    let mut places = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, ix)| places[*ix] = place);
    for (wired, by) in wired.iter_mut().zip(&by) {
        wired.feed.by = numbered(&places, by);
    }
    let mut sorted: Vec<(usize, Wired)> = places.into_iter().zip(wired).collect();
    sorted.sort_by_key(|(place, _)| *place);
    sorted.into_iter().map(|(_, wired)| wired).collect()
}

/// Those that wait for nobody first; of these as they stand in the file.
fn order(by: &[Vec<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = by.iter().map(Vec::len).collect();
    let mut feeds = vec![Vec::new(); by.len()];
    for (ix, by) in by.iter().enumerate() {
        by.iter().for_each(|b| feeds[*b].push(ix));
    }
    let mut order: Vec<usize> = (0..by.len()).filter(|ix| waits[*ix] == 0).collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for &ix in &feeds[done] {
            waits[ix] -= 1;
            if waits[ix] == 0 {
                order.push(ix);
            }
        }
    }
    order
}
