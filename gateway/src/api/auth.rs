//! Who is speaking: bearer tokens, compared in constant time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use muster_core::PrincipalIx;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::problem::Problem;
use crate::clock::Stopwatch;

/// So many failures within [`FAILURES_WITHIN`], from anywhere, and wrong tokens are answered with 429.
const FAILURES_MAX: usize = 10;
/// See [`FAILURES_MAX`].
const FAILURES_WITHIN: Duration = Duration::from_secs(60);

/// What follows `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The token of somebody who only wants to look: a bearer, or the password of Basic, which is what browsers can send by
/// themselves. Orders take bearers alone: a browser attaches Basic to forged requests too.
pub(crate) fn reader(headers: &HeaderMap) -> Option<String> {
    if let Some(token) = bearer(headers) {
        return Some(token.to_owned());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = value.split_once(' ')?;
    let given = scheme.eq_ignore_ascii_case("basic").then_some(given.trim())?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(given).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(password.to_owned())
}

/// Whose token it is. Every hash is looked at, whether or not one has matched.
pub(crate) fn principal_of(token: &str, hashes: &[[u8; 32]]) -> Option<PrincipalIx> {
    let given: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let mut found = u16::MAX;
    for (hash, at) in hashes.iter().zip(0_u16..u16::MAX) {
        found.conditional_assign(&at, hash.ct_eq(&given));
    }
    (found != u16::MAX).then_some(PrincipalIx(found))
}

/// What a token nobody has is told: where it was not known.
pub(crate) fn unknown_token(site: &str) -> String {
    format!("no principal of {site} has this token")
}

/// Recent failures. They slow down guessing only: a valid token is looked for first and is never blocked, because an
/// attacker must not be able to keep people from giving an order in an emergency.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    recent: Mutex<VecDeque<Stopwatch>>,
}

impl Failures {
    /// Notes one, and says how to answer it.
    pub(crate) fn refuse(&self, why: &str) -> Problem {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|failure| failure.elapsed() < FAILURES_WITHIN);
        if recent.len() >= FAILURES_MAX {
            let detail = "too many wrong tokens within a minute; a valid one is still taken";
            return Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after_s(60);
        }
        recent.push_back(Stopwatch::start());
        Problem::new(StatusCode::UNAUTHORIZED, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }

    #[test]
    fn a_token_finds_its_principal_and_no_other() {
        let hashes = [hash("ann"), hash("ben"), hash("eve")];
        assert_eq!(principal_of("ann", &hashes), Some(PrincipalIx(0)));
        assert_eq!(principal_of("eve", &hashes), Some(PrincipalIx(2)));
        assert_eq!(principal_of("ev", &hashes), None);
        assert_eq!(principal_of("", &hashes), None);
        assert_eq!(principal_of("ann", &[]), None);
    }

    #[test]
    fn only_a_bearer_is_a_bearer() {
        let given = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(given("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(given("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(given("Basic abc"), None);
        assert_eq!(given("Bearer "), None);
        assert_eq!(given("abc"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_reader_may_come_with_basic() {
        let given = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            reader(&headers)
        };
        assert_eq!(given("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(given("Basic YW5uOnRvazplbg==").as_deref(), Some("tok:en"));
        assert_eq!(given("basic OmFiYw==").as_deref(), Some("abc"));
        for bad in ["Basic", "Basic %%%", "Basic YWJj", "Basic /w==", "Digest OmFiYw=="] {
            assert_eq!(given(bad), None, "{bad}");
        }
    }
}
