//! `muster run`: the gateway of a site.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_core::{Event, Hosts, View};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{exit, printer::Printer};
use crate::api::insecure_line;
use crate::config::{self, Config, MqttWay, NutFace, Severity};
use crate::engine::Listener;
use crate::gateway::{Gateway, StartError};
use crate::lines;
use crate::service::{self, Beat};
use crate::upsd::{CLIENTS_OF_ONE, UpsdError};

/// UPSes that are named at the start.
const UPSES_NAMED: usize = 5;

/// Run the gateway of a site
///
/// Prints one line an event, until SIGINT or SIGTERM; SIGHUP reads the config again, and a bad one is refused whole.
///
/// Exit 0: it was stopped. 64: the config, an address or the journal does not let it start. 70: our bug.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The site's config; see `muster check`
    config: PathBuf,
    /// One JSON object an event instead of one line
    #[arg(long)]
    json: bool,
}

/// Runs until SIGINT or SIGTERM; SIGHUP reads the config again.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::WARN);
    super::descriptors::raise_limit();
    // From here on none of them ends us by itself.
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("muster: no signals can be heard: {error}");
            return exit::BUG.into();
        }
    };
    let mut said = Said::default();
    let config = match said.load(&args.config) {
        Ok(config) => config,
        Err(why) => {
            eprintln!("muster: not started: {why}; mend them, from the top, and start again");
            return exit::USAGE.into();
        }
    };
    let printer = Printer::to_stdout();
    let listener = listener(printer.clone(), args.json);
    let mut gateway = match Gateway::start_watched(&config, None, listener, Beat::of_environment()).await {
        Ok(gateway) => gateway,
        Err(error) => return refuse(&error),
    };
    greet(&config, &gateway, args.json);
    drop(config);
    watch(&args, &mut gateway, &mut signals, (&mut said, &printer)).await;
    service::stopping();
    if !args.json {
        printer.line(stopping(&gateway.view.borrow()).into());
    }
    tokio::select! {
        () = gateway.stop() => {}
        () = signals.end() => {
            eprintln!("muster: stopped at once; what the journal had taken is safe");
            std::process::exit(0);
        }
    }
    printer.drain();
    ExitCode::SUCCESS
}

/// Votes go on after a start only where they could be written.
fn stopping(view: &View) -> &'static str {
    if view
        .troubles
        .iter()
        .any(|trouble| trouble.subject.starts_with("journal"))
    {
        "stopping; the journal is in trouble: what it could not take is lost, votes and incidents as well"
    } else {
        "stopping; votes and incidents are in the journal and go on after a start"
    }
}

/// Tells the service manager how we are, and reads the config again when asked, until the end is asked for.
async fn watch(args: &Args, gateway: &mut Gateway, signals: &mut Signals, (said, printer): (&mut Said, &Printer)) {
    let mut view = gateway.view.clone();
    let mut status = status_of(&view.borrow_and_update());
    service::ready(&status);
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => return,
                Asked::Reload => {
                    service::reloading();
                    tokio::select! {
                        () = reload(args, gateway, (said, printer)) => service::ready(&status),
                        () = signals.end() => return,
                    }
                }
            },
            changed = view.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = status_of(&view.borrow_and_update());
                if now != status {
                    status = now;
                    service::status(&status);
                }
            }
        }
    }
}

/// Level, and what is not as it should be, in one line.
fn status_of(view: &View) -> String {
    let mode = if view.armed { "armed" } else { "DISARMED" };
    let troubles = match view.troubles.len() {
        0 => String::new(),
        n => format!("; {n} in trouble"),
    };
    let incident = view.incident.as_ref().filter(|i| i.closed.is_none());
    let incident = incident.map_or_else(String::new, |i| format!("; incident {} is open", i.id));
    format!("{}: {}, {mode}{incident}{troubles}", view.site, view.level)
}

/// What has been said of the config: who reloads a config wants to read what is new about it, not everything once more.
#[derive(Default)]
struct Said(BTreeSet<String>);

