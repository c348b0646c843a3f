//! Sensor boards as they would be flashed, in an emulator, with the room of a story around them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::NodeSpec;
use crate::emulator::{Board, BoardError, Image};
use crate::silicon::Wire;
use crate::{Air, Room, StoryTime};

/// What is around a board is brought up to date this often. Real time.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);
/// Turns of that between two lines about it: ten seconds.
const TELL_EVERY: u32 = 100;
/// A smoke detector at the supervised line closes its contact here, percent a metre: 1 %/ft, as the gateway's own limit.
const SMOKE_CLOSES_PER_M: f64 = 3.2;
/// What the board's own sensor can show. Degrees Celsius.
const SENSOR_C: std::ops::RangeInclusive<f64> = -40.0..=125.0;
/// The emulator's host, as a board sees it.
const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 2));
/// Longest path of a folder with certificates that the board takes.
const LONGEST_PATH: usize = 96;

/// What a board measures, by the names in its packs.
pub const BOARD_SIGNALS: [&str; 8] = [
    "board-temperature",
    "temperature",
    "humidity",
    "voc",
    "hydrogen",
    "fire-contact",
    "voltage",
    "current",
];

/// Told what a board does: its id, and one line.
pub type Tell = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// How boards are emulated.
#[derive(Clone)]
pub struct Emulation {
    /// How many of a site's nodes are, from the first; the others run in this process.
    pub count: usize,
    /// What is flashed.
    pub image: Image,
    /// Who the boards prove to be; without it they speak plain MQTT.
    pub enrolled: Option<Enrolled>,
    /// Real milliseconds between two samples, and between two reports of everything.
    pub sample_ms: u32,
    /// See `sample_ms`.
    pub heartbeat_ms: u32,
    /// Who is told what they do.
    pub tell: Tell,
}

/// The certificates of a site.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Folder of `muster enroll`.
    pub folder: PathBuf,
    /// The gateway's name in its certificate.
    pub gateway: String,
}

/// Why a board cannot be put up.
#[derive(Debug, thiserror::Error)]
pub enum EmulatedError {
    /// The emulator.
    #[error("the board cannot be switched on")]
    Board(#[source] BoardError),
    /// Its certificates.
    #[error("the certificates in {folder}: {why}")]
    Certificates {
        /// Where.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A board has no way to the broker.
    #[error("a board speaks IPv4 only, and the broker is at {0}")]
    Broker(SocketAddr),
}

/// A board that is switched on, and follows a story. Dropping it cuts its power.
#[derive(Debug)]
pub struct EmulatedNode {
    id: String,
    process: u32,
    task: JoinHandle<()>,
}

impl EmulatedNode {
    /// Switches on a board; it goes on connecting until the broker is there.
    ///
    /// # Errors
    /// [`EmulatedError`].
    pub async fn start(
        spec: NodeSpec,
        site: &str,
        broker: SocketAddr,
        room: Room,
        story: Arc<dyn StoryTime>,
        emulation: &Emulation,
    ) -> Result<Self, EmulatedError> {
        let settings = settings(&spec, site, broker, emulation)?;
        let mut board = Board::on(&emulation.image, &settings)
            .await
            .map_err(EmulatedError::Board)?;
        let around = Around {
            room,
            story,
            place: spec.place,
        };
        around.put(&mut board).await.map_err(EmulatedError::Board)?;
        let (id, process) = (spec.id.clone(), board.process());
        let tell = emulation.tell.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = around.follow(board, &spec.id, &tell).await {
                tell(&spec.id, &error.to_string());
                tracing::error!(node = spec.id, %error, "an emulated board is gone");
            }
        });
        Ok(Self { id, process, task })
    }

    /// Its id, and that of its process.
    #[must_use]
    pub fn process(&self) -> (&str, u32) {
        (&self.id, self.process)
    }

    /// Cuts its power; its process has been killed when this returns.
    pub async fn stop(mut self) {
        self.task.abort();
        // A task that was aborted says so; there is nothing else to hear.
        let _ = (&mut self.task).await;
    }
}

impl Drop for EmulatedNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn settings(spec: &NodeSpec, site: &str, broker: SocketAddr, emulation: &Emulation) -> Result<String, EmulatedError> {
    let (id, port) = (&spec.id, broker.port());
    let (sample_ms, heartbeat_ms) = (emulation.sample_ms, emulation.heartbeat_ms);
    let host = match broker.ip() {
        IpAddr::V4(v4) if !v4.is_loopback() && !v4.is_unspecified() => IpAddr::V4(v4),
        IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unspecified() => return Err(EmulatedError::Broker(broker)),
        _ => HOST,
    };
    let plain = format!(
        "site={site} node={id} broker={host} port={port} room=yes warmup=5 sample_ms={sample_ms} heartbeat_ms={heartbeat_ms}"
    );
    match &emulation.enrolled {
        None => Ok(plain),
        Some(enrolled) => {
            let folder = files(&enrolled.folder.join("nodes").join(id))?;
            Ok(format!("{plain} gateway={} tls={folder}", enrolled.gateway))
        }
    }
}

