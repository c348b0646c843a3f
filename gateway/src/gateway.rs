//! The rooms put together: what `run`, `demo`, `bench` and the tests all start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use muster_core::{Input, Millis, View};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

use crate::api::{self, ApiState, Gauges};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::counters::Counters;
use crate::engine::{Engine, Listener, Parts};
use crate::hooks::ClientError;
use crate::ingest::Ingest;
use crate::journal::{Journal, JournalError, Restored, Writer};
use crate::lanes::{Control, Lanes, Mark, lanes};
use crate::notify::{self, Notifier, Ready};
use crate::runner::{Runner, RunnerContext, RunnerError};
use crate::sources::{modbus, mqtt};
use crate::told::{self, Telling, Told};

/// Across a restart at most this much time is believed to have passed (design §4).
const LONGEST_GAP_MS: Millis = 24 * 3_600_000;

/// A stop waits this long for the engine to have journalled everything.
const STOP_WITHIN: Duration = Duration::from_secs(10);

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
    /// The operating system gave no thread.
    #[error("cannot start the engine's thread")]
    Thread(#[source] std::io::Error),
}

/// A running gateway.
pub struct Gateway {
    /// Where MQTT listens; none if it is off.
    pub mqtt: Option<SocketAddr>,
    /// Where the API listens.
    pub http: SocketAddr,
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
    broker: Arc<OnceLock<Box<dyn mqtt::Broker>>>,
    notifier: Option<Notifier>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    engine: std::thread::JoinHandle<()>,
}

impl Gateway {
    /// Starts everything a config asks for. `clock` is given by simulations only; else engine time goes on from the journal.
    ///
    /// # Errors
    /// The journal, the API's address, the broker or a thread is not to be had.
    pub async fn start(config: &Config, clock: Option<Clock>, listener: Listener) -> Result<Self, StartError> {
        let (journal, restored) = open_journal(config)?;
        let (clock, gap) = clock.map_or_else(|| resume(&restored), |clock| (clock, None));
        let (counters, gauges) = (Counters::default(), Arc::new(Gauges::default()));
        let (lanes, ends) = lanes();
        let telling = told::telling();
        // Before the engine takes its first input, so that nothing is said in between.
        let heard = telling.subscribe();
        let (http, http_address) = bind(config.http.listen).await?;
        let ingest = Ingest::new(
            &config.site,
            &config.nodes,
            &restored.marks,
            lanes.clone(),
            counters.clone(),
        );
        // The broker starts last: it may bring nothing in before the engine is there.
        let broker: Arc<OnceLock<Box<dyn mqtt::Broker>>> = Arc::default();
        let parts = Parts {
            clock: clock.clone(),
            ends,
            writer: start_writer(config, journal, &lanes, &counters)?,
            runner: start_runner(config, &clock, &lanes, &counters, (http_address, restored.progress_key))?,
            counters: counters.clone(),
            gauges: gauges.clone(),
            listener,
            acknowledge: acknowledge_through(&broker),
            telling: telling.clone(),
            told: restored.told,
        };
        let (engine, view) = Engine::new(parts, &first_inputs(config, &restored, gap));
        let engine = on_its_own_thread(engine).map_err(StartError::Thread)?;
        let mut gateway = Self {
            mqtt: None,
            http: http_address,
            lanes,
            clock,
            counters,
            view,
            gauges,
            telling,
            broker,
            notifier: None,
            tasks: Vec::new(),
            engine,
        };
        gateway.serve_http(http, config, restored.progress_key);
        gateway.tell_the_world(config, heard, restored.told)?;
        gateway.open_sources(config, Arc::new(ingest)).await?;
        Ok(gateway)
    }

    fn serve_http(&mut self, http: TcpListener, config: &Config, progress_key: [u8; 32]) {
        let state = ApiState {
            view: self.view.clone(),
            lanes: self.lanes.clone(),
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            token_hashes: Arc::new(config.token_hashes.clone()),
            principals: Arc::new(config.site.principals.iter().map(|p| p.id.clone()).collect()),
            journal_path: config.store.path.clone(),
            progress_key,
            gauges: self.gauges.clone(),
            public_url: config.http.public_url.clone(),
        };
        self.tasks
            .push(tokio::spawn(api::serve(http, state, std::future::pending())));
    }

    fn tell_the_world(
        &mut self,
        config: &Config,
        heard: broadcast::Receiver<Arc<Told>>,
        told: i64,
    ) -> Result<(), StartError> {
        let listens = || format!("http://{}", self.http);
        let context = notify::Context {
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            lanes: self.lanes.clone(),
            view: self.view.clone(),
            page: format!("{}/", config.http.public_url.clone().unwrap_or_else(listens)),
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

    async fn open_sources(&mut self, config: &Config, ingest: Arc<Ingest>) -> Result<(), StartError> {
        if let Some(address) = config.mqtt.listen() {
            let broker = mqtt::embedded(
                &config.mqtt,
                address,
                ingest,
                &config.site.id,
                (self.counters.clone(), self.gauges.clone()),
            )
            .await;
            let broker = broker.map_err(StartError::Mqtt)?;
            self.mqtt = Some(broker.address());
            // Called once, so it is empty.
            let _ = self.broker.set(broker);
        }
        for source in &config.modbus {
            let (lanes, counters, clock) = (self.lanes.clone(), self.counters.clone(), self.clock.clone());
            self.tasks.push(modbus::spawn(
                source.clone(),
                lanes,
                counters,
                clock,
                config.site.simulated,
            ));
        }
        Ok(())
    }

    /// Stops taking anything in, journals what was decided, and ends. Nothing decided is lost: it goes on after a start.
    pub async fn stop(self) {
        if let Some(broker) = self.broker.get() {
            broker.stop();
        }
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        // An engine that has ended already has nothing left to be told.
        let _ = self.lanes.control.send(Control::Stop).await;
        let engine = self.engine;
        let ended = tokio::task::spawn_blocking(move || engine.join());
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::error!("the engine did not end in time; what it had journalled is safe");
        }
    }
}

fn open_journal(config: &Config) -> Result<(Journal, Restored), StartError> {
    Journal::open_or_aside(&config.store.path).map_err(|source| of_journal(config, source))
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
        Input::Config(Box::new(config.site.clone())),
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
