//! From rows to indices, and every rule that needs more than one table. Where a row is faulty a harmless value stands in
//! its place, so that the rest is still checked; the result is thrown away if there was any error.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use muster_core::{Channel, ChannelIx, Group, Site, SourceIx, Workload, Zone};

use super::channels::{Lowered, Maker};
use super::faults::{At, Faults};
use super::groups::{self, Protection};
use super::names::Index;
use super::rows::Rows;
use super::source::{Kind, PolledRow, SourceRow};
use super::workload::{Ladders, WorkloadRow};
use super::{
    Config, HookTarget, MqttWay, Node, NodeChannel, PollWay, Polled, Sensor, alike, buses, checks, cycles, destination,
    drill, feeds, http, notify, objects, places, sensor, zone,
};

/// Looks everything up and checks it.
pub(super) fn lower(rows: Rows, faults: &Faults<'_>) -> Config {
    let indices = Indices::of(&rows, faults);
    let zones = zone::lower(&rows.zones, &indices.zones, faults);
    let maker = Maker {
        sources: &rows.sources,
        rows: &rows.channels,
        zones: &indices.zones,
        source_index: &indices.sources,
        faults,
    };
    let mut made = maker.make();
    let groups = groups::number(&mut made);
    checks::resolve(&mut made, faults);
    groups::check_shared(&made, &rows.sources, faults);
    alike::check(&made, &rows.sources, &rows.zones, faults);
    let devices = Devices::of(&rows.sources, &mut made);
    let channels: Vec<Channel> = made.into_iter().map(|m| m.channel).collect();
    check_protection(&rows, (&zones, &channels, &groups), faults);
    buses::check(&devices.polled, &rows.sources, faults);
    check_reach(&rows, &devices.sensors, faults);
    let workloads = workloads(&rows, &indices, faults);
    places::check(&rows.hooks, &rows.workloads, faults);
    let at = (&indices.zones, &indices.sources);
    let wires = feeds::Wires::of(&rows, (&zones, &channels), at, faults);
    let (mut power, wired) = wires.lower();
    let racks: BTreeSet<&str> = rows.workloads.iter().map(WorkloadRow::rack).collect();
    let nut = rows.nut.inspect(|row| row.check_polled(&rows.sources, faults));
    let nut = nut.map(|row| row.lower(&mut power, &racks, faults));
    let (hooks, targets): (_, Vec<_>) = rows.hooks.iter().map(|h| h.lower()).unzip();
    let (principals, token_hashes) = rows.principals.iter().map(|p| p.lower()).unzip();
    let destinations = destination::lower(&rows.destinations, &workloads, faults);
    let site = Arc::new(Site {
        id: rows.site.id.value.clone(),
        armed: rows.site.armed,
        simulated: rows.site.simulated,
        single_group: rows.site.single_group.is_some(),
        zones,
        groups,
        sources: rows.sources.iter().map(SourceRow::lower).collect(),
        channels,
        hooks,
        workloads,
        principals,
        priors: rows.site.priors,
        destinations,
        power,
    });
    feeds::check(&feeds::Shown::of(&site, (&rows.site, &rows.workloads), &wired, faults));
    let targets = knowing_all(targets, &rows.workloads, faults);
    let bridges = rows.bridges.lower(&indices.workloads, faults);
    let drills = drill::lower(rows.drills, &indices.workloads, faults);
    let (mqtt, http, store) = (rows.mqtt.mqtt, rows.http, rows.store);
    Config {
        site,
        mqtt,
        http,
        store,
        nodes: devices.nodes,
        sensors: devices.sensors,
        traps: traps(rows.traps, &devices.polled, faults),
        polled: devices.polled,
        hooks: targets,
        token_hashes,
        notify: rows.notify.into_iter().map(|row| row.place).collect(),
        bridges,
        drills,
        nut,
    }
}

/// Whether every zone has groups enough that can vote.
fn check_protection(rows: &Rows, (zones, channels, groups): (&[Zone], &[Channel], &[Group]), faults: &Faults<'_>) {
    let protection = Protection {
        site: &rows.site,
        rows: &rows.zones,
        zones,
        channels,
        groups,
    };
    protection.check(faults);
}

/// Every target that is not faulty, with what it is to move.
fn knowing_all(targets: Vec<Option<HookTarget>>, workloads: &[WorkloadRow], faults: &Faults<'_>) -> Vec<HookTarget> {
    let targets = targets.into_iter().flatten();
    let targets: Vec<HookTarget> = targets.map(|target| knowing(target, workloads)).collect();
    objects::check(&targets, workloads, faults);
    targets
}

/// A hook's target that knows its workloads by name: those with a rung that calls it.
fn knowing(target: HookTarget, workloads: &[WorkloadRow]) -> HookTarget {
    let called = workloads.iter().filter(|row| row.calls(&target.id));
    HookTarget {
        works: called.map(WorkloadRow::placed).collect(),
        ..target
    }
}

/// Every workload with what it waits for, and its ladder.
fn workloads(rows: &Rows, indices: &Indices, faults: &Faults<'_>) -> Vec<Workload> {
    let after = cycles::dependencies(&rows.workloads, &indices.workloads, faults);
    let ladders = Ladders {
        site: &rows.site,
        hooks: &indices.hooks,
        faults,
    };
    rows.workloads
        .iter()
        .zip(after)
        .map(|(row, after)| ladders.lower(row, after))
        .collect()
}

