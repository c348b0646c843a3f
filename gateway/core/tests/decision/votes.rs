//! Three groups in one room: every state of each and every order in which it came, against a table written by hand from
//! design §5; and what the dying neighbour, the abort window, a bypass and planned work do by themselves.
mod bypasses;

use crate::stand::{ANN, BOB, EVE, MINUTE, SECOND, Stand, site, smoke, source};
use muster_core::{ChannelIx, EventKind, Input, Level, Millis, Record, Site, SourceIx, Target, Verb, Verdict, ZoneIx};
use muster_wire::Absence;

const HOUR: Millis = 60 * MINUTE;

/// One room with three groups, another with one node on the same broker, and a reserve in neither.
fn room() -> Site {
    let mut s = site();
    for zone in &mut s.zones {
        zone.adjacent.clear();
    }
    s.sources = ["n1", "n2", "n3", "far"]
        .iter()
        .map(|id| source(id, &["mqtt"]))
        .collect();
    s.channels = vec![
        smoke("a1", 0, 0, 0),
        smoke("a2", 0, 1, 1),
        smoke("a3", 0, 2, 2),
        smoke("c", 2, 3, 3),
    ];
    s.workloads.clear();
    s
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Nothing to say.
    Quiet,
    /// `watch`: fewer than two groups, or something bypassed.
    Watch,
    /// `prepare`, and no window.
    Prepare,
    /// `prepare`, and evacuation unless somebody aborts.
    Window,
    Evacuate,
}
use Does::{Evacuate as Go, Prepare as Prep, Quiet, Watch, Window};

/// What has come to groups, in order, 10 s apart (`A` alarms, `F` fails, `B` is bypassed for 8 h; the others are good): what
/// follows at once, four minutes later, and nine hours later. Written by hand:
/// - two alarms evacuate at once, whatever else;
/// - a failure within 60 s after an alarm opens the window, one before is trouble, and 180 s without an answer is go;
/// - a bypass that leaves fewer than two groups is refused, so nothing of it follows; one that stands is `watch`, and over
///   after 8 h;
/// - one alarm of two that are left prepares, and after 8 h without the third evacuates unless somebody aborts;
/// - one that is left alone never evacuates; none left is `watch`.
const TABLE: &[(&str, Does, Does, Does)] = &[
    ("", Quiet, Quiet, Quiet),
    ("A", Prep, Prep, Prep),
    ("F", Quiet, Quiet, Quiet),
    ("B", Watch, Watch, Quiet),
    ("AA", Go, Go, Go),
    ("AF", Window, Go, Go),
    ("AB", Prep, Prep, Prep),
    ("FA", Prep, Prep, Go),
    ("FF", Watch, Watch, Watch),
    ("FB", Quiet, Quiet, Quiet),
    ("BA", Prep, Prep, Prep),
    ("BF", Watch, Watch, Quiet),
    ("BB", Watch, Watch, Quiet),
    ("AAA", Go, Go, Go),
    ("AAF", Go, Go, Go),
    ("AAB", Go, Go, Go),
    ("AFA", Go, Go, Go),
    ("AFF", Window, Go, Go),
    ("AFB", Window, Go, Go),
    ("ABA", Go, Go, Go),
    ("ABF", Window, Go, Go),
    ("ABB", Prep, Prep, Prep),
    ("FAA", Go, Go, Go),
    ("FAF", Window, Go, Go),
    ("FAB", Prep, Prep, Go),
    ("FFA", Prep, Prep, Prep),
    ("FFF", Watch, Watch, Watch),
    ("FFB", Watch, Watch, Watch),
    ("FBA", Prep, Prep, Go),
    ("FBF", Watch, Watch, Watch),
    ("FBB", Quiet, Quiet, Quiet),
    ("BAA", Go, Go, Go),
    ("BAF", Window, Go, Go),
    ("BAB", Prep, Prep, Prep),
    ("BFA", Prep, Prep, Go),
    ("BFF", Watch, Watch, Watch),
    ("BFB", Watch, Watch, Quiet),
    ("BBA", Prep, Prep, Prep),
    ("BBF", Watch, Watch, Quiet),
    ("BBB", Watch, Watch, Quiet),
];