/// The node's own folder, as it can be said to a board.
fn files(folder: &Path) -> Result<String, EmulatedError> {
    let fault = |why: String| EmulatedError::Certificates {
        folder: folder.to_owned(),
        why,
    };
    for file in ["site-ca.der", "node.der", "node.key.der"] {
        if !folder.join(file).is_file() {
            return Err(fault(format!("there is no {file}; `muster enroll node` makes it")));
        }
    }
    let whole = folder.canonicalize().map_err(|error| fault(error.to_string()))?;
    match whole.to_str() {
        Some(path) if path.len() <= LONGEST_PATH && !path.contains([' ', ',']) => Ok(path.to_owned()),
        _ => Err(fault(format!(
            "a board takes a path of at most {LONGEST_PATH} bytes without spaces or commas"
        ))),
    }
}

/// The room around one board.
struct Around {
    room: Room,
    story: Arc<dyn StoryTime>,
    place: usize,
}

impl Around {
    fn air(&self) -> Air {
        self.room.at(self.story.now_ms()).air[self.place]
    }

    /// Puts the air of this moment around the board.
    async fn put(&self, board: &mut Board) -> Result<Air, BoardError> {
        let air = self.air();
        board.around.change(|around| {
            around.temperature_c = air.temperature_c;
            around.voc_ppm = air.voc_ppm;
            around.hydrogen_ppm = air.hydrogen_ppm;
            around.line = contact(&air);
        });
        let own = air.temperature_c.clamp(*SENSOR_C.start(), *SENSOR_C.end());
        board.warm_to(own).await?;
        Ok(air)
    }

    /// Until the board burns; then it is held, silent, so that nobody is told that its connection has ended.
    async fn follow(self, mut board: Board, id: &str, tell: &Tell) -> Result<(), BoardError> {
        let (console, mut seen) = (board.console(), 0);
        let (mut turn, mut line) = (0, Wire::Rest);
        loop {
            let air = self.put(&mut board).await?;
            {
                let console = console.borrow();
                let (lines, by_now) = console.since(seen);
                lines.for_each(|line| tell(id, line));
                seen = by_now;
            }
            if !air.node_works() {
                board.burn().await?;
                tell(
                    id,
                    &format!("burnt at {:.0} °C: it says nothing more", air.temperature_c),
                );
                return std::future::pending().await;
            }
            if turn % TELL_EVERY == 0 || contact(&air) != line {
                line = contact(&air);
                tell(id, &in_words(&air));
            }
            turn = turn.wrapping_add(1);
            sleep(FOLLOW_EVERY).await;
        }
    }
}

/// Of the smoke detector at the supervised line.
fn contact(air: &Air) -> Wire {
    if air.smoke_per_m >= SMOKE_CLOSES_PER_M {
        Wire::Active
    } else {
        Wire::Rest
    }
}

fn in_words(air: &Air) -> String {
    let contact = match contact(air) {
        Wire::Active => "speaks",
        _ => "rests",
    };
    format!(
        "around it {:.1} °C, VOC {:.1} ppm, hydrogen {:.0} ppm, smoke {:.1} %/m: its contact {contact}",
        air.temperature_c, air.voc_ppm, air.hydrogen_ppm, air.smoke_per_m
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emulation(enrolled: Option<Enrolled>) -> Emulation {
        let this = std::env::current_exe().unwrap();
        Emulation {
            count: 1,
            image: Image::find(Some(&this)).unwrap(),
            enrolled,
            sample_ms: 1_000,
            heartbeat_ms: 3_000,
            tell: Arc::new(|_, _| ()),
        }
    }

    #[test]
    fn a_board_is_told_where_the_broker_is_as_it_sees_it() {
        let at = |broker: &str| settings(&NodeSpec::at_place(0), "s1", broker.parse().unwrap(), &emulation(None));
        for here in ["127.0.0.1:1883", "0.0.0.0:1883", "[::1]:1883"] {
            assert!(at(here).unwrap().contains("broker=10.0.2.2 port=1883"), "{here}");
        }
        assert!(at("192.0.2.7:8883").unwrap().contains("broker=192.0.2.7 port=8883"));
        assert!(matches!(at("[2001:db8::1]:1883"), Err(EmulatedError::Broker(_))));
    }

    #[test]
    fn certificates_that_a_board_cannot_have_are_named_before_it_starts() {
        let dir = tempfile::tempdir().unwrap();
        let nodes = dir.path().join("nodes/node-1");
        let says = |folder: &Path| {
            let folder = folder.to_owned();
            let enrolled = Some(Enrolled {
                folder,
                gateway: "muster.example".into(),
            });
            let broker = "127.0.0.1:8883".parse().unwrap();
            settings(&NodeSpec::at_place(0), "s1", broker, &emulation(enrolled))
        };
        let refused = says(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains("there is no site-ca.der; `muster enroll node`"),
            "{refused}"
        );
        std::fs::create_dir_all(&nodes).unwrap();
        for file in ["site-ca.der", "node.der", "node.key.der"] {
            std::fs::write(nodes.join(file), "x").unwrap();
        }
        let told = says(dir.path()).unwrap();
        assert!(told.contains("gateway=muster.example tls=/"), "{told}");
        let spaced = dir.path().join("with space");
        std::fs::create_dir_all(spaced.join("nodes")).unwrap();
        std::fs::rename(nodes, spaced.join("nodes/node-1")).unwrap();
        assert!(says(&spaced).unwrap_err().to_string().contains("without spaces"));
    }
}
