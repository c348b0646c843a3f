//! Which segments lie in the folder, which of them an incident pins, and which have to go.
//!
//! `00000042.seg` belongs to the ring: the oldest goes first. `00000042.incident-3.seg` is pinned by incident 3: pinned
//! segments have a bound of their own. When that is reached, what older incidents pinned goes, oldest first. If the newest
//! incident alone reaches it, its beginning stays pinned (what led to it is there), and what follows is left to the ring.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use muster_core::Millis;

use super::{Bounds, read};

/// A segment in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) number: u64,
    /// Engine time at which it begins.
    pub(super) from: Millis,
    pub(super) bytes: u64,
    /// The incident that pins it.
    pub(super) pin: Option<u32>,
}

/// The folder.
pub(super) struct Ring {
    folder: PathBuf,
    bounds: Bounds,
    /// By number; the last is the one being written.
    kept: Vec<Kept>,
    next: u64,
}

/// What making room has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// An older incident's pinned segments went.
    pub(super) older: Option<u32>,
    /// The newest incident's later segments are not pinned.
    pub(super) unpinned: bool,
}

/// Room that is about to be taken, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct More {
    ring: u64,
    pinned: u64,
}

impl More {
    pub(super) fn in_ring(ring: u64) -> Self {
        Self { ring, pinned: 0 }
    }

    pub(super) fn pinned(pinned: u64) -> Self {
        Self { ring: 0, pinned }
    }
}

impl Ring {
    /// Looks into the folder, and makes it if it is missing.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn open(folder: &Path, bounds: Bounds) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut kept = Vec::new();
        for path in read::segments_in(folder)? {
            if let Some((number, pin)) = path.file_name().and_then(|n| n.to_str()).and_then(parse) {
                kept.push(Kept {
                    number,
                    from: read::head(&path).map_or(0, |head| head.from),
                    bytes: fs::metadata(&path).map_or(0, |m| m.len()),
                    pin,
                });
            }
        }
        let next = kept.last().map_or(1, |k| k.number + 1);
        Ok(Self {
            folder: folder.into(),
            bounds,
            kept,
            next,
        })
    }

    /// A place for a new segment.
    pub(super) fn add(&mut self, from: Millis, pin: Option<u32>) -> PathBuf {
        let kept = Kept {
            number: self.next,
            from,
            bytes: 0,
            pin,
        };
        let path = self.path(&kept);
        self.kept.push(kept);
        self.next += 1;
        path
    }

    /// The one being written has grown.
    pub(super) fn grown(&mut self, bytes: u64) {
        if let Some(last) = self.kept.last_mut() {
            last.bytes = bytes;
        }
    }

    /// Pins everything that reaches into the time since then.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn pin_since(&mut self, since: Millis, incident: u32) -> io::Result<()> {
        for at in 0..self.kept.len() {
            let ends = self.kept.get(at + 1).map_or(Millis::MAX, |next| next.from);
            if ends >= since && self.kept[at].pin.is_none() {
                self.rename(at, Some(incident))?;
            }
        }
        Ok(())
    }

    fn rename(&mut self, at: usize, pin: Option<u32>) -> io::Result<()> {
        let from = self.path(&self.kept[at]);
        self.kept[at].pin = pin;
        fs::rename(from, self.path(&self.kept[at]))
    }

    /// Deletes and unpins until both bounds hold, with room for so much more.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn make_room(&mut self, more: More) -> io::Result<Cost> {
        let mut cost = Cost::default();
        while self.bytes(true) + more.pinned > self.bounds.pinned {
            let newest = self.kept.iter().filter_map(|k| k.pin).max();
            let older = self.kept.iter().position(|k| k.pin.is_some() && k.pin != newest);
            if let Some(at) = older {
                cost.older = self.kept[at].pin;
                self.delete(at)?;
            } else if let Some(at) = self.kept.iter().rposition(|k| k.pin.is_some()) {
                cost.unpinned = true;
                self.rename(at, None)?;
            } else {
                break;
            }
        }
        while self.bytes(false) + more.ring > self.bounds.ring {
            let last = self.kept.len().saturating_sub(1);
            let Some(at) = self.kept[..last].iter().position(|k| k.pin.is_none()) else {
                break;
            };
            self.delete(at)?;
        }
        Ok(cost)
    }

    fn delete(&mut self, at: usize) -> io::Result<()> {
        let gone = self.kept.remove(at);
        match fs::remove_file(self.path(&gone)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Bytes of all segments that are pinned, or of all that are not.
    fn bytes(&self, pinned: bool) -> u64 {
        self.kept
            .iter()
            .filter(|k| k.pin.is_some() == pinned)
            .map(|k| k.bytes)
            .sum()
    }

    fn path(&self, kept: &Kept) -> PathBuf {
        let pin = kept.pin.map_or(String::new(), |n| format!(".incident-{n}"));
        self.folder.join(format!("{:08}{pin}.seg", kept.number))
    }
}

/// Number and pinning incident of a segment's file name.
pub(super) fn parse(name: &str) -> Option<(u64, Option<u32>)> {
    let stem = name.strip_suffix(".seg")?;
    let (number, pin) = match stem.split_once(".incident-") {
        Some((number, n)) => (number, Some(n.parse().ok()?)),
        None => (stem, None),
    };
    Some((number.parse().ok()?, pin))
}
