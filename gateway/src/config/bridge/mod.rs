//! What readiness has to know beside what is decided by: `[[tool]]` and `[muster]`. Nothing of it changes an evacuation.

mod own;
mod tool;

use super::faults::Faults;
use super::names::Index;
use super::table::Table;

pub use own::{Names, OwnPlace};
pub use tool::{Stands, Tool, ToolKind, ToolUrl};

/// What readiness has to know beside what is decided by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bridges {
    /// What an evacuation itself needs.
    pub tools: Vec<Tool>,
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
            tools: tools.iter().map(|row| row.tool.clone()).collect(),
            own: own::read(root),
        },
        tools,
    }
}

impl BridgeRows {
    /// Looks up what they name.
    pub(super) fn lower(self, workloads: &Index, faults: &Faults<'_>) -> Bridges {
        Index::of("tool", self.tools.iter().map(|row| &row.id), faults);
        for named in self.tools.iter().filter_map(|row| row.workload.as_ref()) {
            workloads.find(named, faults);
        }
        self.bridges
    }
}
