//! Reports to the gateway that asked.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;

use super::desk::Desk;
use super::message::ReportTo;

/// One report must be taken within this. Real time.
const REPORT_DEADLINE: Duration = Duration::from_secs(2);
/// First pause between two reports of an end.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// An end is reported this often at most, which is about five minutes: a gateway may be restarting.
const MOST_REPORTS: u32 = 150;

/// What is told.
#[derive(Serialize)]
pub(super) struct Report {
    state: &'static str,
    percent: u8,
    note: &'static str,
}

impl Report {
    pub(super) const fn running(percent: u8) -> Self {
        Self {
            state: "running",
            percent,
            note: "simulated work",
        }
    }

    pub(super) const fn done() -> Self {
        Self {
            state: "done",
            percent: 100,
            note: "simulated work",
        }
    }
}

/// A client with a deadline that neither follows redirects nor asks a proxy.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    // An error only says that the process has a TLS provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(REPORT_DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// One attempt; the answer's status if there was one.
pub(super) async fn once(client: &reqwest::Client, to: &ReportTo, report: &Report) -> Option<StatusCode> {
    let url = to.progress_url.as_ref()?;
    let bearer = to.progress_token.as_deref().unwrap_or_default();
    let sent = client.post(url).bearer_auth(bearer).json(report).send().await;
    match sent {
        Ok(answer) => Some(answer.status()),
        Err(error) => {
            tracing::debug!(%url, %error, "a report was not taken");
            None
        }
    }
}

/// Repeats an end until it is taken, refused for good, or nobody has been there for minutes. The sender's retry of
/// the step hears of the end too.
pub(super) async fn until_taken(desk: &Desk, key: &str, report: &Report) {
    let mut pause = SHORTEST_PAUSE;
    for _ in 0..MOST_REPORTS {
        // Asked for anew each time: a restarted gateway brings another bearer.
        let to = desk.ledger().report_to(key);
        if to.progress_url.is_none() {
            return;
        }
        match once(desk.client(), &to, report).await {
            Some(status) if status.is_success() => return,
            Some(status @ (StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE)) => {
                tracing::warn!(key, %status, "the end of a step was refused");
                return;
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::warn!(key, "nobody took the end of a step");
}
