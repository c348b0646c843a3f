//! `muster sim`: the simulated devices of a site, or a simulated destination.

mod boards;
mod file;
mod recorded;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_sim::modbus::DeviceKind;
use muster_sim::nodes::{Identity, NodeSpec};
use muster_sim::receiver::{self, ReceiverOptions, signing_key};
use muster_sim::{DeviceSpec, FitOut, Scenario, SimSite, SiteSpec, UpsPlace};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::exit;
use super::interrupted::interrupted;
use crate::clock::Clock;
use crate::config::{self, Config, MqttWay};
use crate::demo::story::Story;
use crate::lines;

/// Run the simulated devices of a site, or a simulated destination
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    devices: Devices,
}

#[derive(Debug, clap::Args)]
struct Devices {
    /// Config of the site whose nodes and devices are to be simulated, which must say `simulated = true`; or an incident
    /// file (see `muster replay --help`)
    config: Option<PathBuf>,
    /// Of an incident file with more than one room: which
    #[arg(long)]
    room: Option<String>,
    /// Of an incident file: how many times faster than real time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    speed: u32,
    /// What happens: `pangyo-2022`, `quiet`, a fire that the seed draws (`fire`, or of one kind: `fire-slow`), or air that is none
    /// (`dust`, `steam`); a wrong word lists them all
    #[arg(long, default_value = "pangyo-2022", value_parser = scenario)]
    scenario: Scenario,
    /// Same seed, same story
    #[arg(long, default_value_t = 2022)]
    seed: u64,
    /// Folder of `muster enroll`, for a site whose nodes prove who they are
    #[arg(long, value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// Seconds before the first sign
    #[arg(long, default_value_t = 30)]
    quiet_first_s: u32,
    /// End after this many real seconds
    #[arg(long, value_name = "SECONDS")]
    for_s: Option<u32>,
    #[command(flatten)]
    boards: boards::Boards,
    #[command(flatten)]
    recording: recorded::Recording,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A destination that takes webhooks, takes its time, and reports back
    ///
    /// It checks signatures with the key in MUSTER_RECEIVER_SECRET (whsec_…), and takes every message without one.
    Receiver(Receiver),
}

#[derive(Debug, clap::Args)]
struct Receiver {
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// Draws how long each workload takes
    #[arg(long, default_value_t = 2022)]
    seed: u64,
    /// End when standard input ends: it then never outlives who started it
    #[arg(long)]
    until_eof: bool,
}

fn scenario(word: &str) -> Result<Scenario, String> {
    word.parse::<Scenario>().map_err(|error| error.to_string())
}

/// Bound of looking up the broker's name.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// Environment variable with the key that a simulated destination checks signatures with, `whsec_…`.
pub const RECEIVER_SECRET: &str = "MUSTER_RECEIVER_SECRET";

/// Runs until it is interrupted.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::WARN);
    match (args.what, args.devices.config.clone()) {
        (Some(What::Receiver(receiver)), _) => serve(receiver).await,
        (None, Some(path)) if path.extension().is_none_or(|e| e != "toml") => file::run(&path, &args.devices).await,
        (None, Some(path)) => devices(&path, args.devices).await,
        (None, None) if args.devices.recording.capture.is_some() => {
            let recording = args.devices.recording;
            recorded::run(recording.capture.as_deref().unwrap_or(Path::new("")), &recording).await
        }
        (None, None) if args.devices.boards.wanted() => boards::alone(&args.devices).await,
        (None, None) => {
            eprintln!("muster sim: which site? e.g. `muster sim gateway/examples/pangyo-recommended.toml`");
            exit::USAGE.into()
        }
    }
}

async fn serve(args: Receiver) -> ExitCode {
    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("muster sim receiver: cannot listen on {}: {error}", args.listen);
            return exit::USAGE.into();
        }
    };
    let address = listener.local_addr().unwrap_or(args.listen);
    println!("receiver listening on http://{address}/");
    let secret = match receiver_key() {
        Ok(key) => key,
        Err(why) => {
            eprintln!("muster sim receiver: {why}");
            return exit::USAGE.into();
        }
    };
    let options = ReceiverOptions {
        seed: args.seed,
        secret,
        ..ReceiverOptions::default()
    };
    let served = tokio::select! {
        served = receiver::serve(listener, options) => served,
        () = ended(args.until_eof) => Ok(()),
    };
    served.map_or_else(
        |error| {
            eprintln!("muster sim receiver: {}", lines::with_causes(&error));
            exit::BUG.into()
        },
        |()| ExitCode::SUCCESS,
    )
}

/// The key to check signatures with; none if the variable is empty or unset. One that is no key must not mean none.
fn receiver_key() -> Result<Option<Vec<u8>>, String> {
    match std::env::var(RECEIVER_SECRET).unwrap_or_default() {
        text if text.is_empty() => Ok(None),
        text => match signing_key(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(format!(
                "{RECEIVER_SECRET} is no key; expected whsec_ and base64 of 24 to 64 bytes"
            )),
        },
    }
}

