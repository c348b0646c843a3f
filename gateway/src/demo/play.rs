//! Playing the story, from the quiet before it to the ordered cut.

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_sim::emulator::Image;
use muster_sim::receiver::signing_key;
use muster_sim::{FIRST_LOSS_S, StoryTime};

use super::destination::{Destination, DestinationError};
use super::ending;
use super::report::{Report, RoomReport};
use super::room::{self, Room, RoomError, Stage};
use super::screen::{FIRST_SIGN_WALL_MS, Screen};
use super::story::Story;
use crate::clock::{Clock, Stopwatch};

/// Quiet before the first sign, so that every device has been heard. Scenario seconds.
const QUIET_S: i64 = 30;
/// The fire service asks for the cut (16:40) and it is announced.
const CUT_ANNOUNCED_S: i64 = 81 * 60;
/// The building's supply is cut (16:52).
const CUT_S: i64 = 93 * 60;
/// How fast the story runs to the first loss.
const SPEED_TO_LOSS: u32 = 10;
/// And after it.
const SPEED_AFTER: u32 = 60;
/// How fast it runs until every emulated board has been heard.
const SPEED_TO_HEAR: u32 = 2;
/// Which has to be so within this; it is less than [`QUIET_S`] at that speed, so that nothing burns before.
const HEARD_WITHIN: Duration = Duration::from_secs(12);
/// The story is looked at this often in real time.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Key of the demo's hooks; published, so for simulations only.
const SECRET: &str = "whsec_bXVzdGVyLWRlbW8tc2VjcmV0LW5vdC1mb3ItcmVhbC1zaXRlcw==";
/// Tokens of the example configs' two operators; published, so for simulations only.
const OPERATORS: [&str; 2] = ["muster-example-token-anna", "muster-example-token-ben"];

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// Same seed, same story.
    pub seed: u64,
    /// The nodes are emulated boards with this image; without it they are simulated in this process.
    pub firmware: Option<Image>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Nowhere to put two small journals.
    #[error("cannot make a folder for the demo's journals at {folder}")]
    Folder {
        /// Where.
        folder: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The place workloads move to.
    #[error("no destination")]
    Destination(#[source] DestinationError),
    /// One of the rooms.
    #[error("a room could not be set up")]
    Room(#[source] RoomError),
    /// The announced cut could not be ordered.
    #[error("the cut could not be announced")]
    Order(#[source] reqwest::Error),
    /// An emulated board, or another device, was not heard.
    #[error("not everything was heard before the story began: {0}")]
    Unheard(String),
    /// Our own constant is no key.
    #[error("the demo's own key is malformed")]
    Key,
}

/// Plays the whole story; about two and a half minutes.
///
/// # Errors
/// Something the demo is made of did not start.
pub async fn play(options: &Options) -> Result<Report, DemoError> {
    let folder = std::env::temp_dir().join(format!("muster-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|source| DemoError::Folder {
        folder: folder.clone(),
        source,
    })?;
    let folder = Removed(folder);
    play_in(&folder.0, options).await
}

/// A folder that goes with this, however the story ends.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // What stays behind is two small files in the system's folder for such.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn play_in(folder: &Path, options: &Options) -> Result<Report, DemoError> {
    let began = Stopwatch::start();
    let screen = Screen::new();
    let destination = Destination::start(options.seed, SECRET)
        .await
        .map_err(DemoError::Destination)?;
    let key = signing_key(SECRET).ok_or(DemoError::Key)?;
    let story = story(options.firmware.is_some());
    let stage = Stage {
        story: story.clone(),
        seed: options.seed,
        destination: destination.address,
        secret: &key,
        folder,
        screen: screen.clone(),
        emulation: options.firmware.clone().map(room::emulation),
    };
    let rooms = rooms(&stage).await?;
    open(&screen, &rooms, options.firmware.is_some());
    for room in rooms.iter().filter(|_| options.firmware.is_some()) {
        room.all_heard(HEARD_WITHIN).await.map_err(DemoError::Unheard)?;
    }
    story.clock().set_speed(SPEED_TO_LOSS);
    tell(&screen, &story, &rooms).await?;

    let reports = rooms
        .iter()
        .map(|room| RoomReport::of(room, |engine| story.of(engine)))
        .collect();
    let doubled = destination.doubled().await.map_err(DemoError::Destination)?;
    let report = sum_up(options.seed, reports, doubled, began);
    for room in rooms {
        room.stop().await;
    }
    ending::show(&screen, &report);
    screen.drain();
    Ok(report)
}

async fn rooms(stage: &Stage<'_>) -> Result<Vec<Room>, DemoError> {
    let mut rooms = Vec::new();
    for plan in room::both() {
        rooms.push(Room::start(plan, stage).await.map_err(DemoError::Room)?);
    }
    Ok(rooms)
}

/// The quiet before the first sign. Boards take their time to start, and their sensors to warm up.
fn story(firmware: bool) -> Story {
    let clock = Clock::starting_at(0);
    clock.set_speed(if firmware { SPEED_TO_HEAR } else { SPEED_TO_LOSS });
    clock.set_story_wall(FIRST_SIGN_WALL_MS - QUIET_S * 1_000);
    Story::new(clock, QUIET_S * 1_000)
}

fn open(screen: &Screen, rooms: &[Room], firmware: bool) {
    screen.heading(
        "SIMULATION: the battery room of Pangyo, 15 October 2022, 15:19. Nothing here is real but the protocols:",
    );
    let nodes = if firmware {
        "emulated boards run the nodes' firmware and publish MQTT over TCP"
    } else {
        "simulated nodes publish MQTT over TCP"
    };
    screen.say(format!(
        "{nodes}, simulated devices answer Modbus TCP, webhooks reach another process."
    ));
    screen.say(format!("The clock runs ×{SPEED_TO_LOSS} until the first loss (T+8:00), then ×{SPEED_AFTER} to the ordered cut (T+93:00)."));
    for room in rooms {
        screen.say(format!(
            "  {:<12} page at http://{}/ while it plays",
            room.name,
            room.http()
        ));
    }
    screen.say("");
}

async fn tell(screen: &Screen, story: &Story, rooms: &[Room]) -> Result<(), DemoError> {
    let (mut minute, mut announced) = (i64::MIN, false);
    loop {
        let now_s = story.now_ms().div_euclid(1_000);
        // Every minute while it runs slowly, every ten after.
        let stride = if now_s < FIRST_LOSS_S { 60 } else { 600 };
        if now_s.div_euclid(stride) > minute || (now_s >= FIRST_LOSS_S && story.speed() == SPEED_TO_LOSS) {
            minute = now_s.div_euclid(stride);
            screen.minute(story, rooms);
        }
        if now_s >= FIRST_LOSS_S && story.speed() == SPEED_TO_LOSS {
            screen.heading("In 2022 the first services failed now (15:27). From here the clock runs faster.");
            story.clock().set_speed(SPEED_AFTER);
            minute = now_s.div_euclid(600);
        }
        if now_s >= CUT_ANNOUNCED_S && !announced {
            announced = true;
            screen.heading("The fire service needs water; both operators announce the cut of 16:52.");
            announce_cut(rooms).await?;
        }
        if now_s >= CUT_S {
            screen.minute(story, rooms);
            screen.heading("16:52: the building's supply is cut.");
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// As people do it: two of them, through the API.
async fn announce_cut(rooms: &[Room]) -> Result<(), DemoError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .map_err(DemoError::Order)?;
    let order = serde_json::json!({ "verb": "cut", "at": "2022-10-15T16:52:00+09:00" });
    for room in rooms {
        for token in OPERATORS {
            let url = format!("http://{}/api/v1/orders", room.http());
            // One is enough where a vote is held; the second then confirms what stands.
            client
                .post(url)
                .bearer_auth(token)
                .json(&order)
                .send()
                .await
                .map_err(DemoError::Order)?;
        }
    }
    Ok(())
}

fn sum_up(seed: u64, rooms: Vec<RoomReport>, effects_doubled: u64, began: Stopwatch) -> Report {
    let best = rooms.last();
    Report {
        schema: 1,
        simulation: true,
        seed,
        lead_s: best.and_then(|r| r.lead_s),
        second_vote_to_first_evacuate_hook_ms: best.and_then(|r| r.second_vote_to_first_evacuate_hook_ms),
        workloads_total: best.map_or(0, |r| r.workloads_total),
        workloads_moved: best.map_or(0, |r| r.workloads_moved),
        effects_doubled,
        wall_s: began.elapsed().as_secs_f64(),
        rooms,
    }
}
