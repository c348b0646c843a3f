//! Orders that wait, as data: a list, because each names its verb itself.

use alloc::{collections::BTreeMap, vec::Vec};

use serde::{Deserialize, Deserializer, Serializer};

use super::Pending;

pub(super) fn serialize<S: Serializer>(
    pending: &BTreeMap<&'static str, Pending>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pending.values())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<&'static str, Pending>, D::Error> {
    let list = Vec::<Pending>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|p| (p.verb.as_str(), p)).collect())
}
