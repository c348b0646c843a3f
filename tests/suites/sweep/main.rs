//! How often it misses a fire, and how often it cries wolf: many simulated fires, and years without one, through the real
//! decision in virtual time.
//!
//! `cargo run --release -p muster-testbed -- sweep --help`
#![forbid(unsafe_code)]

mod acting;
mod bound;
mod days;
mod document;
mod drawn;
mod event;
mod fires;
mod fit;
#[path = "../model/mod.rs"]
mod model;
mod peers;
mod picture;
mod play;
mod reached;
mod recorded;
mod rules;
mod runway;
mod share;
mod show;
mod shrink;
mod table;
mod week;
mod window;
mod years;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use fit::Fit;
use muster::clock::Stopwatch;

#[derive(Parser)]
#[command(
    name = "muster-testbed",
    about = "Simulations of many fires, and of years without one; and the decision in every order of events"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fires and quiet years in the reference room and two poorer ones, or with quick detectors; exit 1 if a goal is missed
    Sweep(Sweep),
    /// False, missed and lead over votes needed, limits and what is in the room
    Table(Table),
    /// Recorded room fires: when it votes, against when their commercial alarms sounded; exit 1 if later than promised
    Recorded {
        /// Folder with `Activation_Times.csv` (columns test, alarm, seconds after ignition) and the tests' series as NIST
        /// publishes them, `NIST_Smoke_Alarms_TEST.csv`
        folder: std::path::PathBuf,
    },
    /// How often batteries outlive the earliest end that the runway gives them; exit 1 if less often than is stated
    Runway {
        /// Discharges
        #[arg(long, default_value_t = 5_000)]
        discharges: u64,
        /// Seed of everything
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// The decision in every order of what can happen, and wrong policies that have to be found out; exit 1 if a promise breaks
    Model {
        /// Only this scene
        #[arg(long)]
        scene: Option<String>,
        /// Threads; as many as there are cores unless given
        #[arg(long)]
        threads: Option<usize>,
        /// A scene that has more states than this, repeated ones counted, is a finding
        #[arg(long, default_value_t = model::MOST)]
        most: usize,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// One fire, with every decision
    Fire {
        /// Its number, as `sweep` named it
        number: u64,
        /// The same fire with nothing dead in its room
        #[arg(long)]
        nothing_dead: bool,
        #[command(flatten)]
        which: Which,
    },
    /// One crowded day, with every decision
    Day {
        /// Its number, as `sweep` named it
        number: u64,
        /// Only these of its events, counted from 0
        #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
        only: Option<Vec<usize>>,
        /// Leaves out what has no part in it: the least that still breaks a rule, else misses a fire, else evacuates
        /// without one
        #[arg(long)]
        smallest: bool,
        #[command(flatten)]
        which: Which,
    },
    /// A week of hot afternoons: every line that an operator reads
    HotWeek {
        #[command(flatten)]
        which: Which,
    },
    /// One year, with every decision
    Year {
        /// Its number, as `sweep` named it
        number: u64,
        /// Only the window that holds this second
        #[arg(long, value_name = "SECOND")]
        at: Option<f64>,
        /// Beside a person who looks when an abort window opens, and aborts it
        #[arg(long, conflicts_with = "check")]
        attended: bool,
        /// Each window also with the quiet day before it in full, and the first line that differs
        #[arg(long)]
        check: bool,
        /// Only these of its events, counted from 0
        #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
        only: Option<Vec<usize>>,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args)]
struct Which {
    /// Seed of the whole sweep
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The room
    #[arg(long, default_value = "reference")]
    room: String,
}

#[derive(Args)]
struct Sweep {
    /// Fires in the reference room; a tenth of it in each of the poorer ones
    #[arg(long, default_value_t = 5_000)]
    fires: u64,
    /// Years without a fire in the reference room; a tenth of it in each of the poorer ones
    #[arg(long, default_value_t = 300)]
    site_years: u64,
    /// Days with twenty faults and disturbances each, every second one with a fire; a tenth of it in the poorer rooms
    #[arg(long, default_value_t = 5_000)]
    days: u64,
    /// Seed of everything; the same seed gives the same figures on every machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; as many as there are cores unless given
    #[arg(long)]
    threads: Option<usize>,
    /// One in so many windows of a year is played once more, with the quiet day before it in full
    #[arg(long, default_value_t = 100)]
    check_one_in: u64,
    /// Only the reference room, its nodes with the quick detectors of `recorded`
    #[arg(long)]
    quick: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Table {
    /// Fires a row
    #[arg(long, default_value_t = 700)]
    fires: u64,
    /// Years without a fire a row
    #[arg(long, default_value_t = 12)]
    site_years: u64,
    /// Seed of everything
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; as many as there are cores unless given
    #[arg(long)]
    threads: Option<usize>,
    /// Writes the picture here, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<std::path::PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match &command {
        Command::Recorded { folder } => return recorded(folder),
        Command::Model {
            scene,
            threads,
            most,
            json,
        } => return modelled(scene.as_deref(), (*threads, *most), *json),
        _ => {}
    }
    if let Command::Runway { discharges, seed, json } = command {
        return measured(runways(discharges, seed), seed, json);
    }
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("muster-testbed: {error}");
            ExitCode::from(70)
        }
    }
}

