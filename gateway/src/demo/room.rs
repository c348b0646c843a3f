//! One of the demo's two rooms: its simulated devices and its gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_core::View;
use muster_sim::emulator::Image;
use muster_sim::nodes::{Emulation, NodeSpec};
use muster_sim::{FitOut, Scenario, SimSite, SiteError, SiteSpec};
use tokio::time::timeout;

use super::{screen::Screen, story::Story, tape::Tape};
use crate::config::{self, Config, HookWay, MqttWay, WebhookTarget};
use crate::engine::Listener;
use crate::gateway::{Gateway, StartError};

/// A channel may be silent for this long: the story runs up to 60 times faster than the transports, so the usual 15 s
/// would be a quarter of a second of real time. Scenario milliseconds.
const SUPERVISION_MS: i64 = 120_000;
/// Trip registers are polled this often in real time: a second of the story at ten times its pace.
const POLL_MS: u64 = 100;

/// What an emulated node says: it has no smoke sensor, but a smoke detector at its supervised line. Real milliseconds.
const BOARD_SAMPLE_MS: u32 = 200;
/// See `BOARD_SAMPLE_MS`.
const BOARD_HEARTBEAT_MS: u32 = 600;
/// The signals of a node in the example configs.
const SIGNALS: &str = r#"signals = ["voc", "hydrogen", "smoke", "temperature"]"#;
/// Those of a board whose names are quantities.
const BOARD_SIGNALS: &str = r#"signals = ["voc", "hydrogen", "temperature", "humidity", "voltage", "current"]"#;

/// Boards instead of simulated nodes.
pub(super) fn emulation(image: Image) -> Emulation {
    Emulation {
        count: usize::MAX,
        image,
        enrolled: None,
        sample_ms: BOARD_SAMPLE_MS,
        heartbeat_ms: BOARD_HEARTBEAT_MS,
        tell: Arc::new(|node, line| tracing::info!(node, line, "an emulated board")),
    }
}

/// An example config with boards in the place of its simulated nodes.
fn with_boards(config: &str, nodes: &[NodeSpec]) -> String {
    let channel = |id: &str, signal: &str, quantity: &str| {
        format!("\n[[channel]]\nsource = \"{id}\"\nsignal = \"{signal}\"\nquantity = \"{quantity}\"\n")
    };
    let more = nodes.iter().map(|node| {
        channel(&node.id, "fire-contact", "fire_alarm") + &channel(&node.id, "board-temperature", "temperature")
    });
    config.replace(SIGNALS, BOARD_SIGNALS) + &more.collect::<String>()
}

/// A room to play in.
pub(super) struct Plan {
    /// What people call it.
    pub(super) name: &'static str,
    /// Its config.
    pub(super) config: &'static str,
    /// What stands in it.
    pub(super) fit_out: FitOut,
}

/// Both rooms, the same fire and the same workloads in each.
#[must_use]
pub(super) fn both() -> [Plan; 2] {
    let built = include_str!("../../examples/pangyo-as-built.toml");
    let recommended = include_str!("../../examples/pangyo-recommended.toml");
    [
        Plan {
            name: "as built",
            config: built,
            fit_out: muster_sim::as_built(),
        },
        Plan {
            name: "recommended",
            config: recommended,
            fit_out: muster_sim::recommended(),
        },
    ]
}

