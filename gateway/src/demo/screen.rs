//! What the demo shows while it plays.

use muster_core::{Event, EventKind, Level};

use super::room::Room;
use super::story::Story;
use crate::cli::printer::Printer;

/// 15:19 of 15 October 2022 in Korea, Unix milliseconds: the first sign.
pub(super) const FIRST_SIGN_WALL_MS: i64 = 1_665_814_740_000;

/// Korea is nine hours ahead of UTC, without summer time. Milliseconds.
const KOREA_MS: i64 = 9 * 3_600_000;

/// Prints the story. Clone freely.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    printer: Printer,
    colour: bool,
}

impl Screen {
    /// To stdout; in colour on a terminal that did not ask for none.
    #[must_use]
    pub(super) fn new() -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        Self {
            printer: Printer::to_stdout(),
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Any line.
    pub(super) fn say(&self, line: impl Into<String>) {
        self.printer.line(line.into());
    }

    /// An event of a room, if it is one that moves the story.
    pub(super) fn event(&self, room: &str, site: &str, story_ms: i64, event: &Event) {
        if !worth_showing(event, site) {
            return;
        }
        let (what, line) = match event.kind {
            EventKind::Workload => ("SAFE", format!("{}: {}", event.subject, event.line)),
            // The reason was told by the vote just above.
            EventKind::Level => ("LEVEL", event.line.split(": ").next().unwrap_or_default().to_owned()),
            EventKind::Vote => ("VOTE", format!("{}: {}", event.subject, event.line)),
            EventKind::Order => ("ORDER", event.line.clone()),
            EventKind::Trouble => ("trouble", event.line.clone()),
            _ => (event.kind.as_str(), format!("{}: {}", event.subject, event.line)),
        };
        let line = format!("{}  {room:<11}  {what:<7}  {}", stamp(story_ms), shorten(&line));
        self.say(self.painted(colour_of(event), &line));
    }

    /// How both rooms stand, once a minute of the story.
    pub(super) fn minute(&self, story: &Story, rooms: &[Room]) {
        let now_ms = muster_sim::StoryTime::now_ms(story);
        let stand = rooms.iter().map(stand).collect::<Vec<_>>().join("   |   ");
        let line = format!(
            "{}  ---- SIMULATION ×{} ----  {stand}",
            stamp(now_ms),
            story.clock().speed()
        );
        self.say(self.painted("2", &line));
    }

    /// Waits until everything is on the screen.
    pub(super) fn drain(&self) {
        self.printer.drain();
    }

    /// A heading.
    pub(super) fn heading(&self, text: &str) {
        self.say(self.painted("1", text));
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// `15:19:42  T+0:42`
#[must_use]
pub(super) fn stamp(story_ms: i64) -> String {
    let day_s = (FIRST_SIGN_WALL_MS + KOREA_MS + story_ms)
        .div_euclid(1_000)
        .rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}  {:<8}",
        day_s / 3_600,
        day_s / 60 % 60,
        day_s % 60,
        since(story_ms)
    )
}

/// `T+7:05`, minutes and seconds since the first sign.
#[must_use]
pub(super) fn since(story_ms: i64) -> String {
    let (sign, s) = if story_ms < 0 {
        ('-', -story_ms / 1_000)
    } else {
        ('+', story_ms / 1_000)
    };
    format!("T{sign}{}:{:02}", s / 60, s % 60)
}

fn worth_showing(event: &Event, site: &str) -> bool {
    match event.kind {
        EventKind::Vote | EventKind::Workload | EventKind::Order | EventKind::Trouble => true,
        EventKind::Level => event.subject == site,
        EventKind::Step => event.line.contains("no longer fits"),
        _ => false,
    }
}

fn shorten(line: &str) -> String {
    const LONGEST: usize = 170;
    if line.chars().count() <= LONGEST {
        line.to_owned()
    } else {
        line.chars().take(LONGEST).chain(['…']).collect()
    }
}

fn colour_of(event: &Event) -> &'static str {
    match (event.kind, event.level) {
        (EventKind::Workload, _) => "32",
        (EventKind::Trouble, _) => "33",
        (EventKind::Order, _) => "36",
        (_, Level::Evacuate) => "1;31",
        (_, Level::Prepare) => "35",
        _ => "0",
    }
}

fn stand(room: &Room) -> String {
    let view = room.view();
    let workloads = view.incident.as_ref().map_or(&[][..], |i| &i.workloads);
    let safe = workloads.iter().filter(|w| w.safe_at.is_some()).count();
    format!(
        "{}: {}, {safe} of {} safe",
        room.name,
        view.level,
        room.config.site.workloads.len()
    )
}