fn recorded(folder: &std::path::Path) -> ExitCode {
    match recorded::all(folder) {
        Ok(came) => {
            print!("{}", recorded::text(&came));
            ExitCode::from(u8::from(!came.iter().all(recorded::Came::is_as_promised)))
        }
        Err(error) => {
            eprintln!("muster-testbed: {error}");
            ExitCode::from(64)
        }
    }
}

fn runways(discharges: u64, seed: u64) -> Result<runway::Measured, fit::FitError> {
    let (rig, mut measured) = (runway::Rig::new()?, runway::Measured::default());
    share::out(
        threads(None),
        discharges,
        |n| rig.discharge(seed, n),
        |came| measured.take(&came),
    );
    Ok(measured)
}

fn measured(measured: Result<runway::Measured, fit::FitError>, seed: u64, json: bool) -> ExitCode {
    let mut measured = match measured {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("muster-testbed: {error}");
            return ExitCode::from(70);
        }
    };
    if json {
        println!("{}", measured.json(seed));
    } else {
        print!("{}", measured.text(seed));
    }
    ExitCode::from(u8::from(!measured.is_as_stated()))
}

fn modelled(scene: Option<&str>, (given, most): (Option<usize>, usize), json: bool) -> ExitCode {
    let Some(report) = model::run(threads(given), scene, most) else {
        eprintln!("muster-testbed: no such scene: {}", model::names().join(", "));
        return ExitCode::from(64);
    };
    if json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.text());
    }
    ExitCode::from(u8::from(!report.is_as_promised()))
}

fn run(command: Command) -> Result<ExitCode, fit::FitError> {
    let mut fits = fit::all()?;
    match command {
        Command::Sweep(sweep) if sweep.quick => Ok(sweep.run(&[fit::quick()?])),
        Command::Sweep(sweep) => Ok(sweep.run(&fits)),
        Command::Table(table) => table.run(&fits),
        Command::Recorded { folder } => Ok(recorded(&folder)),
        Command::Runway { discharges, seed, json } => Ok(measured(runways(discharges, seed), seed, json)),
        Command::Model {
            scene,
            threads,
            most,
            json,
        } => Ok(modelled(scene.as_deref(), (threads, most), json)),
        other => {
            fits.push(fit::quick()?);
            Ok(again(&fits, other))
        }
    }
}

