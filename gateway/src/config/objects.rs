//! Whether a target that Muster itself speaks to would know its workloads by the names that they have in the file.

use super::faults::{Faults, quoted};
use super::workload::WorkloadRow;
use super::{HookTarget, HookWay, Placed};
use crate::hooks::{kubernetes, slurm};

/// Reports every workload whose name or rack a target of its own would not know.
pub(super) fn check(targets: &[HookTarget], workloads: &[WorkloadRow], faults: &Faults<'_>) {
    for target in targets.iter().filter(|target| target.way.is_ours()) {
        for row in workloads {
            if let Some(placed) = target.works.get(&row.id.value) {
                check_one(target, placed, row, faults);
            }
        }
    }
}

fn check_one(target: &HookTarget, placed: &Placed, row: &WorkloadRow, faults: &Faults<'_>) {
    let (hook, object, rack) = (quoted(&target.id), quoted(&placed.object), quoted(&placed.rack));
    let (known, forms, racks) = match &target.way {
        HookWay::Kubernetes(way) => {
            let racks = way.rack_label.is_none().then_some(&way.places.racks);
            (kubernetes::knows(&placed.object), kubernetes::FORMS, racks)
        }
        HookWay::Slurm(way) => (slurm::knows(&placed.object), slurm::FORMS, Some(&way.racks)),
        _ => return,
    };
    if !known {
        let what = format!("hook {hook} has nothing that is called {object}");
        faults.error(row.id.at, what, format!("`object`: {forms}"));
    }
    if racks.is_some_and(|racks| !racks.contains_key(&placed.rack)) {
        let what = format!("hook {hook} knows no node on the rack {rack}");
        faults.error(row.id.at, what, "name the nodes on it under `racks` of the hook");
    }
}