/// What every channel shows while time passes; none: it is not heard.
struct Room {
    stand: Stand,
    shows: [Option<i64>; 4],
}

impl Room {
    fn of(site: Site) -> Self {
        let mut room = Self {
            stand: Stand::new(site),
            shows: [Some(0); 4],
        };
        room.pass(20 * SECOND);
        room
    }

    fn new() -> Self {
        Self::of(room())
    }

    /// A sample of everything that is heard, every 2 s.
    fn pass(&mut self, ms: Millis) {
        let end = self.stand.now + ms;
        while self.stand.now < end {
            self.sample();
            self.stand.wait((2 * SECOND).min(end - self.stand.now));
        }
    }

    fn sample(&mut self) {
        for (channel, value) in (0u32..).zip(self.shows) {
            if let Some(value) = value {
                self.stand.read(channel, value);
            }
        }
    }

    fn alarm(&mut self, channel: usize) {
        self.shows[channel] = Some(20);
        self.sample();
        self.sample();
    }

    fn fail(&mut self, channel: usize) {
        self.shows[channel] = None;
        self.stand.sample(channel as u32, Err(Absence::Bus));
    }

    fn bypass(&mut self, target: Target, ms: Millis) -> Verdict {
        let until = (ms > 0).then(|| self.stand.now + ms);
        self.stand.input(&Input::Bypass {
            by: ANN,
            target,
            until,
            reason: "new rack".into(),
            nonce: 1,
        });
        self.stand
            .answers
            .last()
            .map_or(Verdict::Refused, |answer| answer.verdict)
    }

    fn does(&self) -> Does {
        let window = self
            .stand
            .view()
            .orders
            .iter()
            .any(|o| o.verb == "abort" && !o.waits && o.until.is_some());
        match self.stand.zone(0) {
            Level::Evacuate => Go,
            Level::Prepare if window => Window,
            Level::Prepare => Prep,
            Level::Watch => Watch,
            Level::Normal => Quiet,
        }
    }

    fn says(&self, what: &str) -> bool {
        self.stand.events.iter().any(|e| e.line.contains(what))
    }

    fn befalls(&mut self, what: char, channel: usize) {
        match what {
            'A' => self.alarm(channel),
            'F' => self.fail(channel),
            'B' => drop(self.bypass(Target::Channel(ChannelIx(channel as u32)), 8 * HOUR)),
            _ => {}
        }
    }
}

fn expected(order: &str) -> (Does, Does, Does) {
    let row = TABLE.iter().find(|row| row.0 == order);
    assert!(row.is_some(), "no row for {order:?}");
    row.map_or((Quiet, Quiet, Quiet), |row| (row.1, row.2, row.3))
}

fn orders() -> [[usize; 3]; 6] {
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
}

#[test]
fn every_state_of_three_groups_in_every_order() {
    let mut played = 0;
    for states in 0..64usize {
        let state = |group: usize| ['.', 'A', 'F', 'B'][states >> (2 * group) & 3];
        for order in orders() {
            let mut room = Room::new();
            let mut came = String::new();
            for group in order {
                if state(group) != '.' {
                    came.push(state(group));
                    room.befalls(state(group), group);
                    room.pass(10 * SECOND);
                }
            }
            let (at_once, soon, late) = expected(&came);
            assert_eq!(room.does(), at_once, "{came} of {order:?}, at once");
            room.pass(4 * MINUTE);
            assert_eq!(room.does(), soon, "{came} of {order:?}, four minutes later");
            room.pass(9 * HOUR);
            assert_eq!(
                room.does(),
                late,
                "{came} of {order:?}, nine hours later: {}",
                room.stand.state.why()
            );
            played += 1;
        }
    }
    assert_eq!(played, 64 * 6);
}

