//! `[muster]`: where Muster itself stands, so that readiness can say what would take it along.

use super::super::table::Table;

/// Where Muster itself stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPlace {
    /// The rack its machine stands in, as in `[[feed]]`.
    pub rack: Option<String>,
    /// Network switches, each of which alone is enough to be heard by sensors and to reach hooks.
    pub switches: Vec<String>,
    /// Lines out of the building, each of which alone is enough.
    pub uplinks: Vec<String>,
    /// Who turns the names of hooks and destinations into addresses.
    pub names: Option<Names>,
}

/// Who turns names into addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A server of this site alone.
    Here,
    /// One elsewhere as well, or `/etc/hosts`.
    Elsewhere,
}

pub(super) fn read(root: &Table<'_>) -> Option<OwnPlace> {
    let table = root.table("muster", "[muster]")?;
    let texts = |key| table.texts(key).into_iter().map(|text| text.value).collect();
    let place = OwnPlace {
        rack: table.text("rack").map(|rack| rack.value),
        switches: texts("switches"),
        uplinks: texts("uplinks"),
        names: table
            .choice("names", &[("here", Names::Here), ("elsewhere", Names::Elsewhere)])
            .map(|names| names.value),
    };
    table.finish();
    Some(place)
}
