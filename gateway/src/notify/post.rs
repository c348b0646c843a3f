//! One HTTP call outside, within a deadline. The rules of hooks hold: no redirects, checked addresses.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};

use super::carrier::Failure;
use crate::config::{Address, Place};
use crate::hooks::webhook::Failure as Broken;
use crate::hooks::{ClientError, Clients, client_trusting, note, target};

/// Resolving and connecting alone, TLS included.
const CONNECT: Duration = Duration::from_secs(4);
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 16 * 1_024;

/// The client of a place, and what it may call.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) client: reqwest::Client,
    allow_loopback: bool,
    attempt: Duration,
}

impl Post {
    pub(super) fn new(place: &Place, attempt: Duration) -> Result<Self, ClientError> {
        let client = match &place.ca {
            Some(ca) => client_trusting(CONNECT, place.allow_loopback, ca)?,
            None => Clients::new(CONNECT)?.get(place.allow_loopback),
        };
        Ok(Self {
            client,
            allow_loopback: place.allow_loopback,
            attempt,
        })
    }

    /// Sends, and reads the answer: what breaks off in the middle was not taken.
    pub(super) async fn exchange(&self, url: &Address, request: RequestBuilder) -> Result<StatusCode, Failure> {
        target::check_literal(&url.0, self.allow_loopback).map_err(|why| Failure::Refused(why.to_string()))?;
        let whole = async {
            let response = request.send().await.map_err(Broken::of)?;
            let status = response.status();
            read(response).await.map_err(Broken::of)?;
            Ok(status)
        };
        let answered = tokio::time::timeout(self.attempt, whole).await;
        answered.map_err(|_| Failure::Timeout(self.attempt))?.map_err(of_broken)
    }

    /// As [`Post::exchange`]; only 2xx means that it was taken.
    pub(super) async fn send(&self, url: &Address, request: RequestBuilder) -> Result<(), Failure> {
        let status = self.exchange(url, request).await?;
        match status.as_u16() {
            200..=299 => Ok(()),
            300..=399 => Err(Failure::Refused(format!(
                "answered {status}; redirects are not followed"
            ))),
            _ => Err(Failure::Refused(format!("answered {status}"))),
        }
    }
}

async fn read(mut response: Response) -> Result<(), reqwest::Error> {
    let mut room = ANSWER_BYTES;
    while let Some(piece) = response.chunk().await? {
        if piece.len() > room {
            break;
        }
        room -= piece.len();
    }
    Ok(())
}

fn of_broken(broken: Broken) -> Failure {
    let line = note::one_line(&broken.line(), 200);
    match broken {
        Broken::Forbidden(_) => Failure::Refused(line),
        _ => Failure::Unreached(line),
    }
}
