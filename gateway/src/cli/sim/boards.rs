//! `muster sim --nodes`: nodes as they would be flashed, in an emulator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_sim::emulator::{Image, Load};
use muster_sim::nodes::{BOARD_SIGNALS, EmulatedNode, Emulation, Enrolled, NodeSpec, Tell};
use muster_sim::{FitOut, NODE_DISTANCE_M, SimSite, SiteSpec, StoryTime as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Devices, exit, reached};
use crate::certs::facts;
use crate::cli::interrupted::interrupted;
use crate::cli::printer::Printer;
use crate::clock::{self, Clock, Stopwatch};
use crate::config::Config;
use crate::demo::story::Story;
use crate::lines;
use crate::replay::show::clock as stamp;

/// Heartbeats are this many samples apart.
const SAMPLES_A_BEAT: u32 = 3;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Emulated nodes")]
pub(super) struct Boards {
    /// Emulate the first N nodes of the site: their firmware as it would be flashed, in qemu-system-arm. The others
    /// run in this process. Without a config they are node-1 to node-N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: Option<u16>,
    /// Without a config: the broker they publish to
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:1883",
        conflicts_with = "config"
    )]
    broker: String,
    /// Without a config: the site's id
    #[arg(long, value_name = "ID", requires = "nodes", conflicts_with = "config")]
    site: Option<String>,
    /// The firmware's image; else MUSTER_BOARD_QEMU names it, or it is where cargo builds it
    #[arg(long, value_name = "FILE", requires = "nodes")]
    image: Option<PathBuf>,
    /// With --certificates: the gateway's name as the boards are to find it in its certificate; else the first host
    /// name in gateway/gateway.pem of that folder
    #[arg(long, value_name = "HOST", requires = "certificates")]
    gateway_name: Option<String>,
    /// Real milliseconds between two samples
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    sample_ms: u32,
}

impl Boards {
    /// Whether there are any.
    pub(super) const fn wanted(&self) -> bool {
        self.nodes.is_some()
    }

    /// How nodes are to be emulated; none if none is.
    ///
    /// # Errors
    /// There is no image, or no name to know the gateway by; with what to type.
    pub(super) fn emulation(&self, certificates: Option<&Path>, story: &Story) -> Result<Option<Emulation>, String> {
        let Some(count) = self.nodes else {
            return Ok(None);
        };
        let enrolled = certificates.map(|folder| {
            let gateway = self.gateway_name.clone().map_or_else(|| host_name(folder), Ok)?;
            let folder = folder.to_owned();
            Ok::<_, String>(Enrolled { folder, gateway })
        });
        Ok(Some(Emulation {
            count: count.into(),
            image: Image::find(self.image.as_deref()).map_err(|error| error.to_string())?,
            enrolled: enrolled.transpose()?,
            sample_ms: self.sample_ms,
            heartbeat_ms: self.sample_ms * SAMPLES_A_BEAT,
            tell: tell(story.clone()),
        }))
    }

    /// Says what of a config these boards will never say, or why they cannot be.
    ///
    /// # Errors
    /// More boards than the config has nodes.
    pub(super) fn suit(&self, config: &Config) -> Result<Vec<String>, String> {
        let count = usize::from(self.nodes.unwrap_or(0));
        if count > config.nodes.len() {
            let (has, id) = (config.nodes.len(), &config.site.id);
            return Err(format!("--nodes {count}: the config of {id} has {has}"));
        }
        let strange = config.nodes.iter().take(count).flat_map(|(id, node)| {
            let signals = node
                .channels
                .keys()
                .filter(|signal| !BOARD_SIGNALS.contains(&signal.as_str()));
            signals.map(move |signal| {
                format!(
                    "{id}.{signal} will not be heard: a board says {}",
                    BOARD_SIGNALS.join(", ")
                )
            })
        });
        Ok(strange.collect())
    }
}