/// Resolves on ctrl-c, or on the end of standard input if that counts.
async fn ended(until_eof: bool) {
    let mut byte = [0u8; 64];
    let eof = async {
        while until_eof && tokio::io::stdin().read(&mut byte).await.is_ok_and(|n| n > 0) {}
        if !until_eof {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = eof => {}
        () = interrupted() => {}
    }
}

async fn devices(path: &Path, args: Devices) -> ExitCode {
    let config = match config::load(path) {
        Ok((config, _)) if config.site.simulated => config,
        Ok(_) => {
            eprintln!(
                "{}: this site is not simulated; only `[site] simulated = true` can be",
                path.display()
            );
            return exit::USAGE.into();
        }
        Err(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            return exit::USAGE.into();
        }
    };
    let quiet_ms = i64::from(args.quiet_first_s) * 1_000;
    let story = Story::new(Clock::starting_at(0), quiet_ms);
    match start(&config, &args, story).await {
        Ok(site) => {
            println!(
                "SIMULATION of {}: {} begins in {} s; ctrl-c ends it",
                config.site.id, args.scenario, args.quiet_first_s
            );
            boards::until_ended(&args, site).await;
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("muster sim: {why}");
            exit::USAGE.into()
        }
    }
}

async fn start(config: &Config, args: &Devices, story: Story) -> Result<SimSite, String> {
    let broker = broker(config).await?;
    args.boards.suit(config)?.iter().for_each(|line| println!("{line}"));
    let spec = SiteSpec {
        seed: args.seed,
        scenario: args.scenario,
        emulation: args.boards.emulation(args.certificates.as_deref(), &story)?,
        story: Arc::new(story),
        broker,
        site_id: config.site.id.clone(),
        fit_out: prove(fit_out(config)?, args.certificates.as_deref())?,
    };
    SimSite::start(spec).await.map_err(|error| lines::with_causes(&error))
}

/// Gives each node the certificate it was enrolled with.
fn prove(mut fit_out: FitOut, certificates: Option<&Path>) -> Result<FitOut, String> {
    let Some(certificates) = certificates else {
        return Ok(fit_out);
    };
    for node in &mut fit_out.nodes {
        let folder = certificates.join("nodes").join(&node.id);
        let read = Identity::of_folder(&folder);
        node.identity = Some(read.map_err(|error| format!("the certificate in {}: {error}", folder.display()))?);
    }
    Ok(fit_out)
}

/// Where the simulated nodes publish. They speak plain MQTT 5 and have no login; what they publish says that it is simulated.
async fn broker(config: &Config) -> Result<SocketAddr, String> {
    let connect = match &config.mqtt.way {
        MqttWay::Listen { address, .. } => return Ok(*address),
        MqttWay::Connect(connect) if !connect.tls && connect.login.is_none() => connect,
        MqttWay::Connect(connect) => {
            return Err(format!(
                "{connect}: simulated nodes speak plain MQTT without a login only"
            ));
        }
        MqttWay::Off => return Err("the config has no `[mqtt] listen` for its nodes to publish to".into()),
    };
    reached(&connect.host, connect.port).await
}

/// The address of a host.
async fn reached(host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host((host, port));
    let found = tokio::time::timeout(LOOK_UP_WITHIN, found).await;
    let address = found.ok().and_then(|found| found.ok()?.next());
    address.ok_or_else(|| format!("{host}: there is no such host"))
}

/// Simulated counterparts of everything the config names.
pub(crate) fn fit_out(config: &Config) -> Result<FitOut, String> {
    // A board that starts again needs a higher boot count than before: the wall clock's seconds rise over any restart.
    let boot = crate::clock::wall_now_ms().unsigned_abs() / 1_000;
    let nodes = (0..).zip(config.nodes.keys()).map(|(place, id)| NodeSpec {
        id: id.clone(),
        boot,
        ..NodeSpec::at_place(place % 3)
    });
    let mut devices = Vec::new();
    let mut places = UpsPlace::ALL.into_iter().cycle();
    for source in &config.polled {
        let way = source
            .modbus()
            .ok_or_else(|| format!("{}: only Modbus devices can be simulated here", source.id))?;
        let head = &way.profile.head;
        let kind = match (head.vendor.as_str(), head.model.as_str()) {
            ("apc", _) => places.next().map(DeviceKind::SmartUps),
            ("generic", "dry-contacts") => Some(DeviceKind::FirePanel),
            ("generic", "contact-module") => Some(DeviceKind::ContactModule),
            ("generic", "battery-monitor") => Some(DeviceKind::BatteryMonitor { period_ms: 10_000 }),
            _ => None,
        };
        let kind = kind.ok_or_else(|| format!("there is no simulation of {}", head.name()))?;
        let bind = source
            .address
            .parse()
            .map_err(|_| format!("{}: {} is no address of this machine", source.id, source.address))?;
        devices.push(DeviceSpec {
            id: source.id.clone(),
            kind,
            bind,
            unit: way.unit,
        });
    }
    Ok(FitOut {
        nodes: nodes.collect(),
        devices,
    })
}
