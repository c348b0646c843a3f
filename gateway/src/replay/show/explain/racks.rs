//! What feeds each rack, and until when.

use std::fmt::Write as _;

use muster_core::RackView;
use serde_json::{Value, json};

use super::{Told, wrapped};

/// As text; nothing at a site without feeds.
pub(super) fn text(racks: &[RackView], told: &Told<'_>) -> String {
    let mut text = String::new();
    for rack in racks {
        let _ = writeln!(text, "\nrack {}, fed by {}", rack.id, fed(rack));
        text += &wrapped(&state(rack, told), "  ");
    }
    text
}

fn fed(rack: &RackView) -> String {
    let by = rack.by.join(", ");
    if rack.by.len() > 1 {
        format!("{by} (it needs {} of them)", rack.needs)
    } else {
        by
    }
}

fn state(rack: &RackView, told: &Told<'_>) -> String {
    let doomed = if rack.doomed { "; it is evacuated" } else { "" };
    match &rack.loss {
        None => format!("nothing threatens its power{doomed}"),
        Some(loss) if rack.gone => format!("is without power: {}{doomed}", loss.why),
        Some(loss) => {
            let (earliest, likely) = (told.full(loss.earliest), told.full(loss.likely));
            format!(
                "loses its power at {earliest} at the earliest, likely at {likely}: {}{doomed}",
                loss.why
            )
        }
    }
}

/// For machines.
pub(super) fn json(racks: &[RackView], told: &Told<'_>) -> Value {
    let one = |rack: &RackView| {
        let loss = rack.loss.as_ref().map(|loss| {
            json!({ "earliest": super::json::time(Some(loss.earliest), told), "likely": super::json::time(Some(loss.likely), told),
                "why": loss.why })
        });
        json!({ "id": rack.id, "by": rack.by, "needs": rack.needs, "loss": loss, "gone": rack.gone, "doomed": rack.doomed })
    };
    racks.iter().map(one).collect()
}
