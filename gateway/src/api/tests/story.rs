//! Views of one made-up site at four moments. `now` is engine time.

use muster_core::{
    IncidentView, IntervalView, Level, Millis, Mode, OrderView, Phase, RungKind, RunwayView, StepView, TroubleView,
    View, VoteView, WorkloadView, ZoneView,
};

const MINUTE: Millis = 60_000;

pub(crate) fn normal(now: Millis) -> View {
    View {
        site: "seoul-1".to_owned(),
        now,
        armed: true,
        simulated: false,
        level: Level::Normal,
        why: "all 3 zones normal; 9 of 9 groups healthy".to_owned(),
        zones: vec![
            zone("battery-b3", Level::Normal, "no vote, no limit passed", 4),
            zone("ups-b3", Level::Normal, "no vote, no limit passed", 3),
            zone("hall-1", Level::Normal, "no vote, no limit passed", 2),
        ],
        votes: vec![],
        troubles: vec![],
        runway: RunwayView::default(),
        racks: vec![],
        incident: None,
        hosts: vec![],
        drill: None,
        last_drill: None,
        unproven: vec![],
        orders: vec![],
        destinations: vec![],
        drifts: vec![],
        channels_good: 42,
        channels_total: 42,
    }
}

pub(crate) fn trouble(now: Millis) -> View {
    let mut view = normal(now);
    view.level = Level::Watch;
    view.why = "battery-b3: protection lost: 1 of 4 groups healthy, 2 needed for two votes".to_owned();
    view.zones[0] = zone("battery-b3", Level::Watch, "protection lost: 1 of 4 groups healthy", 4);
    view.zones[0].groups_healthy = 1;
    let line = |subject: &str, line: &str| TroubleView {
        subject: subject.to_owned(),
        since: now - 7 * MINUTE,
        line: line.to_owned(),
    };
    view.troubles = vec![
        line("node-b3-2", "not heard for 34 s, window 30 s; last will: offline"),
        line("bms-bus", "modbus: no answer within 300 ms, 14 polls in a row"),
        line("node-b3-1.voc", "<img src=x onerror=alert(1)> absent: crc"),
    ];
    view.channels_good = 29;
    view
}

pub(crate) fn prepare(now: Millis) -> View {
    let mut view = normal(now);
    view.armed = false;
    view.simulated = true;
    view.level = Level::Prepare;
    view.why = "battery-b3: one vote: node-b3-1: node-b3-1.voc 61.5 ppm ≥ alarm 50 ppm, 3 of 4 samples".to_owned();
    view.zones[0] = zone("battery-b3", Level::Prepare, "one vote: node-b3-1, held", 4);
    view.votes = vec![vote(
        now - 2 * MINUTE,
        "node-b3-1",
        true,
        "node-b3-1.voc 61.5 ppm ≥ alarm 50 ppm, 3 of 4 samples, age 1 s",
    )];
    view.runway = runway(now);
    view.incident = Some(incident(now, Mode::Drill, None));
    view.orders = vec![OrderView {
        verb: "evacuate".to_owned(),
        waits: true,
        by: Some("ann".to_owned()),
        at: None,
        until: Some(now + 4 * MINUTE),
        line: "evacuate by ann waits for a second person".to_owned(),
    }];
    view
}

pub(crate) fn evacuate(now: Millis) -> View {
    let mut view = prepare(now);
    view.armed = true;
    view.simulated = false;
    view.level = Level::Evacuate;
    view.why = "battery-b3: two votes count together: node-b3-1 and bms-bus, onsets 94 s apart".to_owned();
    view.zones[0] = zone(
        "battery-b3",
        Level::Evacuate,
        "two votes count together: node-b3-1, bms-bus",
        4,
    );
    view.votes.push(vote(
        now - 26_000,
        "bms-bus",
        true,
        "bms.battery_alarm 1 ≥ alarm 1, 2 of 2 samples, age 0 s",
    ));
    view.votes.push(vote(
        now - 9 * MINUTE,
        "panel",
        false,
        "panel.fire_alarm back at 0 for 30 min",
    ));
    view.orders = vec![];
    view.troubles = trouble(now).troubles[1..2].to_vec();
    view.incident = Some(incident(now, Mode::Live, Some(now - 25_000)));
    view
}