#[test]
fn the_window_ends_at_once_with_a_second_vote_and_at_180_s_without_an_answer() {
    let mut room = Room::new();
    room.alarm(0);
    room.pass(10 * SECOND);
    room.fail(1);
    let until = room.stand.view().orders[0].until.unwrap();
    assert_eq!(until, room.stand.now + 180 * SECOND);
    assert!(room.says("evacuation in 180 s unless one person aborts: a2 died 10.0 s after n1 alarmed beside it"));
    room.stand.wait(50 * SECOND);
    room.shows[1] = None;
    room.alarm(2);
    assert_eq!(room.does(), Go, "a second vote goes at once");

    let mut room = Room::new();
    room.alarm(0);
    room.fail(1);
    let end = room.stand.view().orders[0].until.unwrap();
    room.pass(end - room.stand.now - 1);
    assert_eq!(room.does(), Window);
    room.pass(1);
    assert_eq!(room.does(), Go, "no answer means go");
    assert!(
        room.stand.state.why().contains("nobody aborted within 180 s"),
        "{}",
        room.stand.state.why()
    );
    assert!(
        room.stand.votes().contains(&("a".into(), "n2".into(), true)),
        "it counts as a vote"
    );
}

#[test]
fn the_window_is_never_longer_than_the_slack() {
    let mut site = room();
    site.workloads.push(crate::stand::workload("db", 1, &[]));
    site.priors.loss_earliest_ms = 150 * SECOND;
    let mut short = Room::of(site);
    short.alarm(0);
    short.pass(10 * SECOND);
    short.fail(1);
    // 150 s, of which 10 have gone, less 100 s to move.
    assert_eq!(
        short.stand.view().orders[0].until.unwrap() - short.stand.now,
        40 * SECOND
    );
    short.pass(40 * SECOND);
    assert_eq!(short.does(), Go);
}

#[test]
fn one_person_with_the_role_aborts_the_window_and_what_was_seen_opens_it_no_more() {
    let mut room = Room::new();
    assert_eq!(room.stand.order(ANN, Verb::Abort), Verdict::Refused, "nothing to abort");
    room.alarm(0);
    room.fail(1);
    assert_eq!(room.stand.order(EVE, Verb::Abort), Verdict::Refused, "no role");
    assert_eq!(room.does(), Window);
    assert_eq!(room.stand.order(BOB, Verb::Abort), Verdict::Taken);
    let by_bob = |e: &muster_core::Entry| matches!(&e.record, Record::OrderTaken { verb: Verb::Abort, by, .. } if by[0] == "bob");
    assert!(room.stand.entries.iter().any(by_bob), "logged with a name");
    room.pass(HOUR);
    assert_eq!(room.does(), Prep, "{}", room.stand.state.why());
    room.alarm(2);
    assert_eq!(room.does(), Go, "a real second vote goes at once, aborted or not");
}

#[test]
fn the_window_survives_a_restart_and_what_is_heard_after_it_counts() {
    let after = |heard: [Option<i64>; 4]| {
        let mut room = Room::new();
        room.alarm(0);
        room.fail(1);
        let stand = room.stand.restart(u64::MAX);
        let mut next = Room { stand, shows: heard };
        next.pass(30 * SECOND);
        let before_its_end = next.does();
        next.pass(4 * MINUTE);
        (before_its_end, next.does())
    };
    assert_eq!(
        after([Some(20), None, Some(0), Some(0)]),
        (Window, Go),
        "still dead, and no answer"
    );
    assert_eq!(
        after([Some(20), Some(0), Some(0), Some(0)]).1,
        Prep,
        "it is heard again"
    );
    assert_eq!(after([None; 4]).1, Prep, "nobody is heard: nobody knows what died");
}

#[test]
fn who_was_heard_again_is_not_doubted_anew_after_a_restart() {
    let mut room = Room::new();
    room.alarm(0);
    room.fail(1);
    // Past the minute in which a death is judged: it has become a vote.
    room.pass(90 * SECOND);
    assert_eq!(room.does(), Window);
    room.shows[1] = Some(0);
    room.pass(5 * SECOND);
    assert_eq!(room.does(), Prep, "it is heard again");
    let stand = room.stand.restart(u64::MAX);
    let shows = [Some(20), None, Some(0), Some(0)];
    let mut next = Room { stand, shows };
    for _ in 0..30 {
        next.pass(10 * SECOND);
        assert_eq!(next.does(), Prep, "the restart opens what was closed");
    }
}