/// One of what a sweep has named, with every decision.
fn again(fits: &[Fit], command: Command) -> ExitCode {
    match command {
        Command::Fire {
            number,
            nothing_dead: true,
            which,
        } => which.tell(fits, |fit, seed| show::fire(&fires::burn_well(fit, seed, number))),
        Command::Fire { number, which, .. } => {
            which.tell(fits, |fit, seed| show::fire(&fires::burn(fit, seed, number, true)))
        }
        Command::Day {
            number,
            only,
            smallest,
            which,
        } => which.tell(fits, |fit, seed| {
            days::tell(fit, seed, number, only.as_deref(), smallest);
        }),
        Command::HotWeek { which } => which.tell(fits, |fit, seed| {
            print!("{}", week::Week::play(fit, seed).text(fit.name))
        }),
        Command::Year {
            number,
            at,
            attended,
            check,
            only,
            which,
        } => which.tell(fits, |fit, seed| {
            let how = [(attended, years::How::Attended), (check, years::How::Checked)];
            let how = how.into_iter().find_map(|(asked, how)| asked.then_some(how));
            years::tell(fit, (seed, number), (at, how), only.as_deref());
        }),
        Command::Sweep(_)
        | Command::Table(_)
        | Command::Recorded { .. }
        | Command::Runway { .. }
        | Command::Model { .. } => ExitCode::from(64),
    }
}

impl Which {
    fn tell(&self, fits: &[Fit], tell: impl Fn(&Fit, u64)) -> ExitCode {
        if let Some(fit) = fits.iter().find(|fit| fit.name == self.room) {
            tell(fit, self.seed);
            return ExitCode::SUCCESS;
        }
        let known: Vec<&str> = fits.iter().map(|fit| fit.name).collect();
        eprintln!(
            "muster-testbed: no room is called {:?}: {}",
            self.room,
            known.join(", ")
        );
        ExitCode::from(64)
    }
}

fn threads(given: Option<usize>) -> usize {
    given
        .or(std::thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1)
}

impl Table {
    fn run(&self, fits: &[Fit]) -> Result<ExitCode, fit::FitError> {
        let rows = table::rows(fits, self.seed, threads(self.threads), (self.fires, self.site_years));
        if let Some(path) = &self.picture {
            std::fs::write(path, picture::svg(&rows))?;
        }
        if self.json {
            println!("{}", table::json(&rows, self.seed));
        } else {
            print!("{}", table::text(&rows, self.seed));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Sweep {
    fn run(&self, fits: &[Fit]) -> ExitCode {
        let threads = threads(self.threads);
        let mut rooms = Vec::new();
        for (ix, fit) in fits.iter().enumerate() {
            let part = |all: u64| if ix == 0 { all } else { all.div_ceil(10) };
            let began = Stopwatch::start();
            let mut fires = fires::Fires::default();
            share::out(
                threads,
                part(self.fires),
                |n| fires::burn(fit, self.seed, n, false),
                |burnt| fires.take(burnt),
            );
            let fires_took = began.elapsed();
            let mut years = years::Years::default();
            let one = |n| years::year(fit, self.seed, n, self.check_one_in);
            share::out(threads, part(self.site_years), one, |year| years.join(year));
            let years_took = began.elapsed();
            let mut days = days::Days::default();
            share::out(
                threads,
                part(self.days),
                |n| days::day(fit, self.seed, n, None, false),
                |day| days.take((fit, self.seed), day),
            );
            let seconds = [fires_took, years_took - fires_took, began.elapsed() - years_took].map(|d| d.as_secs_f64());
            rooms.push(show::Swept {
                room: fit.name,
                seed: self.seed,
                is_reference: ix == 0,
                fires,
                years,
                days,
                seconds,
            });
        }
        if self.json {
            println!("{}", document::json(&rooms, self.seed, threads));
        } else {
            show::table(&rooms, self.seed, threads);
        }
        ExitCode::from(u8::from(!rooms.iter().all(show::Swept::is_as_promised)))
    }
}