/// Why a room could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// Its config has faults; ours, since it ships with Muster.
    #[error("the config of the room {room} has faults: {faults}")]
    Config {
        /// Which.
        room: &'static str,
        /// All of them.
        faults: String,
    },
    /// Its simulated devices.
    #[error("the simulated devices did not start")]
    Devices(#[source] SiteError),
    /// Its gateway.
    #[error("the gateway did not start")]
    Gateway(#[source] Box<StartError>),
}

/// A room being played.
pub(super) struct Room {
    /// What people call it.
    pub(super) name: &'static str,
    /// What was said in it.
    pub(super) tape: Tape,
    /// Its config as played.
    pub(super) config: Config,
    gateway: Gateway,
    devices: SimSite,
    nodes: Option<SimSite>,
}

impl Room {
    /// Sets a room up; its gateway watches when this returns.
    ///
    /// # Errors
    /// Config, devices or gateway; what stood before is taken down.
    pub(super) async fn start(plan: Plan, stage: &Stage<'_>) -> Result<Self, RoomError> {
        let mut config = stage.config(&plan)?;
        let FitOut { nodes, devices } = plan.fit_out;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let devices = stage
            .site(
                &config,
                FitOut {
                    nodes: Vec::new(),
                    devices,
                },
                nowhere,
            )
            .await?;
        for source in &mut config.polled {
            if let Some(address) = devices.addr(&source.id) {
                source.move_to(address);
            }
            source.poll_ms = Some(POLL_MS);
        }
        let tape = Tape::new();
        let listener = stage.listener(plan.name, &config.site.id, tape.clone());
        let clock = stage.story.clock().clone();
        let gateway = Gateway::start(&config, Some(clock), listener)
            .await
            .map_err(|error| RoomError::Gateway(Box::new(error)))?;
        let nodes = match gateway.mqtt {
            Some(broker) => Some(
                stage
                    .site(
                        &config,
                        FitOut {
                            nodes,
                            devices: Vec::new(),
                        },
                        broker,
                    )
                    .await?,
            ),
            None => None,
        };
        Ok(Self {
            name: plan.name,
            tape,
            config,
            gateway,
            devices,
            nodes,
        })
    }

    /// What its gateway shows.
    #[must_use]
    pub(super) fn view(&self) -> Arc<View> {
        self.gateway.view.borrow().clone()
    }

    /// Waits until every channel is good.
    ///
    /// # Errors
    /// What is not, after this time.
    pub(super) async fn all_heard(&self, within: Duration) -> Result<(), String> {
        let mut view = self.gateway.view.clone();
        let all_good = |view: &Arc<View>| view.channels_good == view.channels_total;
        match timeout(within, view.wait_for(all_good)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self
                .view()
                .troubles
                .iter()
                .map(|t| t.line.as_str())
                .collect::<Vec<_>>()
                .join("; ")),
        }
    }

    /// Where its page is.
    #[must_use]
    pub(super) fn http(&self) -> SocketAddr {
        self.gateway.http
    }

    /// Takes it down.
    pub(super) async fn stop(self) {
        self.gateway.stop().await;
        if let Some(nodes) = self.nodes {
            nodes.stop().await;
        }
        self.devices.stop().await;
    }
}

/// What both rooms have in common.
pub(super) struct Stage<'a> {
    /// The story's clock.
    pub(super) story: Story,
    /// Same seed, same story.
    pub(super) seed: u64,
    /// Where workloads move to.
    pub(super) destination: SocketAddr,
    /// Key of all hooks.
    pub(super) secret: &'a [u8],
    /// Folder of the journals.
    pub(super) folder: &'a Path,
    /// Where lines are shown.
    pub(super) screen: Screen,
    /// How its nodes are emulated; without it they run in this process.
    pub(super) emulation: Option<Emulation>,
}

impl Stage<'_> {
    fn config(&self, plan: &Plan) -> Result<Config, RoomError> {
        let path = self.folder.join(format!("{}.toml", plan.name.replace(' ', "-")));
        let text = match self.emulation {
            Some(_) => with_boards(plan.config, &plan.fit_out.nodes),
            None => plan.config.to_owned(),
        };
        let (mut config, _) = config::parse(&text, &path).map_err(|faults| RoomError::Config {
            room: plan.name,
            faults: faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        if let MqttWay::Listen { address, .. } = &mut config.mqtt.way {
            *address = free;
        }
        config.http.listen = free;
        for hook in &mut config.hooks {
            hook.way = HookWay::Webhook(WebhookTarget {
                url: format!("http://{}/", self.destination),
                secret: config::Secret(self.secret.to_vec()),
                allow_loopback: true,
                ca: None,
            });
        }
        let site = Arc::make_mut(&mut config.site);
        site.channels.iter_mut().for_each(|c| c.supervision_ms = SUPERVISION_MS);
        Ok(config)
    }

    async fn site(&self, config: &Config, fit_out: FitOut, broker: SocketAddr) -> Result<SimSite, RoomError> {
        let spec = SiteSpec {
            seed: self.seed,
            scenario: Scenario::Pangyo2022,
            story: Arc::new(self.story.clone()),
            broker,
            site_id: config.site.id.clone(),
            fit_out,
            emulation: self.emulation.clone(),
        };
        SimSite::start(spec).await.map_err(RoomError::Devices)
    }

    fn listener(&self, name: &'static str, site: &str, tape: Tape) -> Listener {
        let (story, screen, site) = (self.story.clone(), self.screen.clone(), site.to_owned());
        Box::new(move |_, event| {
            let story_ms = story.of(story.clock().now());
            screen.event(name, &site, story_ms, event);
            tape.add(story_ms, event);
        })
    }
}
