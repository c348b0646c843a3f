//! `[[channel]]`.

use muster_core::Millis;
use muster_wire::Quantity;

use super::checks::CheckRow;
use super::faults::{At, quoted};
use super::limits::LimitRow;
use super::names::{did_you_mean, is_channel_id};
use super::pick::PickRow;
use super::table::Table;

/// `[[channel]]` as it stands in the file.
pub(super) struct ChannelRow {
    /// By default `{source}.{signal}`.
    pub(super) id: Option<At<String>>,
    pub(super) source: At<String>,
    pub(super) signal: At<String>,
    pub(super) zone: Option<At<String>>,
    pub(super) group: Option<At<String>>,
    pub(super) quantity: Option<At<Quantity>>,
    pub(super) limits: LimitRow,
    pub(super) checks: CheckRow,
    pub(super) supervision_ms: Option<At<Millis>>,
    /// Where it says so, and whether packs must carry boot and seq.
    pub(super) sequence: Option<At<bool>>,
    /// Where it stands in the messages of somebody else's sensor.
    pub(super) pick: PickRow,
    /// Where the table begins.
    pub(super) at: usize,
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>) -> Vec<ChannelRow> {
    root.tables("channel", "[[channel]]").iter().map(read_one).collect()
}

fn read_one(table: &Table<'_>) -> ChannelRow {
    let sequence = table.flag("sequence", true);
    let row = ChannelRow {
        id: id(table),
        source: table.need_text("source", "the id of a [[source]]"),
        signal: table.need_text("signal", "the name in the node's packs or in the device's profile"),
        zone: table.text("zone"),
        group: table.id("group"),
        quantity: table.text("quantity").and_then(|word| quantity(table, &word)),
        limits: LimitRow::read(table),
        checks: CheckRow::read(table),
        supervision_ms: table.seconds("supervision_s", 1..=3_600),
        sequence: table.place("sequence").map(|at| At::new(sequence, at)),
        pick: PickRow::read(table),
        at: table.at,
    };
    table.finish();
    row
}

fn id(table: &Table<'_>) -> Option<At<String>> {
    let id = table.text("id")?;
    if is_channel_id(&id.value) {
        return Some(id);
    }
    let what = format!("{} is not the id of a channel", quoted(&id.value));
    table.faults.error(
        id.at,
        what,
        "use a-z, 0-9 and `-`, at most one dot, and `_` only behind it",
    );
    None
}

/// The quantity a word stands for; an unknown one is a fault.
pub(super) fn quantity(table: &Table<'_>, word: &At<String>) -> Option<At<Quantity>> {
    let quantity = Quantity::from_word(&word.value);
    if quantity.is_none() {
        let what = format!("{} is not a quantity", quoted(&word.value));
        table.faults.error(word.at, what, quantity_hint(&word.value));
    }
    quantity.map(|q| At::new(q, word.at))
}

/// The nearest quantity, or all of them.
pub(super) fn quantity_hint(word: &str) -> String {
    let words = || Quantity::ALL.iter().map(|q| q.as_str());
    did_you_mean(
        word,
        words(),
        &format!("one of {}", words().collect::<Vec<_>>().join(", ")),
    )
}
