//! Reads a request's JSON body within its limits.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Largest body taken, in bytes.
pub(crate) const BODY_MAX: usize = 16 * 1024;

/// The raw body of a request that says it is JSON. A form in somebody's browser cannot say so, which is half of the
/// protection against forged requests.
///
/// # Errors
/// 415 without `Content-Type: application/json`, 413 beyond [`BODY_MAX`] or when the body breaks off.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    if !says_json(headers) {
        let detail = "send Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let bytes = to_bytes(body, BODY_MAX).await.map_err(|_| {
        let detail = format!("the body broke off, or is larger than {BODY_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    Ok(bytes.into())
}

/// The body as a document; unknown fields and wrong types are named.
///
/// # Errors
/// As [`read`], and 400 for what is not the document asked for.
pub(crate) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let bytes = read(headers, body).await?;
    serde_json::from_slice(&bytes).map_err(|e| Problem::new(StatusCode::BAD_REQUEST, format!("the body: {e}")))
}

fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = value.and_then(|v| v.split(';').next()).map(str::trim);
    essence.is_some_and(|e| e.eq_ignore_ascii_case("application/json"))
}
