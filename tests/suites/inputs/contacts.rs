//! Every contact of the supervised contact module: what it leads to in its zone, and what people read there.

use std::sync::{Arc, Mutex};

use muster_core::{Level, View};
use muster_sim::modbus::{Device, DeviceKind, spawn};
use muster_sim::{HandClock, Panel, Room as Simulated, Scenario};

use crate::stand::{Room, Stand};

/// What a contact is for its zone.
pub(super) struct Meaning {
    pub(super) signal: &'static str,
    pub(super) level: Level,
    /// A vote of the module's group.
    pub(super) votes: bool,
    /// Part of the zone's why.
    pub(super) why: &'static str,
}

const fn meaning(signal: &'static str, level: Level, votes: bool, why: &'static str) -> Meaning {
    Meaning {
        signal,
        level,
        votes,
        why,
    }
}

/// In the order of the module's inputs, two each.
pub(super) const MEANINGS: [Meaning; 8] = [
    meaning(
        "epo",
        Level::Prepare,
        true,
        "panel.epo is on in 2 of the last 3 samples: emergency power off",
    ),
    meaning(
        "suppression_discharge",
        Level::Prepare,
        true,
        "panel.suppression_discharge is on in 2 of the last 3 samples: the suppression has been released",
    ),
    meaning(
        "fire_first_stage",
        Level::Watch,
        false,
        "panel.fire_first_stage is on: first stage",
    ),
    meaning(
        "fire_second_stage",
        Level::Prepare,
        true,
        "panel.fire_second_stage is on in 2 of the last 3 samples",
    ),
    meaning(
        "on_generator",
        Level::Watch,
        false,
        "panel.on_generator is on: the site runs on its generator",
    ),
    meaning("generator_running", Level::Normal, false, ""),
    meaning("leak", Level::Watch, false, "panel.leak is on"),
    meaning("door", Level::Normal, false, ""),
];

/// A room with the module, and sensors enough that protection is not lost.
pub(super) fn room(address: &str) -> Room {
    Room::with(&["n1", "n2"]).and(&format!(
        "[[source]]\nid = \"panel\"\nkind = \"modbus\"\naddress = \"{address}\"\nprofile = \"generic/contact-module\"\n\
         zone = \"room\"\npoll_ms = 100\n"
    ))
}

/// At rest; the module is heard, and nothing is wrong with it.
pub(super) async fn at_rest(address: &str) -> Stand {
    let stand = Stand::start(room(address)).await;
    for meaning in &MEANINGS {
        let channel = format!("panel.{}", meaning.signal);
        let rests = |c: &muster_core::ChannelView| c.value.as_deref() == Some("0") && c.quality == "good";
        stand.api.until_channel(&channel, "it rests", rests).await;
    }
    assert_eq!(stand.view().level, Level::Normal, "{}", stand.view().why);
    stand
}

/// The contact has closed.
pub(super) async fn means(stand: &Stand, meaning: &Meaning) {
    let channel = format!("panel.{}", meaning.signal);
    let on = |c: &muster_core::ChannelView| c.value.as_deref() == Some("1");
    stand.api.until_channel(&channel, "it is on", on).await;
    let is_so = |view: &View| {
        view.level == meaning.level
            && view.votes.len() == usize::from(meaning.votes)
            && view.zones[0].why.contains(meaning.why)
    };
    let view = stand.until(meaning.signal, is_so).await;
    // However long it lasts: one contact never evacuates, and all of a module are one group.
    assert!(!stand.evacuates(), "{}", view.why);
    assert_eq!(view.incident.is_some(), meaning.votes, "{}", meaning.signal);
}

/// The simulated module, and the panel behind it.
async fn module() -> (Device, Arc<Mutex<Panel>>) {
    let panel = Arc::new(Mutex::new(Panel::default()));
    let quiet = Simulated::new(Scenario::Quiet, 1).at(0);
    let shown = panel.clone();
    let script = Arc::new(move |_: i64| muster_sim::RoomState {
        panel: *shown.lock().unwrap(),
        ..quiet.clone()
    });
    let room = Simulated::scripted(script, 1);
    let any = "127.0.0.1:0".parse().unwrap();
    let device = spawn(DeviceKind::ContactModule, any, 1, room, Arc::new(HandClock::new(0, 1))).await;
    (device.unwrap(), panel)
}

fn close(panel: &mut Panel, signal: &str) {
    let contact = match signal {
        "epo" => &mut panel.epo,
        "suppression_discharge" => &mut panel.suppression_discharge,
        "fire_first_stage" => &mut panel.first_stage,
        "fire_second_stage" => &mut panel.fire_alarm,
        "on_generator" => &mut panel.on_generator,
        "generator_running" => &mut panel.generator_running,
        "leak" => &mut panel.leak,
        _ => &mut panel.door,
    };
    *contact = true;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_contact_of_the_simulated_module_means_what_the_table_says() {
    for meaning in &MEANINGS {
        let (device, panel) = module().await;
        let stand = at_rest(&device.addr().to_string()).await;
        close(&mut panel.lock().unwrap(), meaning.signal);
        means(&stand, meaning).await;
    }
}

/// Two votes of one panel are one group's, whichever of its contacts they come from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_contact_at_once_is_one_vote() {
    let (device, panel) = module().await;
    let stand = at_rest(&device.addr().to_string()).await;
    for meaning in &MEANINGS {
        close(&mut panel.lock().unwrap(), meaning.signal);
    }
    let loss = |view: &View| {
        view.runway
            .loss
            .as_ref()
            .is_some_and(|l| l.why.contains("panel.epo: emergency power off"))
    };
    let view = stand.until("the loss is here", loss).await;
    assert!(
        view.runway
            .cut
            .as_ref()
            .unwrap()
            .why
            .contains("panel.suppression_discharge"),
        "{view:?}"
    );
    for meaning in &MEANINGS {
        let on = |c: &muster_core::ChannelView| c.value.as_deref() == Some("1");
        let channel = format!("panel.{}", meaning.signal);
        stand.api.until_channel(&channel, "it is on", on).await;
    }
    let view = stand.view();
    assert_eq!((view.level, view.votes.len()), (Level::Prepare, 1), "{}", view.why);
    assert!(!stand.evacuates());
}
