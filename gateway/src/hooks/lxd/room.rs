//! Which member of the destination takes an instance: one that answers, with room for its memory and its disk.

use super::door::Door;
use super::fault::Fault;
use super::words::{Instance, InstanceState, Member, PoolResources, Resources};

/// What an instance needs. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Its limit, or what it uses now.
    pub(super) memory: u64,
    /// What its root disk uses; 0 where the pool cannot tell, or is shared.
    pub(super) disk: u64,
}

/// What a member has. Bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Free {
    pub(super) member: String,
    pub(super) memory: u64,
    /// Of the instance's pool, where that was asked for.
    pub(super) disk: Option<u64>,
}

impl Free {
    fn holds(&self, need: Need) -> bool {
        self.memory >= need.memory && self.disk.is_none_or(|disk| disk >= need.disk)
    }
}

/// The member with most memory that has room.
///
/// # Errors
/// `Cannot` where every member has answered and none has room; `NotYet` where one has not.
pub(super) async fn pick(door: &Door, goal: &[&str], instance: &Instance) -> Result<Free, Fault> {
    let need = need(door, instance).await?;
    let (free, silent) = free_of(door, goal, pool_of(instance)).await?;
    choose(&free, need).ok_or_else(|| lack(&free, &silent, need))
}

fn choose(free: &[Free], need: Need) -> Option<Free> {
    let fits = free.iter().filter(|f| f.holds(need));
    fits.max_by_key(|f| f.memory).cloned()
}

fn lack(free: &[Free], silent: &[String], need: Need) -> Fault {
    if !silent.is_empty() {
        return Fault::NotYet(format!("no answer from {}", silent.join(", ")));
    }
    let members: Vec<_> = free.iter().map(shown).collect();
    let (memory, disk) = (mib(need.memory), mib(need.disk));
    Fault::Cannot(format!(
        "no room for {memory} of memory and {disk} of disk: {}",
        members.join(", ")
    ))
}

/// A member's room, for people.
pub(super) fn shown(free: &Free) -> String {
    let disk = free
        .disk
        .map(|disk| format!(", disk {}", mib(disk)))
        .unwrap_or_default();
    format!("{} has {} free{disk}", free.member, mib(free.memory))
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// What each of these members has free, and which do not answer, each with why.
pub(super) async fn free_of(
    door: &Door,
    members: &[&str],
    pool: Option<&str>,
) -> Result<(Vec<Free>, Vec<String>), Fault> {
    let all = members_of(door).await?;
    let (mut free, mut silent) = (Vec::new(), Vec::new());
    for name in members {
        if let Some(why) = is_down(&all, name) {
            silent.push(why);
            continue;
        }
        match of_one(door, name, pool).await {
            Ok(one) => free.push(one),
            Err(fault) => silent.push(format!("{name}: {fault}")),
        }
    }
    Ok((free, silent))
}

/// Every member, as the cluster sees it.
pub(super) async fn members_of(door: &Door) -> Result<Vec<Member>, Fault> {
    Ok(door.get("/1.0/cluster/members", &[("recursion", "1")]).await?.it)
}

/// Why a member takes nothing, if the cluster itself says so.
pub(super) fn is_down(all: &[Member], name: &str) -> Option<String> {
    match all.iter().find(|member| member.server_name == name) {
        None => Some(format!("{name}, which the cluster does not know")),
        Some(member) if member.status != "Online" => Some(format!("{name}, which is {}", member.status)),
        Some(_) => None,
    }
}

async fn of_one(door: &Door, member: &str, pool: Option<&str>) -> Result<Free, Fault> {
    let memory = memory_of(door, member).await?;
    let disk = match pool {
        Some(pool) => disk_of(door, member, pool).await?,
        None => None,
    };
    Ok(Free {
        member: member.to_owned(),
        memory,
        disk,
    })
}

/// Bytes of memory that a member has free.
pub(super) async fn memory_of(door: &Door, member: &str) -> Result<u64, Fault> {
    let target = [("target", member)];
    let memory = door.get::<Resources>("/1.0/resources", &target).await?.it.memory;
    Ok(memory.total.saturating_sub(memory.used))
}

/// Bytes that a pool of a member has free; none where it cannot tell.
pub(super) async fn disk_of(door: &Door, member: &str, pool: &str) -> Result<Option<u64>, Fault> {
    let path = format!("/1.0/storage-pools/{pool}/resources");
    let target = [("target", member)];
    let space = door.get::<PoolResources>(&path, &target).await?.it.space;
    // A pool that cannot tell says 0 of 0.
    Ok((space.total > 0).then(|| space.total.saturating_sub(space.used)))
}

/// The pool of its root disk.
pub(super) fn pool_of(instance: &Instance) -> Option<&str> {
    let root = instance.expanded_devices.values().find(|device| {
        device.get("type").map(String::as_str) == Some("disk") && device.get("path").map(String::as_str) == Some("/")
    })?;
    let name = root.get("pool").map(String::as_str)?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain.then_some(name)
}

pub(super) async fn need(door: &Door, instance: &Instance) -> Result<Need, Fault> {
    let path = format!("/1.0/instances/{}/state", instance.name);
    let state: InstanceState = door.get(&path, &[]).await?.it;
    let limit = instance
        .expanded_config
        .get("limits.memory")
        .and_then(|text| bytes_of(text));
    let root = state.disk.as_ref().and_then(|disks| disks.get("root"));
    Ok(Need {
        memory: limit.unwrap_or(state.memory.usage),
        disk: root.and_then(|root| u64::try_from(root.usage).ok()).unwrap_or(0),
    })
}

/// `512MiB`, `2GB`; a share of the machine (`50%`) says nothing about another one.
fn bytes_of(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 11] = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(member: &str, memory: u64, disk: Option<u64>) -> Free {
        Free {
            member: member.into(),
            memory,
            disk,
        }
    }

    #[test]
    fn sizes_as_lxd_writes_them() {
        assert_eq!(bytes_of("512MiB"), Some(512 << 20));
        assert_eq!(bytes_of("2GB"), Some(2_000_000_000));
        assert_eq!(bytes_of("1024"), Some(1_024));
        assert_eq!(bytes_of(" 1 GiB "), Some(1 << 30));
        for odd in ["50%", "", "MiB", "-1MiB", "1.5GiB", "99999999999TiB"] {
            assert_eq!(bytes_of(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_roomiest_member_that_holds_it() {
        let members = [
            free("m1", 900, Some(10)),
            free("m2", 500, Some(90)),
            free("m3", 400, None),
        ];
        let need = |memory, disk| Need { memory, disk };
        let chosen = |need| choose(&members, need).map(|f| f.member);
        assert_eq!(chosen(need(300, 0)).as_deref(), Some("m1"));
        assert_eq!(chosen(need(300, 50)).as_deref(), Some("m2"));
        assert_eq!(chosen(need(300, 100)).as_deref(), Some("m3"));
        assert_eq!(chosen(need(600, 50)), None);
        assert!(matches!(lack(&members, &[], need(600, 50)), Fault::Cannot(_)));
        assert!(matches!(
            lack(&members, &["m4".into()], need(600, 50)),
            Fault::NotYet(_)
        ));
    }
}