impl Said {
    fn load(&mut self, path: &Path) -> Result<Config, String> {
        let (config, findings) = match config::load(path) {
            Ok((config, findings)) => (Some(config), findings),
            Err(findings) => (None, findings),
        };
        let (errors, warnings): (Vec<_>, Vec<_>) = findings.iter().partition(|f| f.severity == Severity::Error);
        errors.iter().for_each(|finding| eprintln!("{finding}"));
        let known = std::mem::take(&mut self.0);
        let new = warnings.iter().filter(|f| !known.contains(&f.what));
        new.for_each(|finding| eprintln!("{finding}"));
        let before = warnings.iter().filter(|f| known.contains(&f.what)).count();
        if before > 0 {
            let (file, before) = (path.display(), lines::many(before, "warning"));
            eprintln!("{file}: {before} as before; `muster check {file}` repeats them");
        }
        // A line may have moved; what is said is the same.
        self.0 = warnings.iter().map(|finding| finding.what.clone()).collect();
        config.ok_or_else(|| {
            format!(
                "`muster check {}` finds {}",
                path.display(),
                lines::many(errors.len(), "fault")
            )
        })
    }
}

/// A bad one is said on every screen until a good one comes.
async fn reload(args: &Args, gateway: &mut Gateway, (said, printer): (&mut Said, &Printer)) {
    let taken = match said.load(&args.config) {
        Ok(next) => gateway.reload(next).await.map_err(|error| lines::with_causes(&error)),
        Err(why) => Err(why),
    };
    match taken {
        Ok(changed) if changed.is_empty() || args.json => {}
        Ok(changed) => printer.line(format!(
            "config reloaded: changed beside the decision: {}",
            changed.join(", ")
        )),
        Err(why) => {
            eprintln!("muster: the new config was refused, the old one stays in force: {why}");
            gateway.refuse_config(&why).await;
        }
    }
}

/// What the process is asked by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The end is asked for.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}

/// What a signal asks for.
enum Asked {
    End,
    Reload,
}

fn refuse(error: &StartError) -> ExitCode {
    eprintln!("muster: not started: {}{}", lines::with_causes(error), to_start(error));
    match error {
        StartError::Http { .. } | StartError::Mqtt(_) | StartError::Upsd(_) | StartError::Journal { .. } => {
            exit::USAGE.into()
        }
        StartError::Runner(_) | StartError::Notify(_) | StartError::Thread(_) => exit::BUG.into(),
    }
}

