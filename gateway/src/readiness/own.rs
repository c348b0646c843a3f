//! Muster itself: what would take it along when the site burns.

use std::path::Path;

use muster_core::{FeedIx, FeedKind, Power, ZoneIx};

use super::{Check, Facts, Finding};
use crate::config::{HookWay, LxdDoors, Names, OwnPlace, Way};

/// What the journal lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// A disk of this machine, as far as can be seen.
    Own,
    /// Memory: gone with the power.
    Memory,
    /// Another machine's.
    Remote(&'static str),
    /// The system does not say.
    Unknown(String),
}

/// Magic numbers of file systems, from statfs(2).
const FILE_SYSTEMS: [(i64, Disk); 7] = [
    (0x0102_1994, Disk::Memory),
    (0x8584_58f6, Disk::Memory),
    (0x6969, Disk::Remote("NFS")),
    (0xff53_4d42, Disk::Remote("CIFS")),
    (0xfe53_4d42, Disk::Remote("SMB")),
    (0x00c3_6400, Disk::Remote("Ceph")),
    (0x0bd0_0bd0, Disk::Remote("Lustre")),
];

impl Disk {
    /// Of the folder that a file lies in.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        match rustix::fs::statfs(folder.unwrap_or(Path::new("."))) {
            Ok(stat) => Self::of_magic(stat.f_type),
            Err(cause) => Self::Unknown(cause.to_string()),
        }
    }

    fn of_magic(magic: i64) -> Self {
        // Some are 32 bits wide and come with a sign.
        let found = FILE_SYSTEMS.iter().find(|(known, _)| *known == magic & 0xffff_ffff);
        found.map_or(Self::Own, |(_, disk)| disk.clone())
    }
}

pub(super) fn checks(facts: &Facts<'_>) -> Vec<Check> {
    let own = facts.config.bridges.own.as_ref();
    let at = facts.as_of.looked_ms;
    vec![
        feed(facts, own).of("feed", at),
        several(own.map(|own| &own.switches), "switch", "switches").of("switch", at),
        disk(facts).of("disk", at),
        several(own.map(|own| &own.uplinks), "uplink", "uplinks").of("uplink", at),
        names(facts, own).of("names", at),
        told(facts).of("told-outside", at),
        watched(facts).of("outside-watch", at),
    ]
}

fn feed(facts: &Facts<'_>, own: Option<&OwnPlace>) -> Finding {
    let site = &facts.config.site;
    let Some(rack) = own.and_then(|own| own.rack.as_deref()) else {
        let mend = "`rack` in [muster]: the rack that its machine stands in";
        return Finding::amber("nobody has said what feeds Muster itself", mend);
    };
    let found = site
        .power
        .feeds
        .iter()
        .position(|f| f.kind == FeedKind::Rack && f.id == rack);
    let Some(at) = found else {
        let mend = format!("a [[feed]] rack = \"{rack}\", with what feeds it");
        return Finding::amber(format!("nobody has said what feeds {rack}, where Muster stands"), mend);
    };
    let rooms = site.power.battery_rooms.iter();
    if let Some(room) = rooms.copied().find(|room| is_taken(&site.power, at, *room)) {
        let room = &site.zones[room.at()].id;
        return Finding::amber(
            format!("a fire in {room} takes every feed of {rack}, where Muster stands"),
            "a feed that crosses no battery room, or a small supply of its own",
        );
    }
    let feed = &site.power.feeds[at];
    if feed.by.len() <= usize::from(feed.needs) {
        return Finding::amber(
            format!("{rack}, where Muster stands, has no feed to spare"),
            "a second feed of its own",
        );
    }
    Finding::green(format!("{rack} keeps its power when any one battery room burns"))
}

/// Whether a fire in a zone takes it, on whichever way it is fed.
fn is_taken(power: &Power, at: usize, zone: ZoneIx) -> bool {
    let mut taken = vec![false; power.feeds.len()];
    // Each stands after what feeds it.
    for (ix, feed) in power.feeds.iter().enumerate() {
        let left = feed.by.iter().filter(|by: &&FeedIx| !taken[by.at()]).count();
        let starves = !feed.by.is_empty() && left < usize::from(feed.needs);
        taken[ix] = feed.zones.contains(&zone) || starves;
    }
    taken[at]
}

fn several(known: Option<&Vec<String>>, one: &str, many: &str) -> Finding {
    match known.map(Vec::as_slice) {
        None | Some([]) => Finding::amber(
            format!("nobody has said which {one} Muster hangs on"),
            format!("`{many}` in [muster]: each of which alone is enough"),
        ),
        Some([only]) => Finding::amber(
            format!("Muster hangs on one {one}, {only}"),
            format!("a second {one} on another way out of the building"),
        ),
        Some(all) => Finding::green(format!("{} are enough one by one", all.join(" and "))),
    }
}

