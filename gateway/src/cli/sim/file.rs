//! `muster sim FILE` with an incident file: its values through real protocols, in real time, against a running gateway.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_core::Millis;
use muster_sim::modbus::DeviceKind;
use muster_sim::{FitOut, Room, Scenario, SimSite, SiteSpec};

use super::{Devices, exit, fit_out};
use crate::cli::interrupted::interrupted;
use crate::clock::Clock;
use crate::demo::story::Story;
use crate::incident::{self, Incident, Stage};
use crate::lines;
use crate::replay::show::clock;

/// The story is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Plays a file to its end, or until it is interrupted.
pub(super) async fn run(path: &Path, args: &Devices) -> ExitCode {
    match play(path, args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            exit::USAGE.into()
        }
    }
}

async fn play(path: &Path, args: &Devices) -> Result<(), String> {
    let said = |found: Vec<crate::config::Finding>| {
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let incident = incident::load(path).map_err(said)?;
    let stages = incident.stages().map_err(said)?;
    let stage = choose(&stages, args.room.as_deref())?;
    if !stage.config.site.simulated {
        return Err(format!(
            "muster sim: {} is not simulated; only `[site] simulated = true` can be",
            stage.name
        ));
    }
    let begin = Clock::starting_at(0);
    begin.set_speed(args.speed);
    let story = Story::new(begin, incident.zero);
    let site = put_up(&incident, stage, args, story.clone()).await?;
    println!(
        "SIMULATION of {}: {}; T+0:00 in {} s; ctrl-c ends it",
        stage.config.site.id,
        incident.title,
        incident.zero / 1_000 / Millis::from(args.speed)
    );
    tokio::select! {
        () = tell(&incident, &story) => {}
        () = interrupted() => {}
    }
    site.stop().await;
    Ok(())
}

fn choose<'a>(stages: &'a [Stage], room: Option<&str>) -> Result<&'a Stage, String> {
    let found = match room {
        Some(name) => stages.iter().find(|s| s.name == name),
        None if stages.len() == 1 => stages.first(),
        None => None,
    };
    found.ok_or_else(|| {
        let names: Vec<_> = stages.iter().map(|s| s.name.as_str()).collect();
        format!("muster sim: which room? --room {}", names.join(" or --room "))
    })
}

async fn put_up(incident: &Incident, stage: &Stage, args: &Devices, story: Story) -> Result<SimSite, String> {
    let mut fit_out = fit_out(&stage.config)?;
    look_as_often(&mut fit_out, stage);
    let script = incident::script(stage, incident.zero, &fit_out)
        .map_err(|refused| format!("muster sim: {}", refused.join("\nmuster sim: ")))?;
    args.boards
        .suit(&stage.config)
        .map_err(|why| format!("muster sim: {why}"))?
        .iter()
        .for_each(|line| println!("{line}"));
    // Without nodes nobody publishes.
    let nowhere = (std::net::Ipv4Addr::LOCALHOST, 1).into();
    let spec = SiteSpec {
        seed: args.seed,
        scenario: Scenario::Quiet,
        emulation: args
            .boards
            .emulation(args.certificates.as_deref(), &story)
            .map_err(|why| format!("muster sim: {why}"))?,
        story: Arc::new(story),
        broker: stage.config.mqtt.listen().unwrap_or(nowhere),
        site_id: stage.config.site.id.clone(),
        fit_out,
    };
    let room = Room::scripted(script, args.seed);
    let site = SimSite::start_in(room, spec).await;
    site.map_err(|error| format!("muster sim: {}", lines::with_causes(&error)))
}

/// A battery monitor looks at its cells as often as the file says that it is heard.
fn look_as_often(fit_out: &mut FitOut, stage: &Stage) {
    for device in &mut fit_out.devices {
        let source = stage.config.polled.iter().find(|s| s.id == device.id);
        if let (Some(source), DeviceKind::BatteryMonitor { period_ms }) = (source, &mut device.kind) {
            *period_ms = u32::try_from(stage.every[source.source.at()]).unwrap_or(u32::MAX);
        }
    }
}

/// Says what is on record when its time comes.
async fn tell(incident: &Incident, story: &Story) {
    let mut facts = incident.facts.iter().peekable();
    loop {
        let now = story.of(story.clock().now());
        while let Some(fact) = facts.next_if(|fact| fact.at - incident.zero <= now) {
            println!("{}  {}: {}", clock(fact.at - incident.zero), fact.kind, fact.text);
        }
        if now >= incident.end - incident.zero {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