/// Whether the broker, the page and people outside can be reached.
fn check_reach(rows: &Rows, sensors: &[Sensor], faults: &Faults<'_>) {
    check_broker(rows, sensors, faults);
    http::check_reach(&rows.http, &rows.hooks, faults);
    notify::check_reach(&rows.site, &rows.notify, faults);
}

struct Indices {
    zones: Index,
    sources: Index,
    hooks: Index,
    workloads: Index,
}

impl Indices {
    fn of(rows: &Rows, faults: &Faults<'_>) -> Self {
        Index::of("principal", rows.principals.iter().map(|p| &p.id), faults);
        Index::of("notify", rows.notify.iter().map(|n| &n.id), faults);
        Self {
            zones: Index::of("zone", rows.zones.iter().map(|z| &z.id), faults),
            sources: Index::of("source", rows.sources.iter().map(|s| &s.id), faults),
            hooks: Index::of("hook", rows.hooks.iter().map(|h| &h.id), faults),
            workloads: Index::of("workload", rows.workloads.iter().map(|w| &w.id), faults),
        }
    }
}

/// What the sources need to know of their channels.
#[derive(Default)]
struct Devices {
    nodes: BTreeMap<String, Node>,
    polled: Vec<Polled>,
    sensors: Vec<Sensor>,
}

impl Devices {
    fn of(sources: &[SourceRow], made: &mut [Lowered]) -> Self {
        let mut of_source: BTreeMap<SourceIx, Vec<(ChannelIx, &mut Lowered)>> = BTreeMap::new();
        for (ix, lowered) in made.iter_mut().enumerate() {
            of_source
                .entry(lowered.channel.source)
                .or_default()
                .push((ChannelIx(ix as u32), lowered));
        }
        let mut devices = Self::default();
        for (ix, row) in sources.iter().enumerate() {
            let source = SourceIx(ix as u16);
            let channels = of_source.remove(&source).unwrap_or_default();
            match &row.kind {
                Kind::Node { .. } => devices.add_node(source, &row.id, &channels),
                Kind::Polled(polled) => devices.polled.extend(polled_device(source, &row.id, polled, &channels)),
                Kind::Sensor(sensor) => {
                    let picked = channels
                        .into_iter()
                        .filter_map(|(ix, lowered)| Some((ix, lowered.picked.take()?)));
                    devices.sensors.push(sensor.sensor(source, &row.id.value, picked));
                }
                Kind::Unknown => {}
            }
        }
        devices
    }

    fn add_node(&mut self, source: SourceIx, id: &At<String>, channels: &[(ChannelIx, &mut Lowered)]) {
        let channel = |(channel, lowered): &(ChannelIx, &mut Lowered)| {
            (
                lowered.signal.clone(),
                NodeChannel {
                    channel: *channel,
                    sequence: lowered.sequence,
                },
            )
        };
        let channels = Arc::new(channels.iter().map(channel).collect());
        self.nodes.insert(id.value.clone(), Node { source, channels });
    }
}

/// Without an agent there is nobody whose traps could count.
fn traps(listen: Option<At<SocketAddr>>, polled: &[Polled], faults: &Faults<'_>) -> Option<SocketAddr> {
    let listen = listen?;
    if !polled.iter().any(|device| matches!(device.way, PollWay::Snmp(_))) {
        let what = "`traps` means nothing here: no [[source]] has kind = \"snmp\"";
        faults.warning(listen.at, what, "remove it, or declare the agents");
    }
    Some(listen.value)
}

fn polled_device(
    source: SourceIx,
    id: &At<String>,
    row: &PolledRow,
    channels: &[(ChannelIx, &mut Lowered)],
) -> Option<Polled> {
    Some(Polled {
        source,
        id: id.value.clone(),
        address: row.address.as_ref()?.value.text.clone(),
        way: row.way.clone()?,
        channels: channels
            .iter()
            .map(|(channel, lowered)| (lowered.signal.clone(), *channel))
            .collect(),
        poll_ms: row.poll_ms.as_ref().map(|p| p.value),
    })
}

fn check_broker(rows: &Rows, sensors: &[Sensor], faults: &Faults<'_>) {
    if rows
        .sources
        .iter()
        .any(|s| matches!(s.kind, Kind::Node { .. } | Kind::Sensor(_)))
    {
        rows.mqtt.check_nodes(faults);
    }
    let is_node = |source: &&SourceRow| matches!(source.kind, Kind::Node { .. });
    let nodes = rows
        .sources
        .iter()
        .filter(is_node)
        .map(|s| s.id.value.as_str())
        .collect();
    let connects = matches!(rows.mqtt.mqtt.way, MqttWay::Connect(_));
    for source in &rows.sources {
        if let Kind::Sensor(row) = &source.kind {
            row.check_client(source.at, connects, &nodes, faults);
        }
    }
    let places: Vec<_> = sensors.iter().map(|s| (s, rows.sources[s.source.at()].at)).collect();
    sensor::check_topics(&places, faults);
}
