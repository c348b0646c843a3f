use std::path::Path;

use super::super::tests::story;
use super::*;

#[test]
fn headlines_say_simulation_and_disarmed() {
    assert_eq!(
        headline(&story::prepare(0), 10, &["mqtt"]),
        [
            "SIMULATION ×10",
            "DISARMED: hooks are drills only",
            "INSECURE: MQTT without TLS; whoever is on its network can speak for every node"
        ]
    );
    assert!(headline(&story::normal(0), 1, &[]).is_empty());
}

/// At the usual place; a view whose time is the clock's.
fn next(story: fn(i64) -> View) -> Vec<String> {
    let (clock, here) = place();
    super::next(&story(clock.now()), &clock, &here)
}

fn place() -> (Clock, Here) {
    let here = Here::new(([127, 0, 0, 1], 8620).into(), None, Path::new("/var/lib/muster.db"));
    (Clock::starting_at(1_000_000_000), here)
}

#[test]
fn every_level_has_a_next_act() {
    assert_eq!(next(story::normal), ["Nothing. Muster is listening."]);
    assert!(next(story::trouble).iter().any(|line| line.contains("Repair")));
    let lines = next(story::prepare).join("\n");
    assert!(
        lines.contains("`muster order evacuate --token-file YOUR.tok` needs two persons"),
        "{lines}"
    );
    let lines = next(story::evacuate).join("\n");
    assert!(
        lines.contains("BY HAND") && lines.contains("stuck") && lines.contains("abort"),
        "{lines}"
    );
}

/// At every level, and before an order that waits: who reads only the first line must not believe that things move.
#[test]
fn that_nothing_would_be_moved_is_said_first() {
    let stories: [fn(i64) -> View; 4] = [story::normal, story::trouble, story::prepare, story::evacuate];
    for story in stories {
        let (clock, here) = place();
        let mut view = story(clock.now());
        view.armed = false;
        let lines = super::next(&view, &clock, &here);
        assert!(lines[0].starts_with("NOTHING"), "{}: {lines:?}", view.level);
        assert!(
            lines[0].contains("`muster order arm --token-file YOUR.tok`"),
            "{lines:?}"
        );
        view.armed = true;
        let lines = super::next(&view, &clock, &here).join("\n");
        assert!(!lines.contains("NOTHING"), "{lines}");
    }
}

/// Nobody should have to know of it: until every workload has passed one, the next act is a drill.
#[test]
fn a_disarmed_site_is_drilled_before_it_is_armed() {
    let (clock, _) = place();
    let here = Here::new(([10, 0, 0, 7], 80).into(), None, Path::new("/var/lib/muster.db"));
    let mut view = story::normal(clock.now());
    view.armed = false;
    let lines = |view: &View| super::next(view, &clock, &here).join("\n");
    assert!(!lines(&view).contains("muster drill"), "all are proven");
    view.unproven = vec!["db".to_owned()];
    let text = lines(&view);
    let command = text.split('`').find(|part| part.starts_with("muster drill")).unwrap();
    let site = &view.site;
    assert_eq!(
        command,
        format!("muster drill --site {site} --url http://10.0.0.7:80 --token-file YOUR.tok")
    );
    crate::cli::tests::parses(command);
    view.level = Level::Prepare;
    assert!(!lines(&view).contains("muster drill"), "no drill begins then");
}

#[test]
fn the_second_person_is_told_the_very_command_and_until_when() {
    let lines = next(story::prepare);
    let order = lines.iter().find(|line| line.starts_with("Order: ")).unwrap();
    assert!(
        order.contains("evacuate, by ann, waits for a second person until "),
        "{order}"
    );
    assert!(
        order.contains("`muster order evacuate --token-file YOUR.tok`"),
        "{order}"
    );
}

#[test]
fn whoever_agrees_to_an_evacuation_is_told_that_hosts_go_down() {
    let (clock, here) = place();
    let mut view = story::prepare(clock.now());
    let lines = |view: &View| super::next(view, &clock, &here).join("\n");
    view.armed = true;
    assert!(!lines(&view).contains("HOSTS"), "nobody asks us as a UPS");
    view.hosts = vec![muster_core::HostsView {
        id: "rack-1".to_owned(),
        rack: None,
        since: None,
        why: String::new(),
        last_ms: 120_000,
    }];
    assert!(
        lines(&view).contains("HOSTS WILL BE SHUT DOWN through NUT, last of all"),
        "{}",
        lines(&view)
    );
    view.level = Level::Normal;
    assert!(lines(&view).contains("HOSTS"), "an order to evacuate waits");
    view.orders.clear();
    assert!(!lines(&view).contains("HOSTS"));
    view.level = Level::Prepare;
    assert!(
        lines(&view).contains("In an evacuation HOSTS THAT LOSE THEIR POWER"),
        "{}",
        lines(&view)
    );
}

#[test]
fn an_abort_window_says_until_when_and_what_closes_it() {
    let (clock, here) = place();
    let mut view = story::prepare(clock.now());
    let order = &mut view.orders[0];
    (order.verb, order.waits, order.until) = ("abort".to_owned(), false, Some(clock.now() + 180_000));
    let lines = super::next(&view, &clock, &here).join("\n");
    assert!(
        lines.contains("ABORT WINDOW until ") && lines.contains("No answer means go"),
        "{lines}"
    );
    assert!(
        lines.contains("`muster order abort --token-file YOUR.tok`, one person"),
        "{lines}"
    );
}

