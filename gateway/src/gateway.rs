//! The rooms put together: what `run`, `demo`, `bench` and the tests all start.

mod calendar;
mod destinations;
mod keeping;
mod readying;
mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use muster_core::{Input, Millis, View};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

use crate::api::{self, ApiState, Gauges, Here, News, People};
use crate::clock::{self, Clock};
use crate::config::{Config, MqttWay, TlsFiles};
use crate::counters::Counters;
use crate::engine::{Engine, Listener, Parts};
use crate::hooks::ClientError;
use crate::ingest::Ingest;
use crate::journal::{Journal, JournalError, Keeping, Restored, Writer};
use crate::lanes::{Control, Lanes, Mark, lanes};
use crate::notify::{self, Notifier, Ready};
use crate::readiness::Report;
use crate::recorder::{self, Place, Tape};
use crate::runner::{Runner, RunnerContext, RunnerError};
use crate::service::Beat;
use crate::sources::mqtt;
use crate::sources::polls::Polls;
use crate::sources::snmp::Hints;
use crate::told::{self, Telling, Told};
use crate::upsd;

use calendar::Calendar;
use keeping::Keeper;
use readying::Readying;
pub use reload::ReloadError;

/// Across a restart at most this much time is believed to have passed (design §4).
const LONGEST_GAP_MS: Millis = 24 * 3_600_000;

