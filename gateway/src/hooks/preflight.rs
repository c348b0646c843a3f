//! What a target says of itself before it is needed. Asked for readiness, and at the beginning of a drill; nothing is changed.

use std::collections::BTreeMap;

use super::stock::Stock;

/// What a target says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// Whether it answers at all.
    pub reachable: Answer,
    /// Whether it lets us do what a step needs.
    pub rights: Answer,
    /// Room by destination, in the words of the config.
    pub room: BTreeMap<String, Answer>,
    /// By workload id: whether it would go. One that would not says why, and what would mend it.
    pub workloads: BTreeMap<String, Answer>,
    /// By workload id: what would keep it from being moved, and from nothing else its ladder has.
    pub moves: BTreeMap<String, Answer>,
    /// By destination, whether anybody is there. Of one that is not here nobody has said anything, which is no absence.
    pub there: BTreeMap<String, There>,
    /// What is free at its destinations, and what would come.
    pub stock: Stock,
}

/// Who is at a destination, as a target found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    /// One at least that could take something.
    Somebody,
    /// Every member was looked for, and is down.
    Nobody {
        /// One line.
        why: String,
    },
}

/// An answer for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// It is so.
    Yes {
        /// What was seen, such as the room that is free.
        seen: String,
    },
    /// It is not so.
    No {
        /// What is wrong.
        why: String,
        /// What a person does about it.
        mend: String,
    },
    /// This kind of target cannot be asked that.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Preflight {
    /// A target that could be asked nothing but whether it is there.
    pub(crate) fn only_reached(reachable: Answer, why: &str) -> Self {
        let rights = Answer::Unknown { why: why.to_owned() };
        Self {
            reachable,
            rights,
            room: BTreeMap::new(),
            workloads: BTreeMap::new(),
            moves: BTreeMap::new(),
            there: BTreeMap::new(),
            stock: Stock::default(),
        }
    }
}
