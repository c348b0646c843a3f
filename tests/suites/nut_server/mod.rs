//! UPSes behind NUT's own upsd, with its own simulated driver. The word `nut_server` is that of Debian's package.

mod battery;
mod encrypted;
mod hostile;
mod loss;
mod probe;
mod server;
mod tapes;
mod trace;

use crate::stand::{Room, Stand};

/// The UPS of a suite, as a source `ups`, on whose zone it speaks. `more` is further lines of it.
fn source(id: &str, port: u16, ups: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"nut\"\naddress = \"localhost:{port}\"\nups = \"{ups}\"\nzone = \"room\"\n\
         signals = [\"on_battery\", \"battery_low\", \"forced_shutdown\", \"charge\"]\n{more}\n"
    )
}

/// A gateway that reads the UPS `bat` of an upsd, and has heard it.
async fn watching(port: u16) -> Stand {
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", port, "bat", ""))).await;
    is_heard(&stand, "ups", "0.92").await;
    stand
}

/// Its charge is good, and this.
async fn is_heard(stand: &Stand, id: &str, charge: &str) {
    let channel = format!("{id}.charge");
    let what = format!("{channel} is heard");
    let good = |c: &muster_core::ChannelView| c.quality == "good" && c.value.as_deref() == Some(charge);
    stand.api.until_channel(&channel, &what, good).await;
}

/// The UPS is trouble; in which words.
async fn trouble(stand: &Stand, id: &str) -> String {
    let of = |v: &muster_core::View| v.troubles.iter().find(|t| t.subject == id).map(|t| t.line.clone());
    let view = stand.until(&format!("trouble of {id}"), |v| of(v).is_some()).await;
    of(&view).unwrap()
}
