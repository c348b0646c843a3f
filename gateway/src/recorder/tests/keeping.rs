//! The ring's bound, and what incidents pin.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Bounds, segments_in};
use super::rig::{Rig, site, wide};
use crate::clock::Stopwatch;
use crate::replay::recording::{Joins, replay};

const KIB: u64 = 1_024;

fn bytes_in(folder: &Path, pinned: bool) -> u64 {
    let segments = segments_in(folder).unwrap_or_default();
    let of = segments
        .iter()
        .filter(|p| p.to_string_lossy().contains("incident") == pinned);
    of.filter_map(|p| fs::metadata(p).ok()).map(|m| m.len()).sum()
}

/// Number of the segment being written.
fn newest(rig: &Rig) -> u64 {
    let all = segments_in(&rig.folder).unwrap_or_default();
    let number = all.last().and_then(|p| super::super::number_of(p));
    number.unwrap_or_default()
}

/// Readings until the folder has had this many segments; the wait is for the thread, not for time.
fn flood(rig: &mut Rig, segments: u64, mut see: impl FnMut(&Rig)) -> u64 {
    let (since, mut readings) = (Stopwatch::start(), 0);
    while newest(rig) < segments {
        for channel in 0..500 {
            rig.read(channel, 0);
            readings += 1;
        }
        rig.pass(25);
        assert!(rig.hand_over().is_none(), "the queue keeps up");
        see(rig);
        rig.catch_up();
        assert!(since.elapsed() < Duration::from_secs(60));
    }
    readings
}

/// 20,000 readings a second and faster: the folder stays within its bound, a reading takes few bytes, and what is still
/// there replays.
#[test]
fn the_ring_keeps_its_bound_under_a_flood() {
    let folder = TempDir::new().unwrap();
    let bounds = Bounds {
        ring: 1_024 * KIB,
        pinned: 1_024 * KIB,
        segment: 128 * KIB,
    };
    let mut rig = Rig::start(folder.path(), wide(20), bounds);
    let readings = flood(&mut rig, 12, |rig| {
        let bytes = bytes_in(&rig.folder, false);
        assert!(bytes <= bounds.ring + 64 * KIB, "{bytes} bytes");
    });
    let paths = rig.stop();
    assert!(super::super::number_of(&paths[0]).unwrap() > 1, "the oldest went");
    let each = 12 * bounds.segment / readings;
    assert!(each <= 30, "{each} bytes a reading");
    let recording = replay(&paths).unwrap();
    assert_eq!(recording.divergences, []);
    assert!(recording.digests > 0);
    assert!(
        recording.segments[1..].iter().all(|s| s.joins == Joins::GoesOn),
        "nothing is missing between them"
    );
}

#[test]
fn an_incident_pins_what_led_to_it_and_what_follows() {
    let folder = TempDir::new().unwrap();
    let bounds = Bounds {
        ring: 640 * KIB,
        pinned: 4_096 * KIB,
        segment: 128 * KIB,
    };
    let mut rig = Rig::start(folder.path(), site(), bounds);
    flood(&mut rig, 3, |_| {});
    rig.fire();
    flood(&mut rig, 5, |_| {});
    rig.reset();
    let so_far = newest(&rig);
    flood(&mut rig, so_far + 2, |_| {});
    let pinned = bytes_in(&rig.folder, true);
    flood(&mut rig, so_far + 9, |_| {});
    assert_eq!(
        bytes_in(&rig.folder, true),
        pinned,
        "pinned segments stay, and no more are, while the ring turns"
    );
    let paths = rig.stop();
    assert_eq!(
        super::super::number_of(&paths[0]),
        Some(1),
        "from half an hour before on"
    );
    let recording = replay(&paths).unwrap();
    assert_eq!(recording.divergences, []);
    assert_eq!(crate::replay::Facts::of(&recording.decisions).len(), 1);
}

#[test]
fn pinned_segments_have_a_bound_the_beginning_of_the_newest_stays_and_it_is_said() {
    let folder = TempDir::new().unwrap();
    let bounds = Bounds {
        ring: 640 * KIB,
        pinned: 512 * KIB,
        segment: 128 * KIB,
    };
    let (tell, told) = mpsc::sync_channel(64);
    let report = Box::new(move |trouble: Option<String>| drop(tell.send(trouble)));
    let mut rig = Rig::start_at(folder.path(), site(), bounds, 0, report);
    rig.fire();
    flood(&mut rig, 7, |rig| {
        let bytes = bytes_in(&rig.folder, true);
        assert!(bytes <= bounds.pinned + 64 * KIB, "{bytes} bytes are pinned");
    });
    let said = told.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    assert!(said.contains("pinned_mib"), "{said}");
    let paths = segments_in(folder.path()).unwrap();
    assert!(
        paths[0].to_string_lossy().ends_with("00000001.incident-1.seg"),
        "{paths:?}"
    );
    assert!(
        !paths.last().unwrap().to_string_lossy().contains("incident"),
        "{paths:?}"
    );
    // The next incident wins over it.
    rig.reset();
    rig.fire();
    flood(&mut rig, 13, |_| {});
    let paths = rig.stop();
    let of = |n: u32| {
        paths
            .iter()
            .filter(|p| p.to_string_lossy().contains(&format!("incident-{n}.")))
            .count()
    };
    assert!(of(2) > 0, "{paths:?}");
    assert_eq!(of(1), 0, "the oldest incident's went first: {paths:?}");
}