fn disk(facts: &Facts<'_>) -> Finding {
    let path = facts.config.store.path.display();
    match facts.disk {
        Disk::Own => Finding::green(format!("{path} lies on a disk of this machine")),
        Disk::Memory => Finding::red(
            format!("{path} lies in memory: what was decided is gone with the power"),
            "`path` in [store] on a disk of this machine",
        ),
        Disk::Remote(kind) => Finding::red(
            format!("{path} lies on {kind}: it goes with the network or the other machine"),
            "`path` in [store] on a disk of this machine",
        ),
        Disk::Unknown(why) => Finding::amber(
            format!("nobody knows what {path} lies on: {why}"),
            "`path` in [store] on a disk of this machine",
        ),
    }
}

fn names(facts: &Facts<'_>, own: Option<&OwnPlace>) -> Finding {
    let named: Vec<&str> = facts
        .config
        .hooks
        .iter()
        .filter(|hook| is_named(&hook.way))
        .map(|h| h.id.as_str())
        .collect();
    if named.is_empty() {
        return Finding::green("no hook is called by a name that somebody has to look up");
    }
    let called = named.join(", ");
    match own.and_then(|own| own.names) {
        Some(Names::Elsewhere) => Finding::green("names are answered elsewhere as well"),
        Some(Names::Here) => Finding::red(
            format!("names are answered only here, and called by name: {called}"),
            "a second name server at another site, or /etc/hosts; then names = \"elsewhere\" in [muster]",
        ),
        None => Finding::amber(
            format!("nobody has said who answers names, and called by name: {called}"),
            "`names` in [muster]: \"here\" or \"elsewhere\"",
        ),
    }
}

/// Whether a name has to be looked up to reach it.
fn is_named(way: &HookWay) -> bool {
    let is_name =
        |host: &str| host != "localhost" && host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err();
    let in_url = |url: &String| reqwest::Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(is_name));
    match way {
        HookWay::Webhook(way) => in_url(&way.url),
        HookWay::Mqtt(way) => is_name(&way.broker.host),
        HookWay::Kubernetes(way) => in_url(&way.url),
        HookWay::Lxd(way) => matches!(&way.doors, LxdDoors::Https { urls, .. } if urls.iter().any(in_url)),
        HookWay::Libvirt(way) => {
            let (here, there) = (&way.places.racks, &way.places.destinations);
            here.values().chain(there.values()).flatten().any(in_url)
        }
        HookWay::Exec(_) | HookWay::Slurm(_) => false,
    }
}

fn told(facts: &Facts<'_>) -> Finding {
    let places = facts
        .config
        .notify
        .iter()
        .filter(|place| !matches!(place.way, Way::Heartbeat(_)));
    let (outside, inside): (Vec<_>, Vec<_>) = places.partition(|place| place.is_outside());
    match (outside.len(), inside.len()) {
        (0, 0) => Finding::red(
            "nobody outside is told of the first vote",
            "a [[notify]] that reaches people elsewhere, then `muster notify test --config FILE`",
        ),
        (0, _) => Finding::amber(
            "every place that is told looks as if it stood in this site",
            "a [[notify]] at a mail server, chat or pager elsewhere",
        ),
        (n, _) => Finding::green(format!("{} outside are told", crate::lines::many(n, "place"))),
    }
}

fn watched(facts: &Facts<'_>) -> Finding {
    let mut beats = facts
        .config
        .notify
        .iter()
        .filter(|place| matches!(place.way, Way::Heartbeat(_)));
    if beats.any(crate::config::Place::is_outside) {
        return Finding::green("a watch outside misses us when nobody decides here any more");
    }
    Finding::amber(
        "no watch outside misses Muster when it is gone",
        "a [[notify]] of kind = \"heartbeat\" to a dead-man's watch elsewhere",
    )
}

#[cfg(test)]
mod tests {
    use super::Disk;

    #[test]
    fn memory_and_the_network_are_no_disks() {
        assert_eq!(Disk::of_magic(0x0102_1994), Disk::Memory);
        assert_eq!(Disk::of_magic(0x6969), Disk::Remote("NFS"));
        assert_eq!(Disk::of_magic(i64::from(0xff53_4d42_u32 as i32)), Disk::Remote("CIFS"));
        assert_eq!(Disk::of_magic(0xef53), Disk::Own, "ext4");
    }
}
