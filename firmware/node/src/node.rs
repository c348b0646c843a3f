//! The node: samples in, packs out.

use muster_wire::senml::{Full, LOST, PackWriter, Record, Value};
use muster_wire::{Absence, MICRO, Mark, Micro, TopicKind};

use crate::channel::{Channel, Report};
use crate::store::{Entry, Store};
use crate::{NodeSpec, Sensor, SpecError, Urgency};

/// Room for any pack of a node: 32 records of at most 69 bytes, at most 90 bytes of `boot`, `seq`, `lost` and frame, and the
/// birth's 4 text records of at most 72 bytes.
pub const PACK_BYTES: usize = 2592;

/// A node with `CHANNELS` channels that keeps at most `STORE` samples until they are acknowledged.
///
/// Call [`Node::tick`] at [`Node::next_tick_ms`], then, while connected, [`Node::poll_pack`] until it has nothing left.
/// All times are milliseconds of one clock that never goes back.
#[derive(Clone, Debug)]
pub struct Node<'a, const CHANNELS: usize, const STORE: usize> {
    spec: NodeSpec<'a, CHANNELS>,
    channels: [Channel<'a>; CHANNELS],
    store: Store<STORE>,
    /// Number of the last pack; the first is 1.
    seq: u64,
    next_sample_ms: u64,
    next_beat_ms: u64,
    birth: Birth,
}

/// Whether the pack with every channel, which follows a connect, is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Birth {
    /// The next beat brings every channel.
    Due,
    /// It has: the pack that takes the last of what waits is the birth.
    Sampled,
    Said,
}

impl<'a, const CHANNELS: usize, const STORE: usize> Node<'a, CHANNELS, STORE> {
    /// A node that samples at the first tick.
    ///
    /// # Errors
    /// What about its spec cannot be.
    pub fn new(spec: NodeSpec<'a, CHANNELS>) -> Result<Self, SpecError> {
        spec.check()?;
        Ok(Self {
            spec,
            channels: spec.channels.map(Channel::new),
            store: Store::default(),
            seq: 0,
            next_sample_ms: 0,
            next_beat_ms: 0,
            birth: Birth::Due,
        })
    }

    /// When the next tick has something to do.
    #[must_use]
    pub const fn next_tick_ms(&self) -> u64 {
        self.next_sample_ms
    }

    /// Samples every channel that is due, by the sensors in the order of the channels; a late tick samples once, it does
    /// not catch up. Channels beyond the sensors are told by [`Node::take`].
    pub fn tick(&mut self, now_ms: u64, sensors: &mut [&mut dyn Sensor]) {
        if now_ms < self.next_sample_ms {
            return;
        }
        self.next_sample_ms = next(self.next_sample_ms, self.spec.sample_ms, now_ms);
        let beat = now_ms >= self.next_beat_ms;
        if beat {
            self.next_beat_ms = next(self.next_beat_ms, self.spec.heartbeat_ms, now_ms);
            if self.birth == Birth::Due {
                self.birth = Birth::Sampled;
            }
        }
        for at in 0..CHANNELS {
            let due = self.channels[at].is_due(beat);
            if let (Some(beat), Some(sensor)) = (due, sensors.get_mut(at)) {
                let sample = sensor.sample();
                self.keep(now_ms, at, beat, sample);
            }
        }
    }

    /// Takes a sample of a channel that nobody samples here: a register that a line's master has just read.
    pub fn take(&mut self, now_ms: u64, channel: usize, sample: Result<Micro, Absence>) {
        let there = self.channels.get_mut(channel).filter(|c| c.spec.is_there());
        if let Some(beat) = there.map(Channel::take_beat) {
            self.keep(now_ms, channel, beat, sample);
        }
    }

    /// A look at a channel between two samples, and a second where the first would put it into alarm: one alone may have
    /// caught a spike. Kept only if both do; whether they did.
    pub fn glance(&mut self, now_ms: u64, channel: usize, mut look: impl FnMut() -> Option<Micro>) -> bool {
        let is_edge = |value: &Micro| self.channels.get(channel).is_some_and(|c| c.is_edge(*value));
        let second = look().filter(is_edge).and_then(|_| look()).filter(is_edge);
        if let Some(value) = second {
            self.keep(now_ms, channel, false, Ok(value));
        }
        second.is_some()
    }

