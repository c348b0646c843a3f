//! What is said of batteries that run down, word by word and minute by minute.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
use std::fmt::Write;

use crate::stand::power::{MAINS, OB, Says, calm, n_plus_1, of_ups, paths, poll};
use crate::stand::story::{clock, keep};
use crate::stand::{MINUTE, SECOND, Stand};
use muster_core::{Millis, Site};
use muster_wire::{Absence, Micro};

/// The racks as they are seen, and what has been said since.
fn tell(stand: &Stand, from: Millis, said: &mut usize, text: &mut String) {
    for event in &stand.events[*said..] {
        writeln!(text, "    {}: {}", event.subject, event.line).unwrap();
    }
    *said = stand.events.len();
    for rack in stand.view().racks {
        let loss = rack.loss.map_or("keeps its power".into(), |l| {
            let (earliest, likely) = (clock(l.earliest - from), clock(l.likely - from));
            format!("loses it at {earliest} or {likely}: {}", l.why)
        });
        let doomed = if rack.doomed { ", doomed" } else { "" };
        writeln!(text, "{} {}{doomed} {loss}", clock(stand.now - from), rack.id).unwrap();
    }
}

/// What each UPS says, every 5 s; what it does not say is none.
fn story(name: &str, site: Site, minutes: i64, says: impl Fn(&mut Stand, Millis)) {
    let mut stand = Stand::new(site);
    calm(&mut stand);
    let (from, mut said, mut text) = (stand.now, stand.events.len(), String::new());
    while stand.now - from < minutes * MINUTE {
        let t = stand.now - from;
        (0..6).for_each(|smoke| stand.read(smoke, 0));
        says(&mut stand, t);
        stand.wait(5 * SECOND);
        if (stand.now - from) % (2 * MINUTE) == 0 {
            tell(&stand, from, &mut said, &mut text);
        }
    }
    keep(name, &text);
}

fn both(stand: &mut Stand, says: Says) {
    poll(stand, 0, says);
    poll(stand, 1, says);
    poll(stand, 2, MAINS);
}

#[test]
fn it_falls_evenly() {
    story("even", paths(), 28, |stand, t| both(stand, Says::drained(t)));
}

/// A gauge that reads voltages, and no runtime.
#[test]
fn it_falls_steeply_in_the_end() {
    story("steep", paths(), 28, |stand, t| {
        for ob in &OB[..2] {
            stand.read(*ob, 1);
            let gone = t / SECOND * 1_000 / 1_800;
            stand.sample(ob + 1, Ok(Micro((1_000 - gone * gone / 1_000) * 1_000)));
        }
        poll(stand, 2, MAINS);
    });
}

#[test]
fn the_load_grows() {
    story("load", paths(), 20, |stand, t| {
        let load = if t < 8 * MINUTE { 40 } else { 80 };
        for ob in &OB[..2] {
            stand.read(*ob, 1);
            let gone = t.min(8 * MINUTE) + (t - 8 * MINUTE).max(0) * 5 / 2;
            stand.sample(ob + 1, Ok(Micro(1_000_000 - gone / SECOND * 1_000_000 / 3_600)));
            stand.sample(ob + 3, Ok(Micro(load * 10_000)));
        }
        poll(stand, 2, MAINS);
    });
}

#[test]
fn it_is_not_heard_any_more() {
    story("silent", paths(), 20, |stand, t| {
        if t < 6 * MINUTE {
            both(stand, Says::drained(t));
        } else {
            poll(stand, 2, MAINS);
        }
    });
}

/// A runtime that stands still while nothing charges.
#[test]
fn it_promises_the_same_for_ever() {
    story("promise", paths(), 24, |stand, _| {
        for ob in &OB[..2] {
            stand.read(*ob, 1);
            stand.read(ob + 2, 1_200);
        }
        poll(stand, 2, MAINS);
    });
}

#[test]
fn its_owner_has_said_how_long() {
    let mut site = paths();
    for feed in &mut site.power.feeds[1..3] {
        feed.runtime_ms = Some(20 * MINUTE);
    }
    story("declared", site, 20, |stand, t| {
        for ob in &OB[..2] {
            stand.read(*ob, 1);
            // It was not full.
            if t < 10 * SECOND {
                stand.sample(ob + 1, Ok(Micro(900_000)));
            }
        }
        poll(stand, 2, MAINS);
    });
}

#[test]
fn it_says_nothing() {
    story("nothing", paths(), 8, |stand, _| {
        (0..2).for_each(|i| stand.read(OB[i], 1));
        poll(stand, 2, MAINS);
    });
}

/// One of three that carry a rack stops; the two that are left carry too much.
#[test]
fn a_neighbour_fails() {
    story("overload", n_plus_1(), 12, |stand, t| {
        for i in 0..2 {
            let load = if t < 4 * MINUTE { 90 } else { 120 };
            poll(
                stand,
                i,
                Says {
                    load,
                    ..Says::drained(t)
                },
            );
        }
        if t < 4 * MINUTE {
            poll(stand, 2, Says::drained(t));
        } else {
            stand.sample(OB[2], Err(Absence::Lost));
        }
    });
}

/// Of two runtimes the shorter one; and the mains come back.
#[test]
fn the_mains_come_back() {
    let mut site = paths();
    let mut second = of_ups(0, muster_wire::Quantity::Runtime);
    second.id = "ups-0.runtime-2".into();
    site.channels.push(second);
    let last = site.channels.len() as u32 - 1;
    story("back", site, 24, move |stand, t| {
        if t < 14 * MINUTE {
            both(stand, Says::drained(t));
            stand.read(last, (1_500 - t / SECOND).max(0));
        } else {
            (0..3).for_each(|i| poll(stand, i, MAINS));
            stand.read(last, 1_500);
        }
    });
}
