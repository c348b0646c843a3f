//! The bounded ways into the engine. Three lanes, so that a flood of readings delays neither an alarm nor a hook's answer.

use muster_core::{Answer, ChannelView, Input, SourceIx, SourceView, WayView};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

use crate::engine::Reload;
use crate::epoch::Epoch;

/// Slots of the lane of alarms; the sender waits when it is full (its client alone is slowed down).
pub const ALARM_SLOTS: usize = 1_024;
/// Slots of the lane of readings; the sender waits when it is full (its client alone is slowed down).
pub const DATA_SLOTS: usize = 8_192;
/// Slots of the lane of orders, hook answers and journal answers; the sender waits when it is full.
pub const CONTROL_SLOTS: usize = 4_096;

/// Channels shown in one answer: about a millisecond of the engine's time, between two of which alarms are heard.
pub const CHANNELS_A_PIECE: usize = 1_000;

/// Channels whose sources are summed up in one answer: no more of the engine's time than [`CHANNELS_A_PIECE`] takes.
pub const CHANNELS_SUMMED_UP: usize = 10_000;

/// Workloads whose ways are shown in one answer: about as long.
pub const LADDERS_A_PIECE: usize = 200;

/// The highest pack of a node that has been taken, to be kept on disk with what it caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Node id.
    pub node: Arc<str>,
    /// Boot count.
    pub boot: u64,
    /// Pack count since boot.
    pub seq: u64,
}

/// What the alarm and data lanes carry: every reading of one pack or one poll.
#[derive(Debug)]
pub struct Batch {
    /// In the order they were measured.
    pub inputs: Vec<Input>,
    /// The pack they came in; polls have none.
    pub mark: Option<Mark>,
    /// The config whose indices they carry.
    pub epoch: Epoch,
}

/// What the control lane carries.
#[derive(Debug)]
pub enum Control {
    /// A hook's answer, a tick: what names nothing by index.
    Input(Input),
    /// A source is not heard any more.
    Lost {
        /// Whose, under the config of `epoch`.
        source: SourceIx,
        /// One line.
        why: String,
        /// The config whose index it is.
        epoch: Epoch,
    },
    /// An order and whom to answer.
    Order {
        /// Id of the principal.
        by: Arc<str>,
        /// What.
        verb: muster_core::Verb,
        /// Gets the core's answer; dropped if the engine stops.
        answer: oneshot::Sender<Answer>,
    },
    /// Something is taken out of service, people work in a zone, or either ends; and whom to answer.
    Bypass {
        /// Id of the principal.
        by: Arc<str>,
        /// What; looked up under the config in force.
        asked: crate::api::Bypass,
        /// Gets the core's answer; dropped if the engine stops.
        answer: oneshot::Sender<Answer>,
    },
    /// A drill is wanted, and whom to answer.
    Drill {
        /// Id of the principal; none: the calendar.
        by: Option<Arc<str>>,
        /// Ids of workloads, looked up under the config in force; empty: all.
        workloads: Vec<String>,
        /// Only whether it may begin.
        dry: bool,
        /// Gets the core's answer; dropped if the engine stops.
        answer: oneshot::Sender<Answer>,
    },
    /// The journal's writer answers.
    Journal(crate::journal::Report),
    /// Somebody wants to see channels.
    Channels {
        /// Index of the first.
        from: usize,
        /// Gets at most [`CHANNELS_A_PIECE`]; dropped if the engine stops.
        answer: oneshot::Sender<Vec<ChannelView>>,
    },
    /// Somebody wants to see what ways of saving workloads take.
    Ways {
        /// Index of the first workload.
        from: usize,
        /// Gets those of at most [`LADDERS_A_PIECE`] workloads; dropped if the engine stops.
        answer: oneshot::Sender<Vec<WayView>>,
    },
    /// Somebody wants to see nodes and devices.
    Sources {
        /// Index of the first.
        from: usize,
        /// Gets those of about [`CHANNELS_SUMMED_UP`] channels, none after the last; dropped if the engine stops.
        answer: oneshot::Sender<Vec<SourceView>>,
    },
    /// Another config.
    Reload(Box<Reload>),
    /// Stop after what has been received.
    Stop,
}

/// The sending ends. Clone freely.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Packs from `alarm` topics and polled trip registers.
    pub alarm: mpsc::Sender<Batch>,
    /// Everything else that is measured.
    pub data: mpsc::Sender<Batch>,
    /// Orders and answers.
    pub control: mpsc::Sender<Control>,
    /// The config whose indices the holder of this clone knows.
    pub epoch: Epoch,
}

impl Lanes {
    /// For whoever knows the indices of another config.
    #[must_use]
    pub fn under(&self, epoch: Epoch) -> Self {
        Self { epoch, ..self.clone() }
    }

    /// Readings that came together, under the config that the holder knows.
    #[must_use]
    pub fn batch(&self, inputs: Vec<Input>, mark: Option<Mark>) -> Batch {
        let epoch = self.epoch.clone();
        Batch { inputs, mark, epoch }
    }

    /// What ways of saving workloads take, of [`LADDERS_A_PIECE`] of them from this one on; none when the engine is gone.
    pub async fn ways_from(&self, from: usize) -> Option<Vec<WayView>> {
        let (answer, answered) = oneshot::channel();
        self.control.send(Control::Ways { from, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Tells the engine that a source is not heard any more; whether there still is one to be told.
    pub async fn lost(&self, source: SourceIx, why: String) -> bool {
        let epoch = self.epoch.clone();
        self.control.send(Control::Lost { source, why, epoch }).await.is_ok()
    }
}

/// The engine's ends.
#[derive(Debug)]
pub struct LaneEnds {
    /// See [`Lanes::alarm`].
    pub alarm: mpsc::Receiver<Batch>,
    /// See [`Lanes::data`].
    pub data: mpsc::Receiver<Batch>,
    /// See [`Lanes::control`].
    pub control: mpsc::Receiver<Control>,
    /// The first config's.
    pub epoch: Epoch,
}

/// A new set of lanes.
#[must_use]
pub fn lanes() -> (Lanes, LaneEnds) {
    let (alarm, alarm_end) = mpsc::channel(ALARM_SLOTS);
    let (data, data_end) = mpsc::channel(DATA_SLOTS);
    let (control, control_end) = mpsc::channel(CONTROL_SLOTS);
    let epoch = Epoch::default();
    (
        Lanes {
            alarm,
            data,
            control,
            epoch: epoch.clone(),
        },
        LaneEnds {
            alarm: alarm_end,
            data: data_end,
            control: control_end,
            epoch,
        },
    )
}
