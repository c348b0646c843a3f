//! The whole simulated site, put up and taken down as one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::modbus::{self, Device, DeviceError, DeviceKind};
use crate::nodes::{EmulatedError, EmulatedNode, Emulation, NodeError, NodeSpec, SimNode};
use crate::{Room, Scenario, StoryTime, UpsPlace};

/// What the site is made of and what happens to it.
pub struct SiteSpec {
    /// Same seed, same site.
    pub seed: u64,
    /// What happens.
    pub scenario: Scenario,
    /// When it is.
    pub story: Arc<dyn StoryTime>,
    /// Where the nodes publish.
    pub broker: SocketAddr,
    /// `[a-z0-9-]{1,32}`.
    pub site_id: String,
    /// What stands in it.
    pub fit_out: FitOut,
    /// How its first nodes run: as flashed, in an emulator. Without it, the firmware of all runs in this process.
    pub emulation: Option<Emulation>,
}

/// What stands in the room and beside it.
#[derive(Clone, Debug, Default)]
pub struct FitOut {
    /// Sensor boards.
    pub nodes: Vec<NodeSpec>,
    /// Equipment that is polled.
    pub devices: Vec<DeviceSpec>,
}

/// A device that is polled by Modbus TCP.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Unique in the site.
    pub id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Its Modbus unit.
    pub unit: u8,
}

/// How often a BMS looked at its cells before 2023: up to every ten minutes was allowed.
const BMS_AS_BUILT_MS: u32 = 600_000;
/// At most ten seconds since (MSIT, 30 March 2023).
const BMS_RECOMMENDED_MS: u32 = 10_000;

/// The room as it was built: `fire-panel` (in1 fire alarm, in2 suppression discharge), `bms` that looks every ten
/// minutes, `ups-1` beside the rack and `ups-2` elsewhere; no node.
#[must_use]
pub fn as_built() -> FitOut {
    FitOut {
        nodes: Vec::new(),
        devices: devices(BMS_AS_BUILT_MS),
    }
}

/// The room as recommended: the same, a `bms` that looks every ten seconds, and `node-1` to `node-3` with gas, smoke and
/// heat beside the rack, in the middle and by the door.
#[must_use]
pub fn recommended() -> FitOut {
    FitOut {
        nodes: (0..3).map(NodeSpec::at_place).collect(),
        devices: devices(BMS_RECOMMENDED_MS),
    }
}

fn devices(bms_period_ms: u32) -> Vec<DeviceSpec> {
    [
        ("fire-panel", DeviceKind::FirePanel),
        (
            "bms",
            DeviceKind::BatteryMonitor {
                period_ms: bms_period_ms,
            },
        ),
        ("ups-1", DeviceKind::SmartUps(UpsPlace::BesideRack)),
        ("ups-2", DeviceKind::SmartUps(UpsPlace::Elsewhere)),
    ]
    .into_iter()
    .map(|(id, kind)| DeviceSpec {
        id: id.into(),
        kind,
        bind: (Ipv4Addr::LOCALHOST, 0).into(),
        unit: 1,
    })
    .collect()
}

/// Why a site could not be put up.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// One of its devices.
    #[error("device {id:?} of the simulated site")]
    Device {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: DeviceError,
    },
    /// One of its nodes.
    #[error("node {id:?} of the simulated site")]
    Node {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: NodeError,
    },
    /// One of its emulated nodes.
    #[error("emulated node {id:?}")]
    Board {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: EmulatedError,
    },
}

/// A running site. Dropping it ends every device and node in it.
#[derive(Debug)]
pub struct SimSite {
    devices: Vec<(String, Device)>,
    nodes: Vec<SimNode>,
    boards: Vec<EmulatedNode>,
}

impl SimSite {
    /// Puts everything up. Devices listen when this returns; nodes go on connecting until the broker is there.
    ///
    /// # Errors
    /// [`SiteError`] of the first device or node that cannot be; what stood before is taken down.
    pub async fn start(spec: SiteSpec) -> Result<Self, SiteError> {
        let room = Room::new(spec.scenario, spec.seed);
        Self::start_in(room, spec).await
    }

