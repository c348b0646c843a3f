//! What readiness has to know beside what is decided by: `[[tool]]` and `[muster]`. Nothing of it changes an evacuation.

mod destination;
mod own;
mod tool;

use std::collections::BTreeMap;

use muster_core::Site;

use super::faults::Faults;
use super::names::Index;
use super::table::Table;

pub use destination::Destination;
pub use own::{Names, OwnPlace};
pub use tool::{Stands, Tool, ToolKind, ToolUrl};

/// So much of each resource, by its name. Whole numbers.
pub type Amounts = BTreeMap<String, u64>;

/// What readiness has to know beside what is decided by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bridges {
    /// Where workloads may go, with the room there is by their owner's word.
    pub destinations: Vec<Destination>,
    /// What an evacuation itself needs.
    pub tools: Vec<Tool>,
    /// What each workload takes where it goes, by its id.
    pub takes: BTreeMap<String, Amounts>,
    /// Where Muster itself stands; none where nobody has said.
    pub own: Option<OwnPlace>,
}

/// The tables as they stand in the file.
pub(super) struct BridgeRows {
    bridges: Bridges,
    tools: Vec<tool::ToolRow>,
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>, folder: &std::path::Path) -> BridgeRows {
    let tools = tool::read(root, folder);
    BridgeRows {
        bridges: Bridges {
            destinations: Vec::new(),
            tools: tools.iter().map(|row| row.tool.clone()).collect(),
            takes: BTreeMap::new(),
            own: own::read(root),
        },
        tools,
    }
}

impl BridgeRows {
    /// Looks up what they name.
    pub(super) fn lower(self, workloads: &Index, site: &Site, faults: &Faults<'_>) -> Bridges {
        Index::of("tool", self.tools.iter().map(|row| &row.id), faults);
        for named in self.tools.iter().filter_map(|row| row.workload.as_ref()) {
            workloads.find(named, faults);
        }
        Bridges {
            destinations: destination::of(site),
            takes: destination::takes(site),
            ..self.bridges
        }
    }
}