/// What the second person is told to type means the same second as what the first one gave.
#[test]
fn an_announced_cut_is_told_as_an_instant() {
    let (clock, here) = place();
    let mut view = story::prepare(clock.now());
    let wall_ms = clock.wall_ms() / 60_000 * 60_000 + 3_600_000;
    view.orders[0].verb = "cut".to_owned();
    view.orders[0].at = Some(clock.engine_of(wall_ms));
    let lines = super::next(&view, &clock, &here).join("\n");
    let instant = wall::rfc3339(wall_ms).unwrap();
    assert!(
        lines.contains(&format!("`muster order cut --at {instant} --token-file YOUR.tok`")),
        "{lines}"
    );
    assert!(
        lines.contains(&format!("Order: cut at {}", wall::spoken(wall_ms, clock.wall_ms()))),
        "{lines}"
    );
    view.orders[0].waits = false;
    view.orders[0].until = None;
    let lines = super::next(&view, &clock, &here).join("\n");
    let said = format!(
        "the power will be cut at {}, as announced.",
        wall::spoken(wall_ms, clock.wall_ms())
    );
    assert!(lines.contains(&said), "{lines}");
}

/// The real parser takes every command that is printed, wherever the gateway is and whatever waits.
#[test]
fn every_printed_command_runs_as_printed() {
    let (clock, _) = place();
    let places = [
        Here::new(([127, 0, 0, 1], 8620).into(), None, Path::new("/var/lib/muster.db")),
        Here::new(
            ([0, 0, 0, 0], 9).into(),
            Some("https://muster.example"),
            Path::new("a b/it's.db"),
        ),
    ];
    let stories: [fn(i64) -> View; 4] = [story::normal, story::trouble, story::prepare, story::evacuate];
    let verbs = ["evacuate", "abort", "cut", "disarm", "reset"];
    let mut seen = std::collections::BTreeSet::new();
    for (here, story) in places.iter().flat_map(|here| stories.map(|story| (here, story))) {
        for (verb, armed, returned) in verbs.iter().flat_map(|v| [(v, true, false), (v, false, true)]) {
            let mut view = story(clock.now());
            view.armed = armed;
            view.votes.iter_mut().for_each(|vote| vote.held &= !returned);
            for order in &mut view.orders {
                order.verb = (*verb).to_owned();
                order.at = (*verb == "cut").then_some(clock.now() + 600_000);
            }
            let lines = super::next(&view, &clock, here).join("\n");
            let commands = lines.split('`').skip(1).step_by(2).map(str::to_owned);
            seen.extend(commands.chain([here.journal("--events")]));
        }
    }
    for command in &seen {
        crate::cli::tests::parses(command);
    }
    for verb in ["arm", "evacuate", "cut", "hold", "abort", "reset", "disarm"] {
        assert!(
            seen.iter().any(|c| c.starts_with(&format!("muster order {verb}"))),
            "{verb}"
        );
    }
}

#[test]
fn all_safe_is_said_only_when_live_and_true() {
    let (clock, here) = place();
    let mut view = story::evacuate(clock.now());
    if let Some(incident) = &mut view.incident {
        for workload in &mut incident.workloads {
            workload.safe_at = Some(1);
        }
    }
    assert!(
        super::next(&view, &clock, &here)
            .join(" ")
            .contains("Every workload is safe")
    );
    if let Some(incident) = &mut view.incident {
        incident.mode = Mode::Drill;
    }
    assert!(
        !super::next(&view, &clock, &here)
            .join(" ")
            .contains("Every workload is safe")
    );
}

#[test]
fn a_hook_that_is_never_reached_is_done_by_hand() {
    let (clock, here) = place();
    let mut view = story::evacuate(clock.now());
    let lines = |view: &View| super::next(view, &clock, &here).join("\n");
    assert!(!lines(&view).contains("do not wait"));
    for step in &mut view.incident.as_mut().unwrap().steps {
        (step.state, step.attempts) = ("retry".to_owned(), 3);
        step.note = "connection refused".to_owned();
    }
    let said = lines(&view);
    assert!(
        said.contains(
            "BY HAND, do not wait: the hook that moves archive, dns, login, messages, payments and 1 more does not"
        ),
        "{said}"
    );
    assert!(
        said.contains("(3 attempts at registry.move.evacuate.busan, the last: connection refused)"),
        "{said}"
    );
    for step in &mut view.incident.as_mut().unwrap().steps {
        step.mode = Mode::Drill;
    }
    let said = lines(&view);
    assert!(
        said.contains("in an evacuation it would be needed") && !said.contains("do not wait"),
        "{said}"
    );
}

#[test]
fn long_lists_are_cut() {
    assert_eq!(
        join(["a", "b", "c", "d", "e", "f", "g"].into_iter()).as_deref(),
        Some("a, b, c, d, e and 2 more")
    );
    assert_eq!(join([].into_iter()), None);
}