/// Runs boards without a config, until they are ended.
pub(super) async fn alone(args: &Devices) -> ExitCode {
    match put_up(args).await {
        Ok((site, story)) => {
            let (count, image) = (site.boards().len(), args.scenario);
            println!(
                "SIMULATION: {count} emulated nodes; {image} begins in {} s; ctrl-c ends it",
                -story.now_ms() / 1_000
            );
            until_ended(args, site).await;
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("muster sim: {why}");
            exit::USAGE.into()
        }
    }
}

async fn put_up(args: &Devices) -> Result<(SimSite, Story), String> {
    let boards = &args.boards;
    let site_id = boards
        .site
        .clone()
        .ok_or("which site? --site ID, as in the gateway's config; or give its config")?;
    let (host, port) = boards
        .broker
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or_else(|| format!("--broker {}: expected HOST:PORT", boards.broker))?;
    let broker = reached(host.trim_matches(['[', ']']), port).await?;
    let story = Story::new(Clock::starting_at(0), i64::from(args.quiet_first_s) * 1_000);
    let boot = clock::wall_now_ms().unsigned_abs() / 1_000;
    let nodes = (0..usize::from(boards.nodes.unwrap_or(0))).map(|at| NodeSpec {
        id: format!("node-{}", at + 1),
        boot,
        ..NodeSpec::at_place(at % NODE_DISTANCE_M.len())
    });
    let fit_out = FitOut {
        nodes: nodes.collect(),
        devices: Vec::new(),
    };
    let spec = SiteSpec {
        seed: args.seed,
        scenario: args.scenario,
        story: Arc::new(story.clone()),
        broker,
        site_id,
        fit_out,
        emulation: boards.emulation(args.certificates.as_deref(), &story)?,
    };
    let site = SimSite::start(spec).await.map_err(|error| lines::with_causes(&error))?;
    Ok((site, story))
}

/// Waits for the end that was asked for, takes the site down, and says what its boards took of this machine.
pub(super) async fn until_ended(args: &Devices, site: SimSite) {
    let (since, before) = (Stopwatch::start(), loads(site.boards()));
    let bound = async {
        match args.for_s {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = bound => {}
        () = interrupted() => {}
    }
    let after = loads(site.boards());
    if !after.is_empty() {
        println!("{}", took(&before, &after, since.elapsed()));
    }
    site.stop().await;
}

fn loads(boards: &[EmulatedNode]) -> Vec<Load> {
    let loads = boards.iter().map(|board| Load::of(board.process().1));
    // One that is gone has said so.
    loads.flatten().collect()
}

fn took(before: &[Load], after: &[Load], span: Duration) -> String {
    let cpu = |loads: &[Load]| loads.iter().map(|load| load.cpu).sum::<Duration>();
    let share = cpu(after).saturating_sub(cpu(before)).as_secs_f64() / span.as_secs_f64().max(0.001);
    let rss_kib: u64 = after.iter().map(|load| load.rss_kib).sum();
    format!(
        "{} boards for {:.0} s: {:.1} % of one core, {} MiB of memory, {} MiB each",
        after.len(),
        span.as_secs_f64(),
        share * 100.0,
        rss_kib / 1_024,
        rss_kib / 1_024 / after.len().max(1) as u64
    )
}

fn tell(story: Story) -> Tell {
    let printer = Printer::to_stdout();
    Arc::new(move |node, line| printer.line(format!("{:<12} {node:<10} {line}", stamp(story.now_ms()))))
}

/// What a board has to look for in the gateway's certificate: boards check host names only, no addresses.
fn host_name(certificates: &Path) -> Result<String, String> {
    let file = certificates.join("gateway/gateway.pem");
    let der = CertificateDer::from_pem_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let names = facts(&der).map(|facts| facts.reached_by).unwrap_or_default();
    let host = names.into_iter().find(|name| name.parse::<std::net::IpAddr>().is_err());
    host.ok_or_else(|| {
        format!(
            "{} names no host, and a board checks nothing else: `muster enroll gateway --name HOST --replace`",
            file.display()
        )
    })
}
