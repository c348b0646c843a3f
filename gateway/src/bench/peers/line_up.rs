//! Which chains there are, what is said about them, and how each is started.

use std::sync::Arc;
use std::time::Duration;

use super::chain::{About, Chain, Live, Raise};
use super::mosquitto::Mosquitto;
use super::node_red::{self, NodeRed};
use super::nut::{self, Nut};
use super::shell::Shell;
use super::{PeerError, Setup, process};
use crate::bench::node::Node;
use crate::bench::receiver::Receiver;
use crate::clock::Stopwatch;

/// Between two messages to a chain that hears them at once: as between Muster's trials.
const SHORT: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(15));
/// Such a chain answers within this.
const SOON: Duration = Duration::from_secs(10);
/// A message that such a chain was not there to hear is sent again after this.
const SOON_AGAIN: Duration = Duration::from_secs(1);
/// NUT at its slowest took 7 s; its monitor gives a silent server up after 15.
const NUT_WITHIN: Duration = Duration::from_secs(30);
/// Twice NUT's slowest.
const NUT_AGAIN: Duration = Duration::from_secs(15);
/// NUT's events take seconds each: one of them for fifty messages.
const NUT_SHARE: usize = 50;

/// The one-liner.
pub(super) async fn shell(setup: Setup<'_>) -> Chain {
    let about = About {
        chain: "mosquitto, mosquitto_sub, sh, curl",
        settings: "mosquitto with unlimited queues and nodelay; other traffic passes the broker only",
        does: "any message on the alarm topic is an alarm; other readings are not looked at; no decision, record, signature, \
               retry or repeat key; one call at a time",
        version: version("mosquitto", &["-h"]).await,
        pause: SHORT,
        within: SOON,
        again: SOON_AGAIN,
        share: 1,
    };
    let live = start_shell(setup, &about).await;
    Chain::new(about, live, true)
}

async fn start_shell(setup: Setup<'_>, about: &About) -> Result<Live, PeerError> {
    let folder = process::folder(setup.folder, "shell")?;
    let broker = Mosquitto::start(&folder).await?;
    let receiver = receiver(setup.watch).await?;
    let shell = Shell::start(&folder, &broker, &hook(&receiver))?;
    let (raise, address) = (
        publish(&broker, "node-1", node_red::DEFAULT, setup.watch).await?,
        broker.address,
    );
    Live::start(
        raise,
        (receiver, setup.watch),
        Some(address),
        Box::new((shell, broker)),
        about,
    )
    .await
}

/// Node-RED's two chains: one process and one broker for both.
pub(super) async fn node_red(setup: Setup<'_>) -> [Chain; 2] {
    let installed = node_red::installed(setup.node_red);
    let version = installed.as_deref().ok().and_then(node_red::version);
    let about = |settings| About {
        chain: "mosquitto, Node-RED: mqtt in, switch, http request",
        settings,
        does: "hears and parses every message, one equality decides; no vote, record, signature, retry or repeat key",
        version: version.clone(),
        pause: SHORT,
        within: SOON,
        again: SOON_AGAIN,
        share: 1,
    };
    let abouts = [about("default nodes"), about("keep-alive on")];
    let started = match installed {
        Ok(installed) => start_node_red(setup, &installed, &abouts).await,
        Err(error) => Err(error),
    };
    let [default, kept] = abouts;
    match started {
        Ok([first, second]) => [Chain::new(default, first, true), Chain::new(kept, second, true)],
        Err(error) => {
            let again = PeerError::Alike(super::why(&error));
            [
                Chain::new(default, Err(error), true),
                Chain::new(kept, Err(again), true),
            ]
        }
    }
}

async fn start_node_red(
    setup: Setup<'_>,
    installed: &std::path::Path,
    abouts: &[About; 2],
) -> Result<[Result<Live, PeerError>; 2], PeerError> {
    let folder = process::folder(setup.folder, "node-red")?;
    let broker = Mosquitto::start(&folder).await?;
    let receivers = [receiver(setup.watch).await?, receiver(setup.watch).await?];
    let hooks = [hook(&receivers[0]), hook(&receivers[1])];
    let node_red = NodeRed::start(&folder, installed, &broker, [&hooks[0], &hooks[1]])?;
    let raises = [
        publish(&broker, "node-1", node_red::DEFAULT, setup.watch).await?,
        publish(&broker, "node-2", node_red::KEPT, setup.watch).await?,
    ];
    let (address, both) = (Some(broker.address), Arc::new((node_red, broker)));
    let ([first, second], [default, kept]) = (raises, receivers);
    Ok([
        Live::start(
            first,
            (default, setup.watch),
            address,
            Box::new(both.clone()),
            &abouts[0],
        )
        .await,
        Live::start(second, (kept, setup.watch), address, Box::new(both), &abouts[1]).await,
    ])
}

/// NUT at one pace.
pub(super) async fn nut(setup: Setup<'_>, pace: nut::Pace) -> Chain {
    let fastest = pace.pollinterval_s == nut::FASTEST.pollinterval_s;
    let about = About {
        chain: "NUT: dummy-ups, upsd, upsmon, upssched, curl",
        settings: if fastest {
            "fastest: pollinterval 1 s, POLLFREQ 1, POLLFREQALERT 1"
        } else {
            "defaults: pollinterval 2 s, POLLFREQ 5, POLLFREQALERT 5"
        },
        does: "a change of one UPS's status is the event, on battery and back; no vote, record, signature, retry or repeat \
               key; other traffic does not apply",
        version: version("upsd", &["-V"]).await,
        // A file is read again when its time, in whole seconds, has changed.
        pause: (
            Duration::from_millis(1_100),
            Duration::from_millis(if fastest { 2_100 } else { 3_100 }),
        ),
        within: NUT_WITHIN,
        again: NUT_AGAIN,
        share: NUT_SHARE,
    };
    let live = start_nut(setup, pace, &about).await;
    Chain::new(about, live, false)
}

async fn start_nut(setup: Setup<'_>, pace: nut::Pace, about: &About) -> Result<Live, PeerError> {
    let receiver = receiver(setup.watch).await?;
    let nut = Nut::start(setup.folder, pace, &hook(&receiver)).await?;
    let raise = Raise::Write {
        file: nut.file.clone(),
        next: 0,
    };
    Live::start(raise, (receiver, setup.watch), None, Box::new(nut), about).await
}

async fn receiver(watch: Stopwatch) -> Result<Receiver, PeerError> {
    let started = Receiver::start(watch).await;
    started.map_err(|cause| PeerError::Raise(Box::new(cause)))
}

async fn publish(broker: &Mosquitto, node: &str, status: &'static str, watch: Stopwatch) -> Result<Raise, PeerError> {
    let node = Node::connect(broker.address, node, watch).await;
    let node = node.map_err(|cause| PeerError::Raise(Box::new(cause)))?;
    Ok(Raise::Publish { node, status })
}

fn hook(receiver: &Receiver) -> String {
    format!("http://{}/", receiver.address)
}

/// The line in which a program tells its version.
async fn version(program: &'static str, arguments: &[&str]) -> Option<String> {
    let program = match program {
        "upsd" => nut::real(program),
        _ => process::find(program),
    };
    process::first_line(&program.ok()?, arguments).await
}
