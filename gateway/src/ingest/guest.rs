//! Other people's devices at our own broker: each may say what the config expects of it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Sensor;

/// A client that is no node.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    topics: BTreeSet<String>,
}

impl Guest {
    /// Whether it may publish there, or leave its last will.
    #[must_use]
    pub fn may_speak(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    /// Such devices listen for their own commands, and many are not well without. Nobody ever gives them any here; what they
    /// may not do is listen to nodes, or to everything.
    #[must_use]
    pub fn may_hear(filter: &str) -> bool {
        let first = filter.split('/').next().unwrap_or_default();
        !first.is_empty() && first != "muster" && !first.starts_with(['+', '#', '$'])
    }
}

/// By client id.
pub(super) fn all(sensors: &[Sensor]) -> BTreeMap<String, Guest> {
    let mut guests: BTreeMap<String, Guest> = BTreeMap::new();
    for sensor in sensors {
        if let Some(client) = &sensor.client {
            let guest = guests.entry(client.clone()).or_default();
            guest.topics.extend(sensor.all_topics().map(str::to_owned));
        }
    }
    guests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_hears_nothing_of_nodes() {
        for filter in ["cmnd/rack-7/#", "shelly-1/rpc", "zigbee2mqtt/+/set", "tele/#"] {
            assert!(Guest::may_hear(filter), "{filter}");
        }
        for filter in ["#", "+/#", "muster/#", "muster", "$share/g/#", "$SYS/#", "", "/x"] {
            assert!(!Guest::may_hear(filter), "{filter}");
        }
    }
}
