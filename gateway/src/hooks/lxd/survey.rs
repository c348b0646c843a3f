//! What is free at every destination, and what would come: everybody is asked at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::door::Door;
use super::fault::Fault;
use super::room::{self, Need};
use super::words::{Instance, Member};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, There};
use crate::hooks::side_by_side::ask_all;
use crate::hooks::stock::{Amounts, Piece, Stock};

/// What instances take, all of them together; one that has not said it by then is not summed up.
const NEEDS: Duration = Duration::from_secs(8);
/// Amounts are in thousandths.
const BYTE: i128 = 1_000;

/// Members by destination.
type Destinations = BTreeMap<String, Vec<String>>;

/// What was found.
pub(super) struct Survey {
    members: Vec<Member>,
    /// By member of a destination: what it has, or why that is not known.
    free: BTreeMap<String, Result<Amounts, String>>,
    /// By workload that is at home.
    needs: BTreeMap<String, Vec<Piece>>,
}

impl Survey {
    pub(super) async fn of(inner: &Inner, door: &Arc<Door>, all: &[Instance]) -> Result<Self, Fault> {
        let members = room::members_of(door).await?;
        let going: BTreeMap<&String, &Instance> = inner.works.iter().filter_map(|it| going(inner, it, all)).collect();
        let pools: Arc<BTreeSet<String>> = Arc::new(
            going
                .values()
                .filter_map(|i| room::pool_of(i))
                .map(str::to_owned)
                .collect(),
        );
        let targets: BTreeSet<&String> = inner.target.places.destinations.values().flatten().collect();
        let up = targets
            .into_iter()
            .filter(|name| room::is_down(&members, name).is_none());
        let free = up.map(|member| free(Arc::clone(door), member.clone(), Arc::clone(&pools)));
        let needs = going
            .into_iter()
            .map(|(id, it)| need(Arc::clone(door), id.clone(), it.clone()));
        let (free, needs) = tokio::join!(ask_all(free), tokio::time::timeout(NEEDS, ask_all(needs)));
        let needs = needs.unwrap_or_default().into_iter().flatten().flatten();
        Ok(Self {
            free: free.into_iter().flatten().collect(),
            needs: needs.collect(),
            members,
        })
    }

    /// By destination: whether all that stand there have said what they have.
    pub(super) fn room(&self, to: &Destinations) -> BTreeMap<String, Answer> {
        let answer = |names: &Vec<String>| {
            let (mut seen, mut silent) = (Vec::new(), Vec::new());
            for name in names {
                match self.of_member(name) {
                    Ok(free) => seen.push(shown(name, free)),
                    Err(why) => silent.push(why),
                }
            }
            if silent.is_empty() {
                return Answer::Yes { seen: seen.join(", ") };
            }
            Answer::No {
                why: format!("no answer from {}", silent.join("; ")),
                mend: "start them, or take them out of `destinations`".into(),
            }
        };
        to.iter().map(|(to, names)| (to.clone(), answer(names))).collect()
    }

    fn of_member(&self, name: &str) -> Result<&Amounts, String> {
        if let Some(why) = room::is_down(&self.members, name) {
            return Err(why);
        }
        match self.free.get(name) {
            Some(Ok(free)) => Ok(free),
            Some(Err(why)) => Err(format!("{name}: {why}")),
            None => Err(format!("{name}: it was not asked")),
        }
    }

    /// What the cluster itself says of members; one that only did not answer in time may be there.
    pub(super) fn there(&self, hook: &str, to: &Destinations) -> BTreeMap<String, There> {
        let there = |names: &Vec<String>| {
            let down: Vec<String> = names
                .iter()
                .filter_map(|name| room::is_down(&self.members, name))
                .collect();
            if down.len() == names.len() {
                let why = format!("{hook}: nobody takes anything there: {}", down.join("; "));
                return Some(There::Nobody { why });
            }
            names
                .iter()
                .any(|name| self.of_member(name).is_ok())
                .then_some(There::Somebody)
        };
        to.iter()
            .filter_map(|(to, names)| Some((to.clone(), there(names)?)))
            .collect()
    }

    /// A destination of which one member has not answered is not in it: nobody knows what fits there.
    pub(super) fn stock(self, to: &Destinations) -> Stock {
        let is_known = |name: &String| room::is_down(&self.members, name).is_some() || self.of_member(name).is_ok();
        let known = to.iter().filter(|(_, names)| names.iter().all(is_known));
        Stock {
            members: known
                .map(|(to, names)| (to.clone(), names.iter().cloned().collect()))
                .collect(),
            free: self
                .free
                .iter()
                .filter_map(|(name, free)| Some((name.clone(), free.clone().ok()?)))
                .collect(),
            needs: self.needs,
        }
    }
}

