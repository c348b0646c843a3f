//! Standard Webhooks signatures, checked by code of the receiver's own.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key in `whsec_…` notation; `None` if it is not Base64.
#[must_use]
pub fn signing_key(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()
}

/// Whether one of the message's `v1` signatures is ours. The age of the timestamp is not judged: only the story knows
/// what time it is.
pub(super) fn is_signed(key: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let (Some(id), Some(timestamp), Some(signatures)) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    ) else {
        return false;
    };
    signatures
        .split_ascii_whitespace()
        .filter_map(|s| s.strip_prefix("v1,"))
        .filter_map(|s| STANDARD.decode(s).ok())
        .any(|mac| matches(key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body], &mac))
}

fn matches(key: &[u8], parts: &[&[u8]], mac: &[u8]) -> bool {
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    parts.iter().for_each(|part| hmac.update(part));
    hmac.verify_slice(mac).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks documentation and its libraries' tests.
    #[test]
    fn published_example_verifies_and_nothing_else() {
        let key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        let good = "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        headers.insert("webhook-signature", good.parse().unwrap());
        assert!(is_signed(&key, &headers, br#"{"test": 2432232314}"#));
        assert!(!is_signed(&key, &headers, br#"{"test": 2432232315}"#));
        assert!(!is_signed(
            b"another key of some length",
            &headers,
            br#"{"test": 2432232314}"#
        ));
        headers.insert("webhook-id", "msg_other".parse().unwrap());
        assert!(!is_signed(&key, &headers, br#"{"test": 2432232314}"#));
        headers.remove("webhook-signature");
        assert!(!is_signed(&key, &headers, br#"{"test": 2432232314}"#));
    }
}