fn zone(id: &str, level: Level, why: &str, groups: u16) -> ZoneView {
    ZoneView {
        id: id.to_owned(),
        level,
        why: why.to_owned(),
        groups_healthy: groups,
        groups_total: groups,
    }
}

fn vote(onset: Millis, group: &str, held: bool, why: &str) -> VoteView {
    VoteView {
        zone: "battery-b3".to_owned(),
        group: group.to_owned(),
        held,
        onset,
        why: why.to_owned(),
    }
}

fn runway(now: Millis) -> RunwayView {
    let interval = |earliest, likely, why: &str| IntervalView {
        earliest: now + earliest * MINUTE,
        likely: now + likely * MINUTE,
        why: why.to_owned(),
    };
    RunwayView {
        loss: Some(interval(
            6,
            33,
            "hazard prior since the first vote: 8 min earliest (Pangyo 2022)",
        )),
        cut: Some(interval(88, 164, "hazard prior since the first vote: 90 min earliest")),
    }
}

fn incident(now: Millis, mode: Mode, evacuate_begun: Option<Millis>) -> IncidentView {
    let states = [
        "moved",
        "moved",
        "verifying",
        "moving",
        "moving",
        "waiting",
        "stopped",
        "stranded",
    ];
    let names = [
        "registry", "dns", "login", "messages", "payments", "search", "batch", "archive",
    ];
    let live = evacuate_begun.is_some();
    let workloads = names.iter().zip(states).zip([1_u8, 1, 1, 2, 2, 3, 3, 4]);
    IncidentView {
        id: "seoul-1-3".to_owned(),
        opened: now - 2 * MINUTE,
        closed: None,
        mode,
        why: "first vote: node-b3-1 in battery-b3".to_owned(),
        evacuate_begun,
        plan_end: Some(now + 4 * MINUTE),
        workloads: workloads
            .map(|((id, state), tier)| workload(id, tier, if live { state } else { "waiting" }, now))
            .collect(),
        steps: if live {
            live_steps(now)
        } else {
            vec![step(
                "messages.move.prepare.busan",
                "running",
                Mode::Drill,
                Some(40),
                now,
            )]
        },
    }
}

fn workload(id: &str, tier: u8, state: &str, now: Millis) -> WorkloadView {
    WorkloadView {
        id: id.to_owned(),
        tier,
        state: state.to_owned(),
        rung: if state == "stopped" {
            RungKind::Stop
        } else {
            RungKind::Move
        },
        destination: (state != "stopped").then(|| "daejeon".to_owned()),
        latest_start: (state == "waiting").then_some(now + 120_000),
        why: "move needs 4 min, fits 6 min of runway".to_owned(),
        safe_at: matches!(state, "moved" | "stopped").then_some(now - 5_000),
    }
}

fn live_steps(now: Millis) -> Vec<StepView> {
    let live = |id, state, percent| step(id, state, Mode::Live, percent, now);
    let mut steps = vec![
        live("registry.move.evacuate.busan", "done", Some(100)),
        live("dns.move.evacuate.busan", "done", None),
        live("login.move.verify.busan", "called", None),
        live("messages.move.evacuate.busan", "running", Some(62)),
        live("payments.move.evacuate.busan", "running", Some(11)),
        live("archive.move.evacuate.busan", "cannot", None),
    ];
    steps[4].stuck = true;
    steps[4].note = "waiting for replica lag 40 GB".to_owned();
    steps[4].attempts = 3;
    steps
}

fn step(id: &str, state: &str, mode: Mode, percent: Option<u8>, now: Millis) -> StepView {
    StepView {
        id: id.to_owned(),
        workload: id.split('.').next().unwrap_or_default().to_owned(),
        hook: "mover".to_owned(),
        phase: if id.contains("prepare") {
            Phase::Prepare
        } else {
            Phase::Evacuate
        },
        mode,
        state: state.to_owned(),
        attempts: 1,
        percent,
        begun: now - 24_000,
        ended: matches!(state, "done" | "cannot").then_some(now - 6_000),
        stuck: false,
        note: String::new(),
    }
}
