//! Where the model looks: each scene lets some things happen, each so often, and leaves out the rest, so that the whole of
//! what is left can be seen.

use muster_core::{Millis, Verb};
use serde::Serialize;

use super::receiver::Part;

/// Hours without a word before a detector counts as silent, where silence is told by the broker; and where it is not.
const LONG_MS: Millis = 10 * 3_600_000;
const SHORT_MS: Millis = 40_000;

/// When the power will be cut, where somebody says so.
const CUT: Verb = Verb::Cut { at: 60_000 };

/// What may still happen, and how often.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Left {
    /// Leaps to the next thing that is due.
    pub(crate) leaps: u8,
    /// Leaps to a millisecond before it.
    pub(crate) just_before: u8,
    pub(crate) alarms: u8,
    /// Detectors that are clear again.
    pub(crate) clears: u8,
    pub(crate) nonsense: u8,
    pub(crate) silences: u8,
    pub(crate) orders: u8,
    pub(crate) bypasses: u8,
    pub(crate) stalls: u8,
    pub(crate) crashes: u8,
    /// Calls that go wrong.
    pub(crate) faults: u8,
    pub(crate) far: u8,
    pub(crate) pauses: u8,
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) workloads: usize,
    pub(crate) gateways: usize,
    pub(crate) supervision_ms: Millis,
    /// The age of what was heard last tells of silence, not the broker.
    pub(crate) silence_by_age: bool,
    pub(crate) armed: bool,
    /// It begins when two groups have voted.
    pub(crate) burning: bool,
    /// It begins when all was evacuated by order, and the incident was reset.
    pub(crate) away: bool,
    /// No leap begins later than this; none where leaps are counted.
    pub(crate) until_ms: Option<Millis>,
    /// Calls of these phases may arrive late, in any order, or not at all; all others are answered at once.
    pub(crate) slow: &'static [Part],
    /// Detectors that may alarm and be clear again, and people who may order.
    pub(crate) detectors: &'static [usize],
    pub(crate) people: usize,
    pub(crate) verbs: &'static [Verb],
    pub(crate) left: Left,
    /// States that have to be seen.
    pub(crate) sees: &'static [&'static str],
}

const NOTHING: Left = Left {
    leaps: 0,
    just_before: 0,
    alarms: 0,
    clears: 0,
    nonsense: 0,
    silences: 0,
    orders: 0,
    bypasses: 0,
    stalls: 0,
    crashes: 0,
    faults: 0,
    far: 0,
    pauses: 0,
};

const PLAIN: Scene = Scene {
    name: "",
    words: "",
    workloads: 1,
    gateways: 1,
    supervision_ms: LONG_MS,
    silence_by_age: false,
    armed: true,
    burning: false,
    away: false,
    until_ms: None,
    slow: &[],
    detectors: &[0, 1, 2, 3, 4],
    people: 2,
    verbs: &[],
    left: NOTHING,
    sees: &[],
};

