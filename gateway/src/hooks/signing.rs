//! Standard Webhooks v1: HMAC-SHA256 over `id.timestamp.body`, so that a receiver knows who called, what and when.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// How a secret begins in its text form.
const PREFIX: &str = "whsec_";
/// Bytes a secret may have (Standard Webhooks 1.0).
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is no secret. Never carries the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Other beginning.
    #[error("a secret begins with `whsec_`")]
    Prefix,
    /// What follows is not base64.
    #[error("after `whsec_` comes base64 with its padding")]
    Base64(#[source] base64::DecodeError),
    /// Too weak, or longer than the standard allows.
    #[error("a secret has 24 to 64 bytes, this one has {0}")]
    Length(usize),
}

/// Reads `whsec_<base64>`.
///
/// # Errors
/// Another prefix, no base64, or not 24 to 64 bytes.
pub fn parse_secret(text: &str) -> Result<Secret, SecretError> {
    let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
    let bytes = STANDARD.decode(encoded).map_err(SecretError::Base64)?;
    if LENGTHS.contains(&bytes.len()) {
        Ok(Secret(bytes))
    } else {
        Err(SecretError::Length(bytes.len()))
    }
}

/// The `webhook-signature` of a message sent at `unix_s`: `v1,<base64>`.
#[must_use]
pub fn sign(secret: &Secret, id: &str, unix_s: i64, body: &[u8]) -> String {
    let mut mac = keyed(&secret.0);
    mac.update(id.as_bytes());
    mac.update(format!(".{unix_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Seconds a timestamp may be off (Standard Webhooks); beyond, it may be a replay.
const TOLERANCE_S: u64 = 5 * 60;

/// Whether a message is signed by `secret`, just now. `signatures` may be several, separated by spaces.
#[must_use]
pub fn verify(secret: &Secret, id: &str, (stamp, now_s): (&str, i64), signatures: &str, body: &[u8]) -> bool {
    let Ok(unix_s) = stamp.parse::<i64>() else { return false };
    let right = sign(secret, id, unix_s, body);
    let shown = signatures
        .split(' ')
        .any(|one| right.as_bytes().ct_eq(one.as_bytes()).into());
    shown && unix_s.abs_diff(now_s) <= TOLERANCE_S
}

/// HMAC-SHA256 with a key.
#[allow(
    clippy::expect_used,
    reason = "HMAC takes keys of every length; the error exists for other MACs"
)]
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn agrees_with_the_published_vector() {
        let secret = parse_secret(SECRET).unwrap();
        assert_eq!(
            sign(&secret, ID, 1_614_265_330, BODY),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn every_flipped_bit_changes_the_signature() {
        let secret = parse_secret(SECRET).unwrap();
        let good = sign(&secret, ID, 7, BODY);
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(sign(&secret, ID, 7, &body), good, "bit {bit} of the body");
        }
        for bit in 0..secret.0.len() * 8 {
            let mut key = secret.clone();
            key.0[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(sign(&key, ID, 7, BODY), good, "bit {bit} of the key");
        }
        assert_ne!(sign(&secret, ID, 8, BODY), good);
        assert_ne!(sign(&secret, "msg_q", 7, BODY), good);
    }

    #[test]
    fn believes_only_what_was_signed_just_now() {
        let secret = parse_secret(SECRET).unwrap();
        let good = sign(&secret, ID, 1_000, BODY);
        let is =
            |id: &str, stamp: &str, now_s, shown: &str, body: &[u8]| verify(&secret, id, (stamp, now_s), shown, body);
        assert!(is(ID, "1000", 1_000, &good, BODY));
        assert!(is(ID, "1000", 1_300, &format!("v1,x v1a,y {good}"), BODY));
        for (id, stamp, now_s, shown, body) in [
            (ID, "1000", 1_301, good.as_str(), BODY),
            (ID, "1000", 699, &good, BODY),
            (ID, "1001", 1_001, &good, BODY),
            (ID, "01000", 2_000, &good, BODY),
            (ID, "", 1_000, &good, BODY),
            ("other", "1000", 1_000, &good, BODY),
            (ID, "1000", 1_000, "", BODY),
            (ID, "1000", 1_000, &good, b"{}"),
            (ID, "-9223372036854775808", i64::MAX, &good, BODY),
        ] {
            assert!(!is(id, stamp, now_s, shown, body), "{id} {stamp} {now_s}");
        }
    }

    #[test]
    fn refuses_what_is_no_secret() {
        assert!(matches!(
            parse_secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            Err(SecretError::Prefix)
        ));
        assert!(matches!(parse_secret("whsec_"), Err(SecretError::Length(0))));
        assert!(matches!(parse_secret("whsec_!!!!"), Err(SecretError::Base64(_))));
        for (bytes, good) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(parse_secret(&text).is_ok(), good, "{bytes} bytes");
        }
    }
}
