//! What a target found free at its destinations, and what each workload takes there: enough to say what fits when everything
//! comes at once. Found a while ago and reserved by nobody, so a target looks again before it moves anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::lines;

/// By resource, in thousandths of its unit: `memory` and `disk…` of a byte, `cpu` of a core, all else of one.
pub type Amounts = BTreeMap<String, i128>;

/// Of everything in a member's room, this says which one takes the next: as LXD's and Kubernetes' schedulers spread.
const ROOMIEST_BY: &str = "memory";

/// One part of a workload that needs one member for itself: an instance, a machine, a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// What it takes.
    pub takes: Amounts,
    /// Members that may take it at all; none: every one.
    pub only: Option<BTreeSet<String>>,
}

/// Room at destinations, and what wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// What each member (node, hypervisor) has free. Of one that takes nothing now: nothing.
    pub free: BTreeMap<String, Amounts>,
    /// Members by destination, as rungs name it; only destinations all of whose members are known.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// What each workload takes that has not gone yet, by its id. Of one that is not here nothing is known.
    pub needs: BTreeMap<String, Vec<Piece>>,
}

impl Stock {
    /// Takes room at a destination for one workload: for all of its pieces, or none. What is not known takes nothing.
    ///
    /// # Errors
    /// Which piece finds none, in words.
    pub fn take(&mut self, to: &str, workload: &str) -> Result<(), String> {
        let (Some(members), Some(pieces)) = (self.members.get(to), self.needs.get(workload)) else {
            return Ok(());
        };
        let mut left = self.free.clone();
        // The largest first: what is small finds a place between.
        let mut pieces: Vec<&Piece> = pieces.iter().collect();
        pieces.sort_by_cached_key(|piece| std::cmp::Reverse(piece.takes.clone().into_iter().collect::<Vec<_>>()));
        for piece in pieces {
            let admits = |member: &&String| piece.only.as_ref().is_none_or(|only| only.contains(*member));
            let holds = |member: &&String| left.get(*member).is_some_and(|free| covers(free, &piece.takes));
            let roomiest = |member: &&String| left[*member].get(ROOMIEST_BY).copied();
            let best = members
                .iter()
                .filter(admits)
                .filter(holds)
                .max_by_key(roomiest)
                .cloned();
            let Some(free) = best.and_then(|member| left.get_mut(&member)) else {
                return Err(self.lack(members.iter().filter(admits), &left, piece));
            };
            for (resource, amount) in &piece.takes {
                *free.entry(resource.clone()).or_default() -= amount;
            }
        }
        self.free = left;
        Ok(())
    }

    fn lack<'a>(
        &'a self,
        members: impl Iterator<Item = &'a String>,
        left: &BTreeMap<String, Amounts>,
        piece: &Piece,
    ) -> String {
        /// More members than these say no more.
        const NAMED: usize = 4;
        let has = |member: &String| {
            let free = left.get(member).map(|free| shown(free, &piece.takes));
            format!("{member} has {}", free.unwrap_or_else(|| "nothing to give".into()))
        };
        let all: Vec<String> = members.map(has).collect();
        let wants = shown(&piece.takes, &piece.takes);
        if all.is_empty() {
            return format!("it takes {wants}, and nobody there may take it");
        }
        format!("it takes {wants}; {}", lines::some_of(&all, NAMED))
    }

    /// As it is without a destination that is down: its members take nothing for another either.
    pub fn lose(&mut self, destination: &str) {
        for member in self.members.get(destination).into_iter().flatten() {
            self.free.remove(member);
        }
    }

    /// Whether anything is known of a destination's room.
    #[must_use]
    pub fn knows(&self, destination: &str) -> bool {
        self.members.contains_key(destination)
    }
}

fn covers(there: &Amounts, wanted: &Amounts) -> bool {
    wanted
        .iter()
        .all(|(resource, amount)| there.get(resource).is_none_or(|free| free >= amount))
}

/// Of these resources, for people.
fn shown(amounts: &Amounts, of: &Amounts) -> String {
    let one = |resource: &String| {
        let n = amounts.get(resource).copied()?;
        Some(match resource.as_str() {
            "cpu" => format!("cpu {n}m"),
            bytes if bytes == "memory" || bytes.contains("disk") || bytes.contains("storage") => {
                format!("{bytes} {} MiB", n.max(0) / (1_000 << 20))
            }
            other => format!("{other} {}", n / 1_000),
        })
    };
    of.keys().filter_map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(memory_mib: i128) -> Amounts {
        [("memory".to_owned(), memory_mib * (1_000 << 20))].into()
    }

    fn stock(free: &[(&str, i128)], needs: &[(&str, &[i128])]) -> Stock {
        let piece = |mib: &i128| Piece {
            takes: amounts(*mib),
            only: None,
        };
        Stock {
            free: free.iter().map(|(m, mib)| ((*m).to_owned(), amounts(*mib))).collect(),
            members: [(
                "busan".to_owned(),
                free.iter().map(|(member, _)| (*member).to_owned()).collect(),
            )]
            .into(),
            needs: needs
                .iter()
                .map(|(id, pieces)| ((*id).to_owned(), pieces.iter().map(piece).collect()))
                .collect(),
        }
    }

    #[test]
    fn what_comes_is_summed_up_and_no_piece_is_split() {
        let mut both = stock(&[("m3", 500), ("m4", 300)], &[("db", &[400]), ("web", &[200, 200])]);
        assert_eq!(both.take("busan", "db"), Ok(()));
        let before = both.clone();
        let why = both.take("busan", "web").unwrap_err();
        assert!(
            why.contains("it takes memory 200 MiB; m3 has memory 100 MiB, m4 has memory 100 MiB"),
            "{why}"
        );
        assert_eq!(both, before, "half of it took room");
        let mut alone = stock(&[("m3", 500), ("m4", 300)], &[("web", &[200, 200])]);
        assert_eq!(alone.take("busan", "web"), Ok(()));
    }

    #[test]
    fn what_is_not_known_takes_nothing_and_a_member_that_is_lost_gives_nothing() {
        let mut stock = stock(&[("m3", 100)], &[("db", &[400])]);
        assert_eq!(stock.take("daejeon", "db"), Ok(()));
        assert_eq!(stock.take("busan", "mail"), Ok(()));
        stock.needs.get_mut("db").unwrap()[0].takes = amounts(50);
        stock.lose("busan");
        assert!(
            stock
                .take("busan", "db")
                .unwrap_err()
                .contains("m3 has nothing to give")
        );
    }

    #[test]
    fn only_a_member_that_may_take_it_does() {
        let mut stock = stock(&[("m3", 900), ("m4", 100)], &[("db", &[200])]);
        stock.needs.get_mut("db").unwrap()[0].only = Some(["m4".to_owned()].into());
        let why = stock.take("busan", "db").unwrap_err();
        assert!(why.contains("m4 has memory 100 MiB") && !why.contains("m3"), "{why}");
        stock.needs.get_mut("db").unwrap()[0].only = Some(BTreeSet::new());
        assert!(
            stock
                .take("busan", "db")
                .unwrap_err()
                .contains("nobody there may take it")
        );
    }
}