#[test]
fn the_window_of_one_of_two_survives_a_restart_as_well() {
    let after = |heard: [Option<i64>; 4]| {
        let mut room = Room::new();
        room.fail(2);
        room.pass(10 * SECOND);
        room.alarm(0);
        while room.does() != Window {
            room.pass(MINUTE);
        }
        let stand = room.stand.restart(u64::MAX);
        let mut next = Room { stand, shows: heard };
        next.pass(5 * SECOND);
        let at_once = next.does();
        next.pass(30 * SECOND);
        let soon = next.does();
        next.pass(4 * MINUTE);
        (at_once, soon, next.does())
    };
    let dead = after([Some(20), Some(0), None, Some(0)]);
    assert_eq!(dead, (Window, Window, Go), "still dead, and no answer");
    assert_eq!(
        after([Some(20), Some(0), Some(0), Some(0)]).2,
        Prep,
        "it is heard again"
    );
}

#[test]
fn whoever_speaks_again_within_the_window_was_not_burnt() {
    for heard in [true, false] {
        let mut room = Room::new();
        room.alarm(0);
        room.pass(40 * SECOND);
        room.fail(1);
        // Its vote is latched by now, a minute after the alarm.
        room.pass(60 * SECOND);
        assert_eq!((room.does(), room.stand.votes().len()), (Window, 2));
        room.shows[1] = heard.then_some(0);
        room.pass(4 * MINUTE);
        assert_eq!(room.does(), if heard { Prep } else { Go });
    }
}

#[test]
fn a_window_ends_with_its_reason() {
    let mut room = Room::new();
    room.fail(2);
    room.pass(10 * SECOND);
    room.alarm(0);
    while room.does() != Window {
        room.pass(MINUTE);
    }
    room.shows[2] = Some(0);
    room.pass(5 * MINUTE);
    assert_eq!(room.does(), Prep, "three groups can vote again");
}

#[test]
fn aborting_a_window_never_lifts_an_abort() {
    let mut room = Room::new();
    room.alarm(0);
    assert_eq!(room.stand.both(Verb::Evacuate), Verdict::Taken);
    assert_eq!(room.stand.both(Verb::Abort), Verdict::Taken);
    room.fail(1);
    assert_eq!(room.stand.order(ANN, Verb::Abort), Verdict::Taken);
    let orders = room.stand.view().orders;
    assert!(
        orders
            .iter()
            .any(|o| o.verb == "abort" && !o.waits && o.until.is_none()),
        "{orders:?}"
    );
}

#[test]
fn a_dead_switch_and_little_slack_do_not_evacuate() {
    let mut site = room();
    site.workloads.push(crate::stand::workload("db", 1, &[]));
    site.priors.loss_earliest_ms = 150 * SECOND;
    site.channels[3].supervision_ms = 120 * SECOND;
    let mut room = Room::of(site);
    room.alarm(0);
    room.pass(10 * SECOND);
    room.shows = [None; 4];
    room.pass(4 * MINUTE);
    assert_eq!(room.does(), Prep, "{}", room.stand.state.why());
}

#[test]
fn one_of_two_can_be_aborted_after_the_prior() {
    let mut site = room();
    site.workloads.push(crate::stand::workload("db", 1, &[]));
    let mut room = Room::of(site);
    room.fail(2);
    room.pass(10 * SECOND);
    room.alarm(0);
    let mut seen = false;
    while room.does() != Go {
        seen |= room.does() == Window;
        room.pass(MINUTE);
    }
    assert!(seen, "nobody could abort");
}

#[test]
fn a_reload_that_regroups_what_is_dying_casts_no_vote() {
    let mut room = Room::new();
    room.alarm(0);
    room.fail(1);
    let mut site = room.stand.file.clone();
    site.channels[1].group = site.channels[0].group;
    assert_eq!(room.stand.reload(site), Ok(()));
    room.pass(5 * MINUTE);
    assert_eq!(room.does(), Prep);
    room.alarm(2);
    assert_eq!(room.does(), Go, "the first vote is an alarm's still");
}