/// What a person does about an address that is not to be had.
fn to_start(error: &StartError) -> String {
    let (key, address) = match error {
        StartError::Http { address, .. } => ("`listen` in [http]", Some(*address)),
        StartError::Mqtt(_) => ("`listen` in [mqtt]", None),
        StartError::Upsd(UpsdError::Listen { address, .. }) => ("`listen` in [nut]", Some(*address)),
        _ => return String::new(),
    };
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    let Some(kind) = causes
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
        .next()
    else {
        return String::new();
    };
    let port = address.map_or_else(String::new, |address| format!(" 'sport = :{}'", address.port()));
    match kind {
        ErrorKind::AddrInUse => {
            format!(". `ss -ltnp{port}` names who has it: another Muster? Stop that, or change {key}")
        }
        ErrorKind::AddrNotAvailable => format!(". `ip address` shows those that this machine has: change {key}"),
        ErrorKind::PermissionDenied => {
            format!(". Ports below 1024 are not for everybody: change {key}, or give the right CAP_NET_BIND_SERVICE")
        }
        _ => String::new(),
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
    let mqtt = match &config.mqtt.way {
        MqttWay::Connect(connect) => connect.to_string(),
        MqttWay::Off | MqttWay::Listen { .. } => gateway.mqtt.map_or_else(|| "off".to_owned(), |a| a.to_string()),
    };
    let armed = gateway.view.borrow().armed;
    if json {
        let line = serde_json::json!({
            "schema": 1, "started": config.site.id, "mqtt": mqtt, "http": gateway.http.to_string(),
            "nut": gateway.nut.map(|address| address.to_string()),
            "armed": armed, "simulated": config.site.simulated, "insecure": config.insecure(),
        });
        println!("{line}");
        return;
    }
    println!(
        "muster watches {}: {}, {}",
        config.site.id,
        lines::many(config.site.channels.len(), "channel"),
        lines::many(config.site.workloads.len(), "workload")
    );
    println!("  page and API  http://{}/", gateway.http);
    let groups = match config.mqtt.way {
        MqttWay::Off => "",
        _ if config.mqtt.proves_nodes() => " (TLS: each node by its certificate)",
        _ => " (all its nodes are one group)",
    };
    println!("  MQTT          {mqtt}{groups}");
    if let (Some(address), Some(face)) = (gateway.nut, &config.nut) {
        nut_lines(address, face, &config.site.power.hosts)
            .iter()
            .for_each(|line| println!("{line}"));
    }
    caution(config, gateway, armed);
}

/// What hosts ask, and what follows for them: who fits no more is not told to go.
fn nut_lines(address: SocketAddr, face: &NutFace, hosts: &[Hosts]) -> Vec<String> {
    let names: Vec<String> = hosts
        .iter()
        .map(|ups| match &ups.rack {
            Some(rack) => format!("{} (rack {rack})", ups.id),
            None => format!("{} (the whole site)", ups.id),
        })
        .collect();
    let named = lines::some_of(&names, UPSES_NAMED);
    let tls = if face.tls.is_some() { "STARTTLS" } else { "plain" };
    vec![
        format!("  NUT           {address} ({tls}), as a UPS that sends hosts off last: {named}"),
        format!("                at most {CLIENTS_OF_ONE} connections an address: hosts behind one NAT share them"),
    ]
}

/// What must be seen before anything is trusted.
fn caution(config: &Config, gateway: &Gateway, armed: bool) {
    config
        .insecure()
        .iter()
        .for_each(|part| println!("  INSECURE: {}", insecure_line(part)));
    if config.site.simulated {
        println!("  SIMULATION: believes simulated readings");
    }
    if !armed {
        let (here, view) = (gateway.here(), gateway.view.borrow().clone());
        println!("  DISARMED: hooks are called as drills only");
        if !view.unproven.is_empty() {
            println!("            walk every bridge first: `{}`", here.drill(&view.site));
        }
        println!("            to arm: `{}`", here.order("arm"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_to_be_had_says_what_to_do() {
        let http = |kind: ErrorKind| StartError::Http {
            address: ([127, 0, 0, 1], 8_620).into(),
            source: kind.into(),
        };
        let taken = to_start(&http(ErrorKind::AddrInUse));
        assert!(
            taken.contains("`ss -ltnp 'sport = :8620'`") && taken.contains("[http]"),
            "{taken}"
        );
        assert!(to_start(&http(ErrorKind::AddrNotAvailable)).contains("ip address"));
        assert!(to_start(&http(ErrorKind::PermissionDenied)).contains("1024"));
        assert_eq!(to_start(&http(ErrorKind::OutOfMemory)), "");
        let nut = UpsdError::Listen {
            address: ([127, 0, 0, 1], 3_493).into(),
            source: ErrorKind::AddrInUse.into(),
        };
        assert!(to_start(&StartError::Upsd(nut)).contains("[nut]"));
    }

    #[test]
    fn the_start_says_what_hosts_ask_and_how_many_an_address_may_be() {
        let face = NutFace {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            users: vec![],
        };
        let ups = |n: usize| Hosts {
            id: format!("ups-{n}"),
            rack: (n > 0).then(|| format!("r{n}")),
            last_ms: 1,
        };
        let lines = |n: usize| {
            nut_lines(
                ([10, 0, 0, 7], 3_493).into(),
                &face,
                &(0..n).map(ups).collect::<Vec<_>>(),
            )
        };
        let two = lines(2).join("\n");
        assert!(
            two.contains("10.0.0.7:3493 (plain)") && two.contains("ups-0 (the whole site), ups-1 (rack r1)"),
            "{two}"
        );
        assert!(two.contains("at most 16 connections an address"), "{two}");
        assert!(lines(9)[0].ends_with("ups-4 (rack r4) and 4 more"), "{:?}", lines(9));
    }
}
