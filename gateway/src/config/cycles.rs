//! Dependencies between workloads: looked up, free of cycles, and not against the order of the tiers.

use muster_core::WorkloadIx;

use super::faults::{Faults, quoted};
use super::names::Index;
use super::workload::WorkloadRow;

/// What each workload waits for, by index. A cycle is named once, where it begins.
pub(super) fn dependencies(rows: &[WorkloadRow], index: &Index, faults: &Faults<'_>) -> Vec<Vec<WorkloadIx>> {
    let find = |row: &WorkloadRow| row.after.iter().map(|id| index.find(id, faults)).collect::<Vec<_>>();
    let found: Vec<_> = rows.iter().map(find).collect();
    let mut left: Vec<Vec<usize>> = found.iter().map(|f| f.iter().flatten().copied().collect()).collect();
    while let Some(cycle) = any_cycle(&left) {
        report(&cycle, rows, faults);
        // One cycle a pass: cut it, then look for the next.
        for ix in cycle {
            left[ix].clear();
        }
    }
    check_tiers(rows, &found, faults);
    let sorted = |f: Vec<Option<usize>>| {
        let mut after: Vec<_> = f.into_iter().flatten().map(|ix| WorkloadIx(ix as u16)).collect();
        after.sort_unstable();
        after.dedup();
        after
    };
    found.into_iter().map(sorted).collect()
}

/// What waits for a later tier is saved as late as that one, whatever its own tier says.
fn check_tiers(rows: &[WorkloadRow], found: &[Vec<Option<usize>>], faults: &Faults<'_>) {
    for (row, found) in rows.iter().zip(found) {
        for (id, other) in row.after.iter().zip(found) {
            let Some(other) = other.and_then(|ix| rows.get(ix)).filter(|o| o.tier > row.tier) else {
                continue;
            };
            let [this, waits_for] = [row, other].map(|r| format!("{} of tier {}", quoted(&r.id.value), r.tier));
            faults.warning(
                id.at,
                format!("{this} waits for {waits_for}"),
                "what is saved first must not wait for what is saved later: change a tier, or remove it here",
            );
        }
    }
}

/// Follows dependencies without recursion; the path that meets itself is the cycle, in order.
pub(super) fn any_cycle(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut finished = vec![false; after.len()];
    let mut on_path = vec![false; after.len()];
    for start in 0..after.len() {
        let mut path = vec![(start, 0)];
        while let Some((ix, next)) = path.last().copied() {
            on_path[ix] = true;
            match after[ix].get(next) {
                Some(&other) if on_path[other] => {
                    let nodes = path.iter().map(|(ix, _)| *ix);
                    return Some(nodes.skip_while(|ix| *ix != other).collect());
                }
                Some(&other) => {
                    path.pop();
                    path.push((ix, next + 1));
                    if !finished[other] {
                        path.push((other, 0));
                    }
                }
                None => {
                    (on_path[ix], finished[ix]) = (false, true);
                    path.pop();
                }
            }
        }
    }
    None
}

fn report(cycle: &[usize], rows: &[WorkloadRow], faults: &Faults<'_>) {
    const SHOWN: usize = 8;
    let names = cycle
        .iter()
        .chain(cycle.first())
        .filter_map(|ix| rows.get(*ix))
        .map(|row| quoted(&row.id.value));
    let mut names: Vec<_> = names.collect();
    if names.len() > SHOWN {
        names.splice(SHOWN - 1..names.len() - 1, ["…".to_owned()]);
    }
    let at = cycle
        .first()
        .and_then(|ix| rows.get(*ix))
        .and_then(|row| row.after.first());
    let what = format!("workloads wait for each other: {}", names.join(" after "));
    faults.error(at.map_or(0, |a| a.at), what, "remove one of these `after`");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found_and_diamonds_are_none() {
        assert_eq!(any_cycle(&[vec![1, 2], vec![3], vec![3], vec![]]), None);
        assert_eq!(any_cycle(&[vec![0]]), Some(vec![0]));
        assert_eq!(any_cycle(&[vec![1], vec![2], vec![3], vec![1]]), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<_> = (0..10_000).map(|ix| vec![(ix + 1) % 10_000]).collect();
        assert_eq!(any_cycle(&chain).map(|c| c.len()), Some(10_000));
    }
}
