//! A recording that somebody has made up, with right lengths and checksums: refused or replayed, never a panic.

use std::sync::Arc;

use muster_core::{Input, State};
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::format::MAGIC;
use super::super::{Batch, Head, Moment, frame, read};
use super::rig::{Rig, site};
use crate::replay::recording::replay;

fn head() -> Head {
    Head {
        format: 1,
        muster: "0".into(),
        core: muster_core::VERSION,
        site: "s".into(),
        from: 0,
        wall_ms: 0,
        lost: None,
    }
}

/// A file whose third frame is any bytes, or a real batch with some of its bytes changed.
fn written(spoilt: &[u8], state: &State) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    frame::append(&mut bytes, &head()).unwrap();
    frame::append(&mut bytes, state).unwrap();
    bytes.extend(u32::try_from(spoilt.len()).unwrap().to_le_bytes());
    bytes.extend(crc32fast::hash(spoilt).to_le_bytes());
    bytes.extend(spoilt);
    bytes
}

fn batch() -> Vec<u8> {
    let moments = vec![
        Moment::of(0, &Input::Config(Arc::new(site()))),
        Moment::of(5, &super::rig::reading(2, 50)),
        Moment::Effects(Vec::new()),
        Moment::of(i64::MAX, &super::rig::reading(9, 50)),
        Moment::of(-1, &Input::Tick),
        Moment::Digest(7),
    ];
    let mut bytes = Vec::new();
    let batch = Batch {
        at: 1,
        wall_ms: 1,
        moments,
    };
    ciborium::into_writer(&batch, &mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused_or_replayed(spoilt in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("00000001.seg");
        std::fs::write(&path, written(&spoilt, &State::new())).unwrap();
        let _ = replay(std::slice::from_ref(&path));
        std::fs::write(&path, &spoilt).unwrap();
        prop_assert!(read(&path).is_err());
    }

    #[test]
    fn a_changed_batch_is_refused_or_replayed(changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..5)) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("00000001.seg");
        let mut spoilt = batch();
        for (at, byte) in changes {
            let at = usize::from(at) % spoilt.len();
            spoilt[at] = byte;
        }
        std::fs::write(&path, written(&spoilt, &State::new())).unwrap();
        let _ = replay(std::slice::from_ref(&path));
    }
}

#[test]
fn a_length_of_four_gigabytes_takes_no_memory() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("00000001.seg");
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u32::MAX.to_le_bytes());
    bytes.extend([0; 12]);
    std::fs::write(&path, &bytes).unwrap();
    assert!(read(&path).is_err());
    // A list that says it has 2^60 entries, in a frame that is right.
    let endless = [0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    std::fs::write(&path, written(&endless, &State::new())).unwrap();
    assert!(replay(&[path]).unwrap().segments[0].tear.is_some());
}

/// A core that decides otherwise, as this one with another limit does.
#[test]
fn a_core_that_decides_otherwise_is_noticed() {
    let folder = TempDir::new().unwrap();
    let mut rig = Rig::start(folder.path(), site(), super::super::Bounds::default());
    rig.fire();
    let path = rig.stop().remove(0);
    let mut segment = read(&path).unwrap();
    let Some(super::super::Piece::Batch(mut batch)) = segment.next_piece() else {
        panic!("a batch");
    };
    for moment in &mut batch.moments {
        if let Moment::Input(_, input) = moment
            && let Input::Config(site) = &mut **input
        {
            let site = Arc::make_mut(site);
            let smoke = super::rig::channel(site, "node-1.smoke");
            let limit = site.channels[smoke as usize].alarm.as_mut().unwrap();
            limit.set.0 *= 100;
        }
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&batch, &mut bytes).unwrap();
    std::fs::write(&path, written(&bytes, &State::new())).unwrap();
    let recording = replay(&[path]).unwrap();
    let first = &recording.divergences[0];
    assert!(first.recorded.contains("incident_opened"), "{first:?}");
    assert_eq!(first.now, "nothing");
}