#[test]
fn a_vote_returns_though_it_was_between_its_limits_when_due() {
    let mut room = Room::new();
    room.alarm(0);
    room.shows[0] = Some(0);
    room.pass(29 * MINUTE);
    room.shows[0] = Some(9);
    room.pass(5 * MINUTE);
    room.shows[0] = Some(0);
    room.pass(40 * MINUTE);
    assert_eq!(room.stand.votes(), [("a".into(), "n1".into(), false)]);
}

#[test]
fn lost_alarming_outlives_a_restart() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.alarm(5);
    stand.sample(5, Err(Absence::Bus));
    let mut next = stand.restart(u64::MAX);
    next.keep(&[(0, 0)], 40 * MINUTE);
    assert_eq!(next.votes(), [("a".into(), "n1".into(), true)]);
}

/// What happens in a room, word by word: `A0` channel 0 alarms, `F1` fails, `S1` falls silent, `W1` is well, `N1` talks
/// nonsense, `L3` its source is gone, `B1` its source is bypassed, `own` the broker is in trouble; a number: seconds pass.
fn befall(room: &mut Room, script: &str) {
    for word in script.split(' ') {
        if let Ok(s) = word.parse::<Millis>() {
            room.pass(s * SECOND);
            continue;
        }
        let channel = word.as_bytes().get(1).map_or(0, |b| usize::from(b.wrapping_sub(b'0')));
        let source = SourceIx(channel as u16);
        match word.as_bytes()[0] {
            b'A' => room.alarm(channel),
            b'F' => room.fail(channel),
            b'S' => room.shows[channel] = None,
            b'W' => room.shows[channel] = Some(0),
            b'N' => room.shows[channel] = Some(500),
            b'B' => drop(room.bypass(Target::Source(source), HOUR)),
            b'L' => {
                let why = "gone".into();
                room.stand.input(&Input::Lost { source, why });
                room.shows[channel] = None;
            }
            _ => {
                let (part, trouble) = ("mqtt".into(), Some("no echo".into()));
                room.stand.input(&Input::Own { part, trouble });
            }
        }
    }
    room.pass(5 * MINUTE);
}

#[test]
fn what_dies_counts_only_beside_an_alarm_and_alone() {
    for (what, script, evacuates) in [
        ("59 s after", "A0 59 F1", true),
        ("61 s after", "A0 61 F1", false),
        ("it had come and gone", "F1 20 W1 1740 A0 30 F1", false),
        ("it had come and gone long before", "F1 20 W1 1860 A0 30 F1", true),
        ("before", "F1 1 A0", false),
        ("silent since before", "S1 5 A0", false),
        ("talks nonsense", "A0 N1 5", false),
        ("its own group's other channel", "A0 F0", false),
        ("another room", "A0 F3", false),
        ("is heard again", "A0 F1 W1", false),
        ("the broker is in trouble", "own A0 F1", false),
        ("something outside dies first", "A0 F3 5 F1", false),
        ("something outside dies 40 s later", "A0 F1 40 L3", false),
        ("nobody outside is heard since", "A0 1 F1 S3", false),
        ("it is bypassed", "B1 A0 F1", false),
    ] {
        let mut room = Room::new();
        befall(&mut room, script);
        assert_eq!(room.does() == Go, evacuates, "{what}: {}", room.stand.state.why());
    }
    let mut room = Room::new();
    befall(&mut room, "A0 F3 5 F1");
    assert!(
        room.says(
            "a2 died 5.0 s after n1 alarmed beside it, which is trouble and no vote: far outside the room died too"
        )
    );
}

#[test]
fn what_dies_on_another_way_than_the_room_counts() {
    let mut site = room();
    site.sources[3].over = vec!["bus-7".into()];
    let mut room = Room::of(site);
    room.alarm(0);
    room.fail(3);
    room.fail(1);
    room.pass(5 * MINUTE);
    assert_eq!(room.does(), Go, "far stands on a bus of its own");
}
