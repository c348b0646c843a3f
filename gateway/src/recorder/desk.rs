//! The recorder's thread: writes, begins segments, pins and deletes. The disk may take as long as it likes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::format::{Batch, Head};
use super::pin::{self, Pin};
use super::ring::{Cost, More, Ring};
use super::segment::Writing;
use super::tape::{Begin, Parcel, Shared};
use super::{Bounds, Place, Report};
use crate::clock::Stopwatch;
use crate::counters::{Cause, Counters};

/// Written inputs reach the disk after this long at the latest: a power cut costs no more.
const SYNC_EVERY: Duration = Duration::from_secs(10);
/// Without anything to do it looks around this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A sick disk is tried again after this long.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// A segment holds at least so many times its beginning, so that a large site's recording is not mostly states.
const OPENINGS: u64 = 8;

pub(super) struct Desk {
    place: Place,
    bounds: Bounds,
    counters: Counters,
    report: Report,
    shared: Arc<Shared>,
    ring: Option<Ring>,
    writing: Option<Writing>,
    pin: Option<Pin>,
    /// Inputs dropped while there was no segment.
    dropped: u64,
    sick_since: Option<Stopwatch>,
    /// What was last reported.
    trouble: Option<String>,
    /// The pinned segments' bound has cost something in this incident.
    squeezed: Option<String>,
}

