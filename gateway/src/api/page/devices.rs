//! Every node and device: those that are not well first, each with why and what to do, then the others by zone. The roll is
//! called beside the frames, so that an engine that does not answer delays none.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::act::with_commands;
use super::{span, tag};
use crate::api::devices::{Bus, Called, Condition, Device};
use crate::api::serve::Room;
use crate::lines::shortly;

/// Devices that are not well, each with its lines.
const UNWELL_SHOWN: usize = 25;
/// Devices that are well, a line each; a frame goes out every second.
const WELL_SHOWN: usize = 100;
/// With no more devices than this, those that are well are seen without being asked for.
const OPEN: usize = 30;
/// Faults named of one device.
const FAULTS_SHOWN: usize = 3;
/// Others named of a bus.
const BESIDE_SHOWN: usize = 4;

pub(super) fn section(room: &Room) -> Markup {
    let called = room.roll.last();
    html! {
        section #devices {
            div #devices-unwell data-part="" {
                @match &called {
                    Some(called) => (unwell(room, called)),
                    None => { h2 { "Devices" } p.none { "Not known yet: the decision loop has not answered." } }
                }
            }
            // Outside of what is replaced, so that it stays as somebody has opened it.
            details open[called.as_ref().is_some_and(|called| called.devices.len() <= OPEN)] {
                summary { "Every device that is well, by zone" }
                div #devices-well data-part="" { @if let Some(called) = &called { (well(room, called)) } }
            }
        }
    }
}

fn unwell(room: &Room, called: &Called) -> Markup {
    let mut all: Vec<&Device> = called.devices.iter().filter(|d| d.state() != Condition::Well).collect();
    all.sort_by_key(|d| (d.state(), &d.source.zones));
    html! {
        h2 { "Devices " small { "nodes, and what is polled; all of it: " code { (room.here.devices()) } } }
        @if let Some(age) = called.old() {
            p.old { "AS OF " (span(age.as_millis() as i64)) " AGO: the decision loop does not answer for its devices." }
        }
        (tally(called.devices.len(), &all))
        @for device in all.iter().take(UNWELL_SHOWN) { (ill(device)) }
        (more(room, all.len(), UNWELL_SHOWN, "not well"))
    }
}

/// In words; a colour alone says nothing to everybody.
fn tally(total: usize, unwell: &[&Device]) -> Markup {
    let count = |state| unwell.iter().filter(|d| d.state() == state).count();
    html! {
        @if total == 0 { p.none { "None: the config names no node and no device." } }
        @else if unwell.is_empty() { p { b.fine { "All " (total) " well." } } }
        @else {
            p { b { (total - unwell.len()) " of " (total) " well" }
                @for (state, words) in [(Condition::Trouble, "in trouble"), (Condition::Faults, "with faults"), (Condition::NotHeard, "not heard yet")] {
                    @let n = count(state);
                    @if n > 0 { ", " b.weak { (n) " " (words) } }
                }
            }
        }
    }
}

fn ill(device: &Device) -> Markup {
    html! {
        div.item {
            p.device { (line(device)) }
            @if let Some(trouble) = &device.trouble { p { (trouble.line) } }
            @if device.trouble.is_none() { (faults(device)) }
            @if let Some(error) = device.last_error() {
                @let said = device.trouble.as_ref().is_some_and(|trouble| trouble.line.contains(&error.line));
                p.reason { "last error, " (shortly(error.age_ms)) " ago: " @if said { "the same" } @else { (error.line) } }
            }
            @if let Some(note) = device.note() { p { (note) } }
            @if let Some(polled) = &device.polled { p.reason { (polled.kind) " at " (polled.address) " as " (polled.profile) } }
            @if let Some(bus) = &device.bus { p.reason { (beside(bus, device)) } }
            @if let Some(next) = device.next() { p.next { (with_commands(&next)) } }
        }
    }
}

/// Who is on its bus with it.
fn beside(bus: &Bus, device: &Device) -> String {
    let others: Vec<&str> = bus.beside(&device.source.id).take(BESIDE_SHOWN).collect();
    let more = bus.devices.len().saturating_sub(1 + others.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let others = if others.is_empty() {
        "nobody else".to_owned()
    } else {
        others.join(", ")
    };
    format!("on {} with {others}{more}", bus.port)
}

fn faults(device: &Device) -> Markup {
    let all = &device.source.faults;
    html! {
        @for fault in all.iter().take(FAULTS_SHOWN) { p { (fault.channel) ": " (fault.line) } }
        @if all.len() > FAULTS_SHOWN { p.none { "and " (all.len() - FAULTS_SHOWN) " more of its channels" } }
    }
}

/// Id, state, quality, age and poll time.
fn line(device: &Device) -> Markup {
    let source = &device.source;
    let now = device.polled.as_ref().map(|polled| &polled.now);
    let state = device.state();
    html! {
        b.id { (source.id) }
        span { (tag(state.shown())) @if source.alarm { " " (tag("alarm")) } @else if source.watch { " " (tag("watch")) } }
        span { (source.channels_good) "/" (source.channels_total) " good" }
        span { @match source.last_good_ms { Some(ms) => { (shortly(ms.unsigned_abs())) " ago" } None => "never heard" } }
        span.dim {
            (device.kind())
            @if let Some(ms) = now.and_then(|n| n.cycle_ms) { ", takes " (shortly(ms)) }
            @if let Some(ms) = now.and_then(|n| n.poll_ms) { " every " (shortly(ms)) }
            @if let Some(bus) = &device.bus { ", on " (bus.port) }
        }
    }
}

fn well(room: &Room, called: &Called) -> Markup {
    let mut zones: BTreeMap<&str, (usize, Vec<&Device>)> = BTreeMap::new();
    for device in &called.devices {
        let names = device.source.zones.iter().map(String::as_str);
        for zone in names.chain(device.source.zones.is_empty().then_some("no zone")) {
            let (total, well) = zones.entry(zone).or_default();
            *total += 1;
            well.extend((device.state() == Condition::Well).then_some(device));
        }
    }
    let mut left = WELL_SHOWN;
    let zones = zones.into_iter().map(|(zone, (total, well))| {
        let shown = left.min(well.len());
        left -= shown;
        (zone, total, well, shown)
    });
    html! {
        @for (zone, total, well, shown) in zones {
            h3 { (zone) " " small.dim { (well.len()) " of " (total) " well" } }
            @for device in well.iter().take(shown) { p.device { (line(device)) } }
            (more(room, well.len(), shown, "well"))
        }
    }
}

/// That a list goes on, and where: a page that cuts silently lies.
fn more(room: &Room, all: usize, shown: usize, how: &str) -> Markup {
    html! { @if all > shown { p.none { "and " (all - shown) " more that are " (how) ": " code { (room.here.devices()) } } } }
}
