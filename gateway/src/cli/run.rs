//! `muster run`: the gateway of a site.

use std::path::PathBuf;
use std::process::ExitCode;

use muster_core::Event;

use super::{exit, printer::Printer};
use crate::config::{self, Config};
use crate::engine::Listener;
use crate::gateway::{Gateway, StartError};
use crate::lines;

/// Run the gateway of a site
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The site's config; see `muster check`
    config: PathBuf,
    /// One JSON object an event instead of one line
    #[arg(long)]
    json: bool,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::WARN);
    let config = match config::load(&args.config) {
        Ok((config, findings)) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            config
        }
        Err(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            return exit::USAGE.into();
        }
    };
    let printer = Printer::to_stdout();
    let gateway = match Gateway::start(&config, None, listener(printer.clone(), args.json)).await {
        Ok(gateway) => gateway,
        Err(error) => return refuse(&error),
    };
    greet(&config, &gateway, args.json);
    wait_for_signal().await;
    if !args.json {
        printer.line("stopping; votes and incidents are in the journal and go on after a start".into());
    }
    gateway.stop().await;
    printer.drain();
    ExitCode::SUCCESS
}

fn refuse(error: &StartError) -> ExitCode {
    eprintln!("muster: {}", lines::with_causes(error));
    match error {
        StartError::Http { .. } | StartError::Mqtt(_) | StartError::Journal { .. } => exit::USAGE.into(),
        StartError::Runner(_) | StartError::Notify(_) | StartError::Thread(_) => exit::BUG.into(),
    }
}

fn listener(printer: Printer, json: bool) -> Listener {
    Box::new(move |wall_ms: i64, event: &Event| {
        printer.line(if json {
            lines::event_json(wall_ms, event)
        } else {
            lines::event(wall_ms, event)
        });
    })
}

fn greet(config: &Config, gateway: &Gateway, json: bool) {
    let mqtt = gateway
        .mqtt
        .map_or_else(|| "off".to_owned(), |address| address.to_string());
    let armed = gateway.view.borrow().armed;
    if json {
        let line = serde_json::json!({
            "schema": 1, "started": config.site.id, "mqtt": mqtt, "http": gateway.http.to_string(),
            "armed": armed, "simulated": config.site.simulated,
        });
        println!("{line}");
        return;
    }
    println!(
        "muster watches {}: {} channels, {} workloads",
        config.site.id,
        config.site.channels.len(),
        config.site.workloads.len()
    );
    println!("  page and API  http://{}/", gateway.http);
    println!("  MQTT          {mqtt} (plain: all its nodes are one group)");
    if config.site.simulated {
        println!("  SIMULATION: believes simulated readings");
    }
    if !armed {
        println!("  DISARMED: hooks are called as drills only; `muster order arm` arms");
    }
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        // Without it ctrl-c still ends us, and the journal makes a hard end harmless.
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