/// A workload whose instance is still at home.
fn going<'a>(
    inner: &'a Inner,
    (id, placed): (&'a String, &Placed),
    all: &'a [Instance],
) -> Option<(&'a String, &'a Instance)> {
    let home = inner.target.places.racks.get(&placed.rack)?;
    let found = all.iter().find(|i| i.name == placed.object)?;
    home.contains(&found.location).then_some((id, found))
}

async fn free(door: Arc<Door>, member: String, pools: Arc<BTreeSet<String>>) -> (String, Result<Amounts, String>) {
    let free = async {
        let memory = room::memory_of(&door, &member).await?;
        let mut free = Amounts::from([("memory".to_owned(), i128::from(memory) * BYTE)]);
        for pool in pools.iter() {
            let disk = room::disk_of(&door, &member, pool).await?;
            free.extend(disk.map(|disk| (disk_in(pool), i128::from(disk) * BYTE)));
        }
        Ok(free)
    };
    let free = free.await.map_err(|fault: Fault| fault.to_string());
    (member, free)
}

async fn need(door: Arc<Door>, id: String, instance: Instance) -> Option<(String, Vec<Piece>)> {
    let Need { memory, disk } = room::need(&door, &instance).await.ok()?;
    let mut takes = Amounts::from([("memory".to_owned(), i128::from(memory) * BYTE)]);
    takes.extend(room::pool_of(&instance).map(|pool| (disk_in(pool), i128::from(disk) * BYTE)));
    Some((id, vec![Piece { takes, only: None }]))
}

fn disk_in(pool: &str) -> String {
    format!("disk of pool {pool}")
}

fn shown(name: &str, free: &Amounts) -> String {
    let mib = |amount: &i128| amount / (BYTE << 20);
    let all: Vec<String> = free.iter().map(|(what, n)| format!("{} MiB {what}", mib(n))).collect();
    format!("{name} has {} free", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `m3` has 100 bytes, `m4` did not answer, `m5` is dead, and nobody knows `m6`; `db` takes 60 bytes and `web` 50.
    fn survey() -> Survey {
        let member = |(name, status): (&str, &str)| -> Member {
            serde_json::from_value(serde_json::json!({ "server_name": name, "status": status })).unwrap()
        };
        let bytes = |n: i128| Amounts::from([("memory".to_owned(), n * BYTE)]);
        let takes = |n| {
            vec![Piece {
                takes: bytes(n),
                only: None,
            }]
        };
        Survey {
            members: [("m3", "Online"), ("m4", "Online"), ("m5", "Offline")]
                .map(member)
                .into(),
            free: [
                ("m3".to_owned(), Ok(bytes(100))),
                ("m4".to_owned(), Err("no answer within 10 s".into())),
            ]
            .into(),
            needs: [("db".to_owned(), takes(60)), ("web".to_owned(), takes(50))].into(),
        }
    }

    fn to(members: &[&str]) -> Destinations {
        [("busan".to_owned(), members.iter().map(|m| (*m).to_owned()).collect())].into()
    }

    #[test]
    fn only_what_the_cluster_calls_down_is_nobody() {
        let there = |members: &[&str]| survey().there("lxd", &to(members)).remove("busan");
        assert_eq!(there(&["m3", "m5"]), Some(There::Somebody));
        assert_eq!(there(&["m4", "m5"]), None, "it may be there");
        let Some(There::Nobody { why }) = there(&["m5", "m6"]) else {
            unreachable!("nobody is there")
        };
        assert!(
            why.contains("m5, which is Offline; m6, which the cluster does not know"),
            "{why}"
        );
    }

    #[test]
    fn everything_that_comes_is_summed_up_where_all_have_answered() {
        let mut stock = survey().stock(&to(&["m3", "m5"]));
        assert_eq!(stock.take("busan", "db"), Ok(()));
        assert!(stock.take("busan", "web").is_err(), "each alone would fit");
        assert!(!survey().stock(&to(&["m3", "m4"])).knows("busan"), "m4 may have room");
        let room = |members: &[&str]| survey().room(&to(members)).remove("busan");
        assert!(matches!(room(&["m3"]), Some(Answer::Yes { .. })));
        assert!(matches!(room(&["m3", "m4"]), Some(Answer::No { why, .. }) if why.contains("no answer within")));
    }
}