    /// As [`SimSite::start`], in a room of one's own instead of that of the scenario and the seed.
    ///
    /// # Errors
    /// As [`SimSite::start`].
    pub async fn start_in(room: Room, spec: SiteSpec) -> Result<Self, SiteError> {
        let mut devices = Vec::new();
        for d in spec.fit_out.devices {
            match modbus::spawn(d.kind, d.bind, d.unit, room.clone(), Arc::clone(&spec.story)).await {
                Ok(device) => devices.push((d.id, device)),
                Err(source) => return Err(SiteError::Device { id: d.id, source }),
            }
        }
        let (mut nodes, mut boards) = (Vec::new(), Vec::new());
        let mut to_simulate = spec.fit_out.nodes;
        if let Some(emulation) = &spec.emulation {
            let rest = to_simulate.split_off(emulation.count.min(to_simulate.len()));
            let to_emulate = std::mem::replace(&mut to_simulate, rest);
            boards = switch_on(to_emulate, &spec.site_id, spec.broker, &room, &spec.story, emulation).await?;
        }
        for n in to_simulate {
            let id = n.id.clone();
            let node = SimNode::start(n, &spec.site_id, spec.broker, room.clone(), Arc::clone(&spec.story));
            nodes.push(node.map_err(|source| SiteError::Node { id, source })?);
        }
        Ok(Self { devices, nodes, boards })
    }

    /// The emulated nodes.
    #[must_use]
    pub fn boards(&self) -> &[EmulatedNode] {
        &self.boards
    }

    /// Where a device listens.
    #[must_use]
    pub fn addr(&self, id: &str) -> Option<SocketAddr> {
        self.devices
            .iter()
            .find(|(d, _)| d == id)
            .map(|(_, device)| device.addr())
    }

    /// Ends everything; ports are free when this returns.
    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
        for board in self.boards {
            board.stop().await;
        }
        for (_, device) in self.devices {
            device.stop().await;
        }
    }
}

/// All boards at once, in the order of their nodes; if one cannot be, none is left.
async fn switch_on(
    nodes: Vec<NodeSpec>,
    site: &str,
    broker: SocketAddr,
    room: &Room,
    story: &Arc<dyn StoryTime>,
    emulation: &Emulation,
) -> Result<Vec<EmulatedNode>, SiteError> {
    let mut starting = JoinSet::new();
    for (at, node) in nodes.into_iter().enumerate() {
        let (site, room, story, emulation) = (site.to_owned(), room.clone(), Arc::clone(story), emulation.clone());
        starting.spawn(async move {
            let id = node.id.clone();
            let board = EmulatedNode::start(node, &site, broker, room, story, &emulation).await;
            (at, board.map_err(|source| SiteError::Board { id, source }))
        });
    }
    let mut boards: Vec<_> = starting.join_all().await;
    boards.sort_by_key(|(at, _)| *at);
    boards.into_iter().map(|(_, board)| board).collect()
}

#[cfg(test)]
mod tests {
    use tokio_modbus::client::tcp;
    use tokio_modbus::prelude::*;

    use super::*;
    use crate::HandClock;

    fn spec(fit_out: FitOut) -> SiteSpec {
        SiteSpec {
            seed: 1,
            scenario: Scenario::Pangyo2022,
            story: Arc::new(HandClock::new(-60_000, 1)),
            broker: "127.0.0.1:1".parse().unwrap(),
            site_id: "seoul-1".into(),
            fit_out,
            emulation: None,
        }
    }

    #[tokio::test]
    async fn every_device_of_either_room_answers() {
        for fit_out in [as_built(), recommended()] {
            let site = SimSite::start(spec(fit_out)).await.unwrap();
            for id in ["ups-1", "ups-2"] {
                let mut ups = tcp::connect_slave(site.addr(id).unwrap(), Slave(1)).await.unwrap();
                assert_eq!(ups.read_holding_registers(0, 2).await.unwrap().unwrap(), [0, 2]);
            }
            let mut bms = tcp::connect_slave(site.addr("bms").unwrap(), Slave(1)).await.unwrap();
            assert_eq!(bms.read_input_registers(5, 1).await.unwrap().unwrap(), [0x4D42]);
            let mut panel = tcp::connect_slave(site.addr("fire-panel").unwrap(), Slave(1))
                .await
                .unwrap();
            assert_eq!(panel.read_discrete_inputs(0, 2).await.unwrap().unwrap(), [false, false]);
            let ups = site.addr("ups-1").unwrap();
            site.stop().await;
            tokio::net::TcpStream::connect(ups).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_taken_address_and_a_bad_id_are_named() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut fit_out = as_built();
        fit_out.devices[1].bind = taken.local_addr().unwrap();
        let error = SimSite::start(spec(fit_out)).await.unwrap_err();
        assert!(matches!(error, SiteError::Device { id, .. } if id == "bms"));
        let mut bad = spec(recommended());
        bad.site_id = "Seoul".into();
        let error = SimSite::start(bad).await.unwrap_err();
        assert!(matches!(error, SiteError::Node { id, .. } if id == "node-1"));
    }
}