/// All of them.
pub(crate) const ALL: &[Scene] = &[
    Scene {
        name: "votes",
        words: "alarms and silence in any order, and somebody who aborts",
        verbs: &[Verb::Abort],
        people: 1,
        detectors: &[0, 1, 2, 4],
        left: Left {
            leaps: 3,
            just_before: 1,
            alarms: 2,
            silences: 1,
            orders: 1,
            ..NOTHING
        },
        sees: &[
            "evacuated by two votes",
            "evacuated by a window that nobody aborted",
            "an abort window is open",
        ],
        ..PLAIN
    },
    Scene {
        name: "service",
        words: "detectors go out of service, are clear again and talk nonsense",
        detectors: &[0, 1, 2],
        left: Left {
            leaps: 2,
            alarms: 2,
            clears: 1,
            nonsense: 1,
            bypasses: 1,
            ..NOTHING
        },
        sees: &["evacuated by two votes"],
        ..PLAIN
    },
    Scene {
        name: "people",
        words: "orders of two people in any order, with and without an alarm",
        verbs: &[Verb::Evacuate, Verb::Abort, CUT],
        left: Left {
            leaps: 2,
            alarms: 1,
            orders: 4,
            ..NOTHING
        },
        sees: &["evacuated by two people", "evacuated by a cut"],
        ..PLAIN
    },
    Scene {
        name: "repair",
        words: "a group is out for longer than a repair may take, or dies beside an alarm",
        verbs: &[Verb::Abort],
        people: 1,
        left: Left {
            leaps: 4,
            alarms: 1,
            silences: 2,
            orders: 1,
            ..NOTHING
        },
        sees: &["evacuated by a window that nobody aborted", "an abort window is open"],
        ..PLAIN
    },
    Scene {
        name: "doubt",
        words: "a process that dies while an abort window is open, or was aborted",
        verbs: &[Verb::Abort],
        people: 1,
        detectors: &[0, 2],
        left: Left {
            leaps: 3,
            alarms: 1,
            silences: 2,
            orders: 1,
            crashes: 1,
            ..NOTHING
        },
        sees: &[
            "evacuated by a window that nobody aborted",
            "an abort window is open",
            "died in an abort window",
        ],
        ..PLAIN
    },
    Scene {
        name: "age",
        words: "silence that nobody tells of, found by the age of what was heard last",
        supervision_ms: SHORT_MS,
        silence_by_age: true,
        left: Left {
            leaps: 6,
            alarms: 2,
            silences: 1,
            ..NOTHING
        },
        sees: &["an abort window is open"],
        ..PLAIN
    },
    Scene {
        name: "abort",
        words: "two groups have voted; people hold and abort before and after the first step, and a third group votes",
        burning: true,
        verbs: &[Verb::Abort, Verb::Hold],
        slow: &[Part::Prepare, Part::Evacuate],
        left: Left {
            leaps: 2,
            alarms: 1,
            orders: 3,
            ..NOTHING
        },
        sees: &["an abort keeps work from beginning", "a new vote ends an abort"],
        ..PLAIN
    },
    Scene {
        name: "ladder",
        words: "calls are late, lost, doubled, refused, accepted and never ended; the place to go to votes",
        burning: true,
        until_ms: Some(106_000),
        slow: &[Part::Evacuate],
        left: Left {
            leaps: 99,
            faults: 2,
            far: 1,
            ..NOTHING
        },
        sees: &[
            "moved",
            "the last rung is done",
            "stranded on the last rung",
            "a token is refused",
            "slow work is overtaken",
        ],
        ..PLAIN
    },
    Scene {
        name: "two",
        words: "two workloads with a ladder each, and a probe that answers late",
        burning: true,
        workloads: 2,
        until_ms: Some(106_000),
        slow: &[Part::Evacuate],
        left: Left {
            leaps: 99,
            faults: 1,
            ..NOTHING
        },
        sees: &["moved", "the last rung is done"],
        ..PLAIN
    },
    Scene {
        name: "disk",
        words: "a disk that does not answer, and a process that starts anew from any part of what was written",
        slow: &[Part::Prepare],
        left: Left {
            leaps: 2,
            alarms: 2,
            stalls: 1,
            crashes: 1,
            ..NOTHING
        },
        sees: &[
            "steps go out without the disk",
            "died while nothing was known",
            "died with one vote",
            "died in the cordon",
        ],
        ..PLAIN
    },
    Scene {
        name: "restart",
        words: "a process that dies and starts anew while it evacuates",
        burning: true,
        verbs: &[Verb::Abort],
        slow: &[Part::Prepare, Part::Evacuate],
        left: Left {
            leaps: 3,
            orders: 2,
            stalls: 1,
            crashes: 1,
            ..NOTHING
        },
        sees: &[
            "died in the cordon",
            "died while work was moving",
            "died when all was saved",
            "died after an abort",
        ],
        ..PLAIN
    },
    Scene {
        name: "reset",
        words: "votes return, two people reset, the next alarm opens the next incident; or two arm meanwhile",
        armed: false,
        verbs: &[Verb::Reset, Verb::Arm],
        detectors: &[0],
        left: Left {
            leaps: 5,
            alarms: 2,
            clears: 1,
            orders: 3,
            ..NOTHING
        },
        sees: &["reset, and the next incident is open"],
        ..PLAIN
    },
    Scene {
        name: "home",
        words: "all was moved and the incident reset; two people bring it home, and a fire, a crash or a refusal comes between",
        away: true,
        verbs: &[Verb::Return],
        detectors: &[0, 2],
        slow: &[Part::Restore],
        left: Left {
            leaps: 1,
            alarms: 2,
            orders: 3,
            crashes: 1,
            faults: 1,
            ..NOTHING
        },
        sees: &[
            "home again",
            "on its way home",
            "what is away is left where it is",
            "what is home again is moved again",
        ],
        ..PLAIN
    },
    Scene {
        name: "gateways",
        words: "two gateways see the same fire; one is stopped where it stands and goes on with what it knew",
        burning: true,
        gateways: 2,
        slow: &[Part::Evacuate],
        left: Left {
            leaps: 5,
            faults: 1,
            pauses: 1,
            ..NOTHING
        },
        sees: &["moved", "the last rung is done", "a token is refused"],
        ..PLAIN
    },
];

impl Scene {
    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|scene| scene.name == name).copied()
    }
}
