//! Whatever is missing or changed in a segment is noticed, and everything before it stands.

use std::io::Write as _;

use tempfile::TempDir;

use super::super::Bounds;
use super::super::frame::{self, Cut};
use super::super::read::of_bytes;
use super::rig::{Rig, all_of, moments, site};
use crate::replay::recording::replay;

fn small(folder: &TempDir) -> std::path::PathBuf {
    let mut rig = Rig::start(folder.path(), site(), Bounds::default());
    rig.hand_over();
    rig.fire();
    rig.stop().remove(0)
}

/// Where every frame begins, and the end.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = 8;
    let mut starts = vec![at];
    while let Cut::Frame(_, next) = frame::cut(bytes, at) {
        at = next;
        starts.push(at);
    }
    assert_eq!(at, bytes.len());
    starts
}

#[test]
fn what_was_recorded_replays_the_same() {
    let folder = TempDir::new().unwrap();
    let path = small(&folder);
    let recording = replay(&[path]).unwrap();
    assert_eq!(recording.divergences, []);
    assert!(recording.segments[0].tear.is_none());
    assert_eq!(recording.inputs, 8);
    let facts = crate::replay::Facts::of(&recording.decisions);
    assert_eq!(facts.len(), 1);
    assert!(facts[0].second_vote.is_some());
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_what_was_torn() {
    let folder = TempDir::new().unwrap();
    let path = small(&folder);
    let bytes = std::fs::read(&path).unwrap();
    let starts = frames(&bytes);
    let (last, whole) = (starts[starts.len() - 2], moments(&path).0);
    let until = |end: usize| all_of(of_bytes(&path, bytes[..end].to_vec()).unwrap());
    let (kept, torn) = until(last);
    assert!(
        !torn && kept.len() < whole.len(),
        "without its last record it is whole, and shorter"
    );
    for end in last + 1..bytes.len() {
        assert_eq!(until(end), (kept.clone(), true), "torn at byte {end}");
    }
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let recording = replay(&[path]).unwrap();
    assert_eq!(recording.divergences, []);
    assert!(recording.segments[0].tear.is_some());
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let folder = TempDir::new().unwrap();
    let path = small(&folder);
    let (bytes, whole) = (std::fs::read(&path).unwrap(), moments(&path).0);
    // Every byte of the first framing and head, and a sample of the rest.
    for at in (0..bytes.len()).filter(|at| *at < 200 || at % 7 == 0) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Ok(segment) = of_bytes(&path, flipped) {
            let (seen, torn) = all_of(segment);
            assert!(torn, "a flip at byte {at} went unnoticed");
            assert!(whole.starts_with(&seen), "before byte {at} everything stands");
        }
    }
}

/// Segments of before were written from memory. Until its end is there a streamed frame reads as torn, never as an empty one.
#[test]
fn a_streamed_frame_is_the_one_that_memory_gives() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("frame");
    let content: Vec<String> = (0..50_000).map(|i| format!("channel {i}")).collect();
    let mut wanted = b"before".to_vec();
    frame::append(&mut wanted, &content).unwrap();
    let mut file = std::fs::File::create_new(&path).unwrap();
    file.write_all(b"before").unwrap();
    assert_eq!(frame::stream(&mut file, &content).unwrap(), wanted.len() as u64 - 6);
    file.write_all(b"behind").unwrap();
    let mut written = std::fs::read(&path).unwrap();
    assert!(written.ends_with(b"behind"));
    written.truncate(wanted.len());
    assert!(written == wanted);
    written[6..14].fill(0xff);
    assert_eq!(frame::cut(&written, 6), Cut::Torn);
}
