//! The contact module, played by pymodbus: the same meanings, and wires that break.

use muster_core::{ChannelView, Level};

use super::contacts::{MEANINGS, at_rest, means};
use super::whole_way::{pymodbus, set};
use crate::stand::Script;

const READ_DISCRETE: u8 = 2;

/// Both wires of a contact.
async fn wire(module: &mut Script, contact: usize, closes: u16, opens: u16) {
    let at = 2 * contact as u16;
    set(module, READ_DISCRETE, at, closes).await;
    set(module, READ_DISCRETE, at + 1, opens).await;
}

async fn resting() -> (Script, String) {
    let (mut module, address) = pymodbus(&[1]).await;
    for contact in 0..MEANINGS.len() {
        wire(&mut module, contact, 0, 1).await;
    }
    (module, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_contact_means_what_the_table_says() {
    let (mut module, address) = resting().await;
    for (at, meaning) in MEANINGS.iter().enumerate() {
        let stand = at_rest(&address).await;
        wire(&mut module, at, 1, 0).await;
        means(&stand, meaning).await;
        stand.gateway.stop().await;
        wire(&mut module, at, 0, 1).await;
    }
}

/// Whichever wire breaks, at rest or in alarm, and whichever contact it is: trouble, never an alarm, never "all well".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_or_shorted_wire_is_trouble_and_no_alarm() {
    let (mut module, address) = resting().await;
    let stand = at_rest(&address).await;
    for (at, meaning) in MEANINGS.iter().enumerate() {
        let channel = format!("panel.{}", meaning.signal);
        for (closes, opens, quality) in [(0, 0, "open"), (1, 1, "short")] {
            wire(&mut module, at, closes, opens).await;
            let faulty = |c: &ChannelView| c.quality == quality;
            stand.api.until_channel(&channel, "its wire is at fault", faulty).await;
        }
        let subject = channel.clone();
        let named = |view: &muster_core::View| view.troubles.iter().any(|t| t.subject == subject);
        stand.until("it is trouble", named).await;
    }
    let view = stand.view();
    assert!(view.votes.is_empty() && view.incident.is_none(), "{:?}", view.votes);
    assert!(view.level <= Level::Watch, "{}", view.why);
    // Mended, the same contact alarms.
    wire(&mut module, 3, 1, 0).await;
    let view = stand.until("its vote", |v| !v.votes.is_empty()).await;
    assert_eq!(view.votes.len(), 1);
}
