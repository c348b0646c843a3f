//! `[[feed]]` as it stands in the file.

use muster_core::{FeedKind, Millis};

use super::super::faults::At;
use super::super::table::Table;
use super::MAX_S;

const KINDS: [FeedKind; 6] = [
    FeedKind::Rack,
    FeedKind::Pdu,
    FeedKind::Ups,
    FeedKind::Ats,
    FeedKind::Generator,
    FeedKind::Utility,
];

/// Most of `by`, and so the most that are needed.
const MAX_BY: usize = 64;

/// One table.
pub(in super::super) struct FeedRow {
    pub(super) id: At<String>,
    pub(super) kind: FeedKind,
    pub(super) by: Vec<At<String>>,
    pub(super) needs: Option<At<u16>>,
    pub(super) zone: Option<At<String>>,
    pub(super) crosses: Vec<At<String>>,
    pub(super) battery: Option<At<String>>,
    pub(super) source: Option<At<String>>,
    pub(super) off: Option<At<String>>,
    pub(super) runtime: Option<At<Millis>>,
    pub(super) at: usize,
}

/// Reads all of them.
pub(in super::super) fn read(root: &Table<'_>) -> Vec<FeedRow> {
    root.tables("feed", "[[feed]]").iter().map(read_one).collect()
}

fn read_one(table: &Table<'_>) -> FeedRow {
    let (kind, id) = name(table);
    let row = FeedRow {
        id,
        kind,
        by: table.texts("by"),
        needs: table.integer("needs", 1..=MAX_BY as i64).map(|n| n.map(|n| n as u16)),
        zone: table.text("zone"),
        crosses: table.texts("crosses"),
        battery: table.text("battery"),
        source: table.text("source"),
        off: table.text("off"),
        runtime: table.seconds("runtime_s", 1..=MAX_S),
        at: table.at,
    };
    row.check(table);
    table.finish();
    row
}

/// What it is, and its name: one key says both.
fn name(table: &Table<'_>) -> (FeedKind, At<String>) {
    const HINT: &str = "one of rack, pdu, ups, ats, generator, utility, such as rack = \"r01\"";
    let named: Vec<FeedKind> = KINDS
        .into_iter()
        .filter(|k| table.place(k.as_str()).is_some())
        .collect();
    match named[..] {
        [FeedKind::Rack] => {
            let rack = table.need_text("rack", "as `runs_on` of workloads has it");
            if rack.at != table.at && !(1..=64).contains(&rack.value.len()) {
                table
                    .faults
                    .error(rack.at, "`rack` does not name a rack", "1 to 64 characters");
            }
            (FeedKind::Rack, rack)
        }
        [kind] => (kind, table.need_id(kind.as_str())),
        [] => {
            table
                .faults
                .error(table.at, "this [[feed]] does not say what it is", HINT);
            (FeedKind::Utility, At::new(String::new(), table.at))
        }
        _ => {
            table
                .faults
                .error(table.at, "this [[feed]] is several things at once", HINT);
            (FeedKind::Utility, At::new(String::new(), table.at))
        }
    }
}

impl FeedRow {
    /// What one table alone can get wrong.
    fn check(&self, table: &Table<'_>) {
        let (kind, faults) = (self.kind, table.faults);
        let first = matches!(kind, FeedKind::Utility | FeedKind::Generator);
        if self.id.value.is_empty() {
            return;
        }
        if first && let Some(by) = self.by.first() {
            faults.error(
                by.at,
                format!("a {kind} is fed by nothing in the building"),
                "remove `by`",
            );
        }
        if !first && kind != FeedKind::Ups && self.by.is_empty() {
            let what = format!("nothing feeds {kind} `{}`", self.id.value);
            faults.error(
                self.at,
                what,
                "say what does: by = [\"ups-a\", \"ups-b\"], any one of which will do",
            );
        }
        for (i, by) in self.by.iter().enumerate() {
            if self.by[..i].iter().any(|before| before.value == by.value) {
                let what = format!("`{}` feeds {kind} `{}` twice", by.value, self.id.value);
                faults.error(by.at, what, "name each once: two ways over one thing are one way");
            }
        }
        let (needs, all) = (self.needs.as_ref(), self.by.len());
        if let Some(needs) = needs.filter(|n| usize::from(n.value) > all) {
            let what = format!("needs {} of {all} that feed it", needs.value);
            faults.error(needs.at, what, "1 where any one will do (2N), all but one for N+1");
        }
        let of_ups = [
            ("battery", self.battery.as_ref().map(|b| b.at)),
            ("runtime_s", self.runtime.as_ref().map(|r| r.at)),
        ];
        for (key, at) in of_ups {
            if let Some(at) = at.filter(|_| kind != FeedKind::Ups) {
                faults.error(at, format!("`{key}` of a {kind}"), "only a UPS has a battery");
            }
        }
    }
}