/// A stop waits this long for the engine to have journalled everything, and for requests under way to be answered.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be opened.
    #[error("cannot open the journal {path}")]
    Journal {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: Box<JournalError>,
    },
    /// The runner did not start.
    #[error("cannot start the runner")]
    Runner(#[source] RunnerError),
    /// The API's address is taken, or is not ours.
    #[error("cannot listen for HTTP on {address}")]
    Http {
        /// The configured address.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The broker did not start.
    #[error("cannot start MQTT")]
    Mqtt(#[source] mqtt::BrokerError),
    /// A place outside cannot be told.
    #[error("cannot tell the world")]
    Notify(#[source] ClientError),
    /// Nobody listens for NUT's clients.
    #[error("cannot answer as a UPS")]
    Upsd(#[source] upsd::UpsdError),
    /// The operating system gave no thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// A running gateway.
pub struct Gateway {
    /// Where MQTT listens; none if it is off.
    pub mqtt: Option<SocketAddr>,
    /// Where the API listens.
    pub http: SocketAddr,
    /// Where NUT's clients are listened for; none without `[nut]`.
    pub nut: Option<SocketAddr>,
    upsd: Option<tokio::task::JoinHandle<()>>,
    /// The ways into the engine.
    pub lanes: Lanes,
    /// Its clock.
    pub clock: Clock,
    /// Its counts.
    pub counters: Counters,
    /// What is shown.
    pub view: watch::Receiver<Arc<View>>,
    /// Figures for `/metrics`.
    pub gauges: Arc<Gauges>,
    /// Where to listen to events.
    pub telling: Telling,
    /// The config in force.
    config: Config,
    /// What readiness and the calendar of drills go by.
    bridging: watch::Sender<Arc<Config>>,
    readiness: watch::Sender<Option<Arc<Report>>>,
    people: People,
    ingest: Arc<Ingest>,
    broker: Arc<OnceLock<Box<dyn mqtt::Broker>>>,
    pollers: Vec<reload::Poller>,
    polls: Polls,
    hints: Hints,
    traps: Option<reload::TrapListener>,
    served: Option<tokio::task::JoinHandle<()>>,
    /// How long the journal keeps what.
    keeping: Keeping,
    stopping: watch::Sender<bool>,
    notifier: Option<Notifier>,
    engine: std::thread::JoinHandle<()>,
}

impl Gateway {
    /// Starts everything a config asks for. `clock` is given by simulations only; else engine time goes on from the journal.
    ///
    /// # Errors
    /// The journal, the API's address, the broker or a thread is not to be had.
    pub async fn start(config: &Config, clock: Option<Clock>, listener: Listener) -> Result<Self, StartError> {
        Self::start_watched(config, clock, listener, Beat::default()).await
    }

    /// As [`Gateway::start`], with somebody who watches the decision loop.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start_watched(
        config: &Config,
        clock: Option<Clock>,
        listener: Listener,
        beat: Beat,
    ) -> Result<Self, StartError> {
        let (journal, restored) = open_journal(config)?;
        let (clock, gap) = clock.map_or_else(|| resume(&restored), |clock| (clock, None));
        let (counters, gauges) = (Counters::default(), Arc::new(Gauges::default()));
        let (lanes, ends) = lanes();
        let telling = told::telling();
        // Before the engine takes its first input, so that nothing is said in between.
        let (heard, news) = (telling.subscribe(), News::listen(&telling, restored.told));
        let (http, http_address) = bind(config.http.listen).await?;
        let ingest = Ingest::new(config, &restored.marks, lanes.clone(), counters.clone());
        // The broker starts last: it may bring nothing in before the engine is there.
        let broker: Arc<OnceLock<Box<dyn mqtt::Broker>>> = Arc::default();
        let writer = start_writer(config, journal, &lanes, &counters)?;
        let keeping = writer.keeping();
        keeping.keep_ms(config.store.keep_ms);
        let parts = Parts {
            clock: clock.clone(),
            ends,
            writer,
            tape: start_recorder(config, &clock, &lanes, &counters)?,
            runner: start_runner(config, &clock, &lanes, &counters, (http_address, restored.progress_key))?,
            counters: counters.clone(),
            gauges: gauges.clone(),
            listener,
            acknowledge: acknowledge_through(&broker),
            telling: telling.clone(),
            told: restored.told,
            beat,
        };
        let (engine, view) = Engine::new(parts, &first_inputs(config, &restored, gap));
        let engine = on_its_own_thread(engine).map_err(StartError::Thread)?;
        let mut gateway = Self {
            mqtt: None,
            http: http_address,
            nut: None,
            upsd: None,
            lanes,
            clock,
            counters,
            view,
            gauges,
            telling,
            config: config.clone(),
            bridging: watch::Sender::new(readying::part_of(config, http_address)),
            readiness: watch::Sender::new(None),
            people: People::of(config),
            ingest: Arc::new(ingest),
            broker,
            pollers: Vec::new(),
            polls: Polls::default(),
            hints: Hints::default(),
            traps: None,
            served: None,
            notifier: None,
            keeping,
            stopping: watch::Sender::new(false),
            engine,
        };
        gateway.serve_http(http, config, (restored.progress_key, news));
        gateway.tell_the_world(config, heard, restored.told)?;
        gateway.open_up(config).await?;
        Ok(gateway)
    }

    /// What needs the engine.
    async fn open_up(&mut self, config: &Config) -> Result<(), StartError> {
        self.answer_as_ups(config).await?;
        self.open_sources(config).await?;
        // It ends with the engine.
        tokio::spawn(self.keeper().run());
        self.keep_ready();
        Ok(())
    }

    /// Readiness and the calendar; both end with the gateway.
    fn keep_ready(&self) {
        let config = || self.bridging.subscribe();
        let readying = Readying {
            config: config(),
            view: self.view.clone(),
            lanes: self.lanes.clone(),
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            shown: self.readiness.clone(),
        };
        let calendar = Calendar {
            config: config(),
            view: self.view.clone(),
            lanes: self.lanes.clone(),
            tried: std::collections::BTreeMap::new(),
        };
        tokio::spawn(readying.run());
        tokio::spawn(calendar.run());
    }

    fn keeper(&self) -> Keeper {
        Keeper {
            journal: self.config.store.path.clone(),
            keeping: self.keeping.clone(),
            clock: self.clock.clone(),
            lanes: self.lanes.clone(),
        }
    }

    /// Has the oldest decisions removed that are older than is kept, now and not at the next look a minute later.
    pub async fn prune(&self) {
        self.keeper().prune().await;
    }

    fn serve_http(&mut self, http: TcpListener, config: &Config, (progress_key, news): ([u8; 32], Arc<News>)) {
        let state = ApiState {
            view: self.view.clone(),
            lanes: self.lanes.clone(),
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            polls: self.polls.clone(),
            people: self.people.clone(),
            journal_path: config.store.path.clone(),
            progress_key,
            gauges: self.gauges.clone(),
            public_url: config.http.public_url.clone(),
            insecure: config.insecure(),
            news,
            readiness: self.readiness.subscribe(),
        };
        let mut stopping = self.stopping.subscribe();
        // Without a gateway that could stop it there is nothing to serve either.
        let stopped = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
        self.served = Some(tokio::spawn(api::serve(http, state, stopped)));
    }

    /// How people call it.
    #[must_use]
    pub fn here(&self) -> Here {
        let config = &self.config;
        Here::new(self.http, config.http.public_url.as_deref(), &config.store.path)
    }

    fn tell_the_world(
        &mut self,
        config: &Config,
        heard: broadcast::Receiver<Arc<Told>>,
        told: i64,
    ) -> Result<(), StartError> {
        let context = notify::Context {
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            lanes: self.lanes.clone(),
            view: self.view.clone(),
            here: self.here(),
            journal: config.store.path.clone(),
            told,
        };
        let limits = notify::Limits::default();
        let ready = Ready::new(&config.notify, limits).map_err(StartError::Notify)?;
        let notifier = Notifier::start(ready, heard, context, limits);
        self.gauges.set_notify(notifier.figures());
        self.notifier = Some(notifier);
        Ok(())
    }

    async fn answer_as_ups(&mut self, config: &Config) -> Result<(), StartError> {
        let Some(face) = &config.nut else { return Ok(()) };
        let with = (self.view.clone(), self.clock.clone(), self.counters.clone());
        let (address, task) = upsd::start(face, &config.site.id, with, &self.gauges)
            .await
            .map_err(StartError::Upsd)?;
        (self.nut, self.upsd) = (Some(address), Some(task));
        Ok(())
    }

    async fn open_sources(&mut self, config: &Config) -> Result<(), StartError> {
        if let Some(address) = config.mqtt.listen() {
            let broker = mqtt::embedded(
                &config.mqtt,
                address,
                self.ingest.clone(),
                &config.site.id,
                (self.counters.clone(), self.gauges.clone()),
            )
            .await;
            let broker = broker.map_err(StartError::Mqtt)?;
            self.mqtt = broker.address();
            // Called once, so it is empty.
            let _ = self.broker.set(broker);
        } else if let MqttWay::Connect(connect) = &config.mqtt.way {
            let (lanes, counters) = (self.lanes.clone(), self.counters.clone());
            let uplink = mqtt::Uplink::start(config, connect, self.ingest.clone(), lanes, counters);
            let _ = self.broker.set(Box::new(uplink));
        }
        self.poll(config).await;
        Ok(())
    }

    /// Reads the TLS files of the embedded broker anew; see [`mqtt::Broker::reload_tls`]. Whether they are
    /// others than before; nothing to do without a broker.
    ///
    /// # Errors
    /// The files cannot be used; then the old ones stay in use.
    pub fn reload_tls(&self, files: &TlsFiles) -> Result<bool, mqtt::BrokerError> {
        self.broker.get().map_or(Ok(false), |broker| broker.reload_tls(files))
    }

    /// Stops taking anything in, journals what was decided, and ends. Nothing decided is lost: it goes on after a start.
    pub async fn stop(self) {
        if let Some(broker) = self.broker.get() {
            broker.stop();
        }
        self.stop_polling();
        self.upsd.iter().for_each(tokio::task::JoinHandle::abort);
        self.stopping.send_replace(true);
        let (engine, control, served) = (self.engine, self.lanes.control, self.served);
        let ended = async move {
            // An engine that has ended already has nothing left to be told; one that hangs may not even take this.
            let _ = control.send(Control::Stop).await;
            tokio::task::spawn_blocking(move || engine.join()).await
        };
        let served = async {
            if let Some(served) = served {
                // It ends its connections within a deadline of its own.
                let _ = served.await;
            }
        };
        let all = async { tokio::join!(ended, served) };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::error!("not everything ended in time; what the journal had taken is safe");
        }
    }
}

fn open_journal(config: &Config) -> Result<(Journal, Restored), StartError> {
    let claimed = Journal::open_or_aside(&config.store.path).and_then(|(mut journal, restored)| {
        journal.claim(&restored, &config.site.id)?;
        Ok((journal, restored))
    });
    claimed.map_err(|source| of_journal(config, source))
}

fn of_journal(config: &Config, source: JournalError) -> StartError {
    StartError::Journal {
        path: config.store.path.clone(),
        source: Box::new(source),
    }
}

fn start_writer(config: &Config, journal: Journal, lanes: &Lanes, counters: &Counters) -> Result<Writer, StartError> {
    let reports = lanes.control.clone();
    // The engine takes reports as fast as it turns; it is gone only when the whole gateway stops.
    let report = move |report| drop(reports.blocking_send(Control::Journal(report)));
    journal
        .spawn(counters.clone(), report)
        .map_err(|source| of_journal(config, source))
}

fn start_recorder(config: &Config, clock: &Clock, lanes: &Lanes, counters: &Counters) -> Result<Tape, StartError> {
    let control = lanes.control.clone();
    let own = |trouble| Input::Own {
        part: "recorder".into(),
        trouble,
    };
    // It is gone only when the whole gateway stops.
    let report = move |trouble| drop(control.blocking_send(Control::Input(own(trouble))));
    let place = Place::beside(&config.store.path, &config.site.id);
    let (clock, counters) = (clock.clone(), counters.clone());
    recorder::start(place, config.store.recorder, clock, counters, Box::new(report)).map_err(StartError::Thread)
}

fn start_runner(
    config: &Config,
    clock: &Clock,
    lanes: &Lanes,
    counters: &Counters,
    (http, progress_key): (SocketAddr, [u8; 32]),
) -> Result<Runner, StartError> {
    let context = RunnerContext {
        clock: clock.clone(),
        counters: counters.clone(),
        lanes: lanes.clone(),
        progress_base_url: config
            .http
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{http}")),
        progress_key,
    };
    Runner::spawn(config.hooks.clone(), context).map_err(StartError::Runner)
}

fn acknowledge_through(broker: &Arc<OnceLock<Box<dyn mqtt::Broker>>>) -> Box<dyn Fn(&Mark) + Send> {
    let broker = broker.clone();
    Box::new(move |mark| {
        if let Some(broker) = broker.get() {
            broker.acknowledge(mark);
        }
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = |source| StartError::Http { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

fn on_its_own_thread(engine: Engine) -> std::io::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("engine".into()).spawn(move || {
        let _guard = AbortOnPanic;
        runtime.block_on(engine.run());
    })
}

/// A gateway that listens, answers and no longer decides is worse than one that is down: whoever watches the process
/// starts it again, and everything decided goes on from the journal.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("muster: the decision loop broke; the process ends so that it can be started again");
            std::process::abort();
        }
    }
}

/// Engine time goes on from the last persisted value plus the wall clock's difference, within reason (design §4).
fn resume(restored: &Restored) -> (Clock, Option<String>) {
    let Some(then) = restored.wall_ms else {
        return (Clock::starting_at(restored.engine_ms), None);
    };
    let gap_ms = clock::wall_now_ms() - then;
    let believed_ms = gap_ms.clamp(0, LONGEST_GAP_MS);
    let odd = (gap_ms != believed_ms).then(|| {
        format!(
            "the wall clock moved by {} s while Muster was down; {} s are believed",
            gap_ms / 1_000,
            believed_ms / 1_000
        )
    });
    (Clock::starting_at(restored.engine_ms + believed_ms), odd)
}

fn first_inputs(config: &Config, restored: &Restored, gap: Option<String>) -> Vec<Input> {
    let mut inputs = vec![
        Input::Config(config.site.clone()),
        Input::Restore(restored.entries.clone()),
    ];
    let own = |part: &str, line: String| Input::Own {
        part: part.into(),
        trouble: Some(line),
    };
    inputs.extend(gap.map(|line| own("clock", line)));
    inputs.extend((!restored.findings.is_empty()).then(|| own("journal-file", restored.findings.join("; "))));
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(wall_ms: i64) -> (Millis, bool) {
        let restored = Restored {
            engine_ms: 1_000_000,
            wall_ms: Some(wall_ms),
            ..Restored::default()
        };
        let (clock, odd) = resume(&restored);
        (clock.now() - restored.engine_ms, odd.is_some())
    }

    /// Invariant 10 and design §4: a wall clock that was set while Muster was down moves engine time by nothing, or by a
    /// day at the most, and is trouble.
    #[test]
    fn a_wall_clock_that_jumped_is_believed_within_reason_only() {
        const YEARS_10: i64 = 10 * 366 * 86_400_000;
        let now = clock::wall_now_ms();
        let near = |(gap, odd): (Millis, bool), wanted: Millis| (wanted..wanted + 60_000).contains(&gap) && !odd;
        assert!(near(resumed(now), 0));
        assert!(near(resumed(now - 3_600_000), 3_600_000));
        for (then, believed) in [(now + YEARS_10, 0), (now - YEARS_10, LONGEST_GAP_MS), (now + 60_000, 0)] {
            let (gap, odd) = resumed(then);
            assert!((believed..believed + 60_000).contains(&gap) && odd, "{gap}, {odd}");
        }
    }
}
