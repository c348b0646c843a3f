//! Our own way in: one silent peer holds up nobody, and there are never more connections than there may be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::BrokerConfig;
use mqtt5::broker::resource_monitor::ResourceMonitor;
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::transport::BrokerTransport;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use super::clients::Clients;
use super::door::{self, Door, Entered, Refusal};
use super::identity::Speaker;
use super::lobby::{Lobby, Seat};
use crate::counters::{Cause, Counters};
use crate::ingest::Ingest;

/// Pause after a failed accept: without it, running out of descriptors burns a core and floods the log.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The first byte has to come within this, and from its turn on the TLS handshake has to be over within this.
const SHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Handshakes that are worked at together. All of a site at once would share the processors until every one of them is too
/// late; in turn each is quick, and a node that is connected is heard between them.
const TURNS: usize = 64;
/// A handshake that takes longer gives its turn to the next and goes on beside it: it waits for its peer, not for us.
const TURN: Duration = Duration::from_millis(250);
/// After the handshake, the login (CONNECT) has to be complete within this.
const LOGIN_WITHIN: Duration = Duration::from_secs(5);
/// Connections that may wait in the kernel: more than every node of a site that comes back at once.
const BACKLOG: u32 = 1_024;
/// What the kernel keeps for a peer that does not read. Bytes; it would take up to 4 MB by itself.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// What every connection needs of the broker.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) config: Arc<BrokerConfig>,
    pub(super) router: Arc<MessageRouter>,
    pub(super) stats: Arc<BrokerStats>,
    pub(super) resources: Arc<ResourceMonitor>,
    pub(super) stop: broadcast::Sender<()>,
    pub(super) site: Arc<str>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) counters: Counters,
    pub(super) clients: Arc<Clients>,
    pub(super) lobby: Arc<Lobby>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) door: Door,
}

impl Parts {
    /// What mqtt5 makes of one connection.
    fn session(
        &self,
        transport: BrokerTransport,
        from: SocketAddr,
        speaker: Arc<Speaker>,
        end: broadcast::Receiver<()>,
    ) -> ClientHandler {
        ClientHandler::new(
            transport,
            from,
            self.config.clone(),
            self.router.clone(),
            speaker,
            None,
            self.stats.clone(),
            self.resources.clone(),
            end,
        )
    }
}

/// As many as there are turns.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(TURNS))
}

/// A socket that listens.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until it is told to stop.
pub(super) async fn accept(socket: TcpListener, parts: Parts) {
    let mut stopped = parts.stop.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.recv() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let seat = parts.lobby.enter(from.ip());
                drop(tokio::spawn(serve(stream, from, parts.clone(), seat)));
            }
            Err(error) => {
                parts.counters.count(Cause::ClientLimit, "listener", &error);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, from: SocketAddr, parts: Parts, seat: Seat) {
    // Without it three small packets in a row wait 40 ms for each other. A socket that cannot is served all the same.
    let _ = stream.set_nodelay(true);
    let count = |cause, what: &str| parts.counters.count(cause, &from.to_string(), &what);
    let mut stopped = parts.stop.subscribe();
    let entered = tokio::select! {
        biased;
        entered = enter(stream, &parts, &seat) => entered,
        () = seat.asked_to_leave() => return count(Cause::LobbyLimit, "made way before its TLS handshake was over"),
        _ = stopped.recv() => return,
    };
    match entered {
        Ok(Ok(entered)) => converse(entered, from, &parts, seat).await,
        Ok(Err(refusal)) => {
            let who = refusal
                .claim
                .map_or_else(|| from.to_string(), |claim| format!("{claim} at {from}"));
            parts.counters.count(refusal.cause, &who, &refusal.what);
        }
        Err(_) => count(Cause::Handshake, "no TLS handshake in time"),
    }
}

/// Comes in, when its turn has come; in time.
async fn enter(stream: TcpStream, parts: &Parts, seat: &Seat) -> Result<Result<Entered, Refusal>, Elapsed> {
    if let Door::Plain = parts.door {
        return Ok(parts.door.enter(stream).await);
    }
    // Whoever says nothing gets no turn. An error shows itself in the handshake.
    let _ = timeout(SHAKE_WITHIN, stream.readable()).await?;
    seat.spoke();
    // Never closed.
    let turn = parts.turns.acquire().await;
    let mut entered = std::pin::pin!(parts.door.enter(stream));
    if let Ok(entered) = timeout(TURN, &mut entered).await {
        return Ok(entered);
    }
    drop(turn);
    timeout(SHAKE_WITHIN - TURN, entered).await
}

/// One MQTT session. The seat in the lobby is given back once the login is complete and there is a place for it.
async fn converse(entered: Entered, from: SocketAddr, parts: &Parts, seat: Seat) {
    let Entered { transport, proven } = entered;
    let count = |cause, what: &dyn std::fmt::Display| parts.counters.count(cause, &from.to_string(), what);
    let speaker = Arc::new(Speaker::new(proven.as_ref().map(|proven| proven.name.clone()), parts));
    let (stop, end) = broadcast::channel(1);
    let mut run = std::pin::pin!(parts.session(transport, from, speaker.clone(), end).run());
    let mut stopped = parts.stop.subscribe();
    let leave = tokio::select! {
        biased;
        ended = &mut run => return speaker.account_for(ended, from),
        leave = speaker.admitted() => leave,
        () = seat.asked_to_leave() => return count(Cause::LobbyLimit, &"made way before its login was complete"),
        () = sleep(LOGIN_WITHIN) => return count(Cause::Handshake, &"no complete login in time"),
        _ = stopped.recv() => return,
    };
    drop(seat);
    let asked = async {
        tokio::select! {
            () = leave => {}
            error = parts.door.shuts_out(proven.as_ref()) => count(door::cause(&error), &error),
            _ = stopped.recv() => {}
        }
        // An end that is asked for goes through the session, so that it leaves nothing behind and its last will is heard.
        let _ = stop.send(());
        std::future::pending::<std::convert::Infallible>().await
    };
    let ended = tokio::select! {
        ended = &mut run => ended,
        never = asked => match never {},
    };
    speaker.account_for(ended, from);
}
