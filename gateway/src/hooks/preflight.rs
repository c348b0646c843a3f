//! What a target says of itself before it is needed. Asked for readiness, and at the beginning of a drill; nothing is changed.

use std::collections::BTreeMap;

/// What a target says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Preflight {
    /// Whether it answers at all.
    pub reachable: Answer,
    /// Whether it lets us do what a step needs.
    pub rights: Answer,
    /// Room by destination, in the words of the config.
    pub room: BTreeMap<String, Answer>,
    /// By workload id: whether it would go. One that would not says why, and what would mend it.
    pub workloads: BTreeMap<String, Answer>,
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
        }
    }
}