impl Desk {
    pub(super) fn new(
        place: Place,
        bounds: Bounds,
        (counters, report): (Counters, Report),
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            place,
            bounds,
            counters,
            report,
            shared,
            ring: None,
            writing: None,
            pin: None,
            dropped: 0,
            sick_since: None,
            trouble: None,
            squeezed: None,
        }
    }

    /// Until the engine stops or is gone.
    pub(super) fn run(mut self, parcels: &Receiver<Parcel>) {
        loop {
            match parcels.recv_timeout(LOOK_EVERY) {
                Ok(parcel) => {
                    if let Some(done) = self.take(parcel) {
                        self.close();
                        // Whoever stopped may have ended its wait.
                        let _ = done.send(());
                        return;
                    }
                    self.shared.done.fetch_add(1, Ordering::Relaxed);
                    if self.shared.stalled.swap(false, Ordering::Relaxed) {
                        // The engine said so; now it is told that the disk takes something again.
                        self.trouble = Some(String::new());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            self.look_around();
        }
    }

    fn take(&mut self, parcel: Parcel) -> Option<SyncSender<()>> {
        match parcel {
            Parcel::Batch(batch, bytes) => {
                self.batch(&batch);
                drop(batch);
                self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            }
            Parcel::Begin(begin) => {
                self.begin(&begin);
                drop(begin);
                self.shared.has_state.store(false, Ordering::Release);
            }
            Parcel::Stop(done) => return Some(done),
        }
        None
    }

    fn batch(&mut self, batch: &Batch) {
        if self.writing.is_none() {
            self.drop_inputs(batch.inputs());
            return;
        }
        if let Err(error) = self.write(batch) {
            self.sicken(&error, batch.inputs());
        }
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let (Some(writing), Some(ring)) = (self.writing.as_mut(), self.ring.as_mut()) else {
            return Ok(());
        };
        writing.add(batch)?;
        let bytes = writing.bytes;
        let enough = self
            .bounds
            .segment
            .max((writing.opening * OPENINGS).min(self.bounds.ring / 4));
        ring.grown(bytes);
        if bytes >= enough && !std::mem::replace(&mut writing.asked, true) {
            self.shared.wants_state.store(true, Ordering::Relaxed);
        }
        self.heed(batch)?;
        self.make_room(More::default())
    }

    /// What was decided in a batch may begin or end an incident.
    fn heed(&mut self, batch: &Batch) -> io::Result<()> {
        let before = self.pin;
        self.pin = pin::after(before, batch);
        match (self.pin, self.ring.as_mut()) {
            (Some(pin), Some(ring)) if before.map(|p| p.incident) != Some(pin.incident) => {
                self.squeezed = None;
                ring.pin_since(pin.since, pin.incident)
            }
            _ => Ok(()),
        }
    }

    /// Keeps both bounds, with room for so many more bytes.
    fn make_room(&mut self, more: More) -> io::Result<()> {
        let Some(ring) = self.ring.as_mut() else { return Ok(()) };
        let Cost { older, unpinned } = ring.make_room(more)?;
        if let Some(n) = older {
            self.squeezed = Some(format!(
                "the pinned recordings reached their bound ([store] pinned_mib): some of incident {n} were deleted"
            ));
        }
        if unpinned {
            self.pin = self.pin.map(|pin| Pin { full: true, ..pin });
            self.squeezed = Some(
                "this incident's recording reached the bound of pinned ones ([store] pinned_mib): its beginning stays, \
                 and what follows is kept only as long as the ring lasts"
                    .into(),
            );
        }
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) {
        self.close();
        if let Err(error) = self.try_begin(begin) {
            self.sicken(&error, begin.lost.unwrap_or_default());
            return;
        }
        (self.dropped, self.sick_since) = (0, None);
        if let Some(lost) = begin.lost {
            self.counters.count(
                Cause::RecorderLost,
                "recorder",
                &format!("{lost} inputs were not recorded"),
            );
            // The engine said so when the gap began; now it is told that the gap is over.
            self.trouble = Some(String::new());
        }
    }

    fn try_begin(&mut self, begin: &Begin) -> io::Result<()> {
        if self.pin.is_some_and(|pin| pin.is_over(begin.at)) {
            (self.pin, self.squeezed) = (None, None);
        }
        if self.ring.is_none() {
            self.ring = Some(Ring::open(&self.place.folder, self.bounds)?);
        }
        if self.wanted_pin().is_some() {
            self.make_room(More::pinned(self.bounds.segment))?;
        }
        let pin = self.wanted_pin();
        if pin.is_none() {
            self.make_room(More::in_ring(self.bounds.segment))?;
        }
        let Some(ring) = self.ring.as_mut() else { return Ok(()) };
        let path = ring.add(begin.at, pin);
        let lost = begin.lost.or((self.dropped > 0).then_some(0));
        let head = Head {
            format: 1,
            muster: env!("CARGO_PKG_VERSION").into(),
            core: muster_core::VERSION,
            site: self.place.site.clone(),
            from: begin.at,
            wall_ms: begin.wall_ms,
            lost: lost.map(|lost| lost + self.dropped),
        };
        let writing = Writing::begin(&path, &head, &begin.state)?;
        ring.grown(writing.bytes);
        self.writing = Some(writing);
        Ok(())
    }

    fn wanted_pin(&self) -> Option<u32> {
        self.pin.filter(|pin| !pin.full).map(|pin| pin.incident)
    }

    fn drop_inputs(&mut self, inputs: u64) {
        self.dropped += inputs;
        self.counters
            .count(Cause::RecorderLost, "recorder", &"inputs could not be recorded");
    }

    /// The disk does not take it: goes on without, and tries again later with a new segment.
    fn sicken(&mut self, error: &io::Error, inputs: u64) {
        self.writing = None;
        // What is in the folder is looked at anew: a file may be half there.
        self.ring = None;
        self.drop_inputs(inputs);
        self.sick_since = Some(Stopwatch::start());
        self.tell(Some(format!(
            "the flight recorder cannot write to {}: {error}; inputs are not recorded",
            self.place.folder.display()
        )));
    }

    fn look_around(&mut self) {
        if let Some(writing) = self.writing.as_mut() {
            if let Err(error) = writing.sync_after(SYNC_EVERY) {
                self.sicken(&error, 0);
                return;
            }
            self.tell(self.squeezed.clone());
            return;
        }
        if self
            .sick_since
            .as_ref()
            .is_some_and(|since| since.elapsed() >= RETRY_AFTER)
        {
            self.sick_since = Some(Stopwatch::start());
            self.shared.wants_state.store(true, Ordering::Relaxed);
        }
    }

    fn tell(&mut self, trouble: Option<String>) {
        if self.trouble != trouble {
            self.trouble.clone_from(&trouble);
            (self.report)(trouble);
        }
    }

    fn close(&mut self) {
        if let Some(mut writing) = self.writing.take()
            && let Err(error) = writing.sync_after(Duration::ZERO)
        {
            tracing::warn!("the flight recorder's last segment may not be on the disk: {error}");
        }
    }
}