    fn keep(&mut self, now_ms: u64, at: usize, beat: bool, sample: Result<Micro, Absence>) {
        let (value, report) = self.channels[at].sample(now_ms, beat, sample);
        if report != Report::Quiet {
            self.store.push(Entry::new(now_ms, at, value, report));
        }
    }

    /// The next pack to publish with QoS 1, on the topic of this kind; `None` if there is none. Ages are those at `now_ms`.
    pub fn poll_pack<'b>(
        &mut self,
        now_ms: u64,
        buf: &'b mut [u8; PACK_BYTES],
    ) -> Option<(TopicKind<'static>, &'b [u8])> {
        let (seq, alarm) = self.store.claim(self.seq + 1)?;
        self.seq = self.seq.max(seq);
        // A pack always fits; should one not, it stays in the store and its number is missing at the gateway.
        let kind = if alarm {
            TopicKind::Alarm
        } else if self.birth == Birth::Sampled && !self.store.has_more() {
            self.birth = Birth::Said;
            TopicKind::Birth
        } else {
            TopicKind::Data
        };
        let pack = self.write(now_ms, seq, &kind, buf).ok()?;
        Some((kind, pack))
    }

    /// How urgent what waits is; `None` if nothing does.
    #[must_use]
    pub fn urgency(&self) -> Option<Urgency> {
        self.store.urgency()
    }

    /// The gateway has everything up to this mark on disk. One of another boot or of a pack never sent is ignored; but one of
    /// a higher boot tells a node whose memory has failed how far its count has to be raised, or it would be refused for ever.
    pub fn on_ack(&mut self, mark: Mark) {
        if mark.boot > self.spec.boot && !self.spec.boot_kept && mark.boot < i64::MAX.unsigned_abs() {
            self.spec.boot = mark.boot + 1;
            self.seq = 0;
            self.store.number_anew();
            self.on_link_resumed();
        } else if mark.boot == self.spec.boot && mark.seq <= self.seq {
            self.store.trim(mark.seq);
        }
    }

    /// Connected anew: what was not acknowledged goes out again, and the next sample reports every channel.
    pub fn on_link_up(&mut self) {
        self.store.send_again();
        self.on_link_resumed();
    }

    /// Connected anew to a broker that kept the session: what was in flight goes out again by itself, and the next sample
    /// reports every channel.
    pub fn on_link_resumed(&mut self) {
        self.next_beat_ms = 0;
        self.birth = Birth::Due;
    }

    /// Samples dropped from a full store without an acknowledgement, since boot. Every pack says so once it is not 0.
    #[must_use]
    pub const fn lost(&self) -> u32 {
        self.store.lost()
    }

    fn write<'b>(&self, now_ms: u64, seq: u64, kind: &TopicKind<'_>, buf: &'b mut [u8]) -> Result<&'b [u8], Full> {
        let mark = Mark {
            boot: self.spec.boot,
            seq,
        };
        let mut writer = PackWriter::new(buf, self.spec.id, mark, self.spec.simulated)?;
        for entry in self.store.pack(seq) {
            writer.push(&self.record(now_ms, entry))?;
        }
        if self.lost() > 0 {
            let lost = Value::Micro(Micro(i64::from(self.lost()) * MICRO));
            writer.push(&Record {
                name: LOST,
                value: lost,
                age_ms: 0,
                unit: None,
            })?;
        }
        let texts = self.spec.birth.iter().filter(|_| *kind == TopicKind::Birth);
        for (name, text) in texts {
            writer.push(&Record {
                name,
                value: Value::Text(text),
                age_ms: 0,
                unit: None,
            })?;
        }
        Ok(writer.finish())
    }

    fn record(&self, now_ms: u64, entry: &Entry) -> Record<'a> {
        let spec = &self.channels[entry.channel].spec;
        Record {
            name: spec.name,
            value: entry.value.map_or_else(Value::Absent, Value::Micro),
            age_ms: u32::try_from(now_ms.saturating_sub(entry.at_ms)).unwrap_or(u32::MAX),
            unit: Some(spec.quantity.unit().as_str()),
        }
    }
}

/// The next of a row of times `period_ms` apart that lies after `now_ms`; in step where no tick was missed.
fn next(due_ms: u64, period_ms: u64, now_ms: u64) -> u64 {
    let in_step = due_ms.saturating_add(period_ms);
    if in_step > now_ms {
        in_step
    } else {
        now_ms.saturating_add(period_ms)
    }
}
