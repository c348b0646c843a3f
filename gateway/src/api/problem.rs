//! Errors as problem documents (RFC 9457).

use axum::Json;
use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Read of an answer that is to be put into our form.
const FOREIGN_MAX: usize = 1_024;

/// Why a request was not served: `type`, `title`, `status`, `detail` of RFC 9457, and `remedy`: what to do.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// `detail` is one line for a person: what was wrong this time.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    /// Says when another try makes sense.
    pub(crate) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The engine did not answer in time, or a place is not free.
    pub(crate) fn engine_silent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
    }

    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }
}

/// Sorts of problem: status, end of the `type`, title, and what to do about it.
type Sort = (u16, &'static str, &'static str, &'static str);

/// Every sort. The last two stand for all other statuses of their hundred.
const SORTS: [Sort; 14] = [
    (
        401,
        "token-needed",
        "A valid token is needed",
        "Send Authorization: Bearer and your token; `muster order token --id NAME --out FILE` makes one, and its hash goes into the config.",
    ),
    (
        403,
        "foreign-origin",
        "Not from there",
        "Call the API itself, not from a page of another site.",
    ),
    (
        404,
        "not-found",
        "There is no such thing here",
        "GET /openapi.json names everything there is.",
    ),
    (
        405,
        "method",
        "Not with this method",
        "The header Allow names the methods; GET /openapi.json explains them.",
    ),
    (
        409,
        "refused",
        "The order was refused",
        "Mend what the detail names, then order again; nothing has changed.",
    ),
    (413, "too-large", "Too large", "Send at most 16 KiB."),
    (
        415,
        "not-json",
        "Not JSON",
        "Send JSON, and say so: Content-Type: application/json.",
    ),
    (
        421,
        "foreign-host",
        "Not under this name",
        "Call http://127.0.0.1:8620, or set [http] public_url.",
    ),
    (
        422,
        "invalid",
        "Understood, but invalid",
        "Mend what the detail names and send it again.",
    ),
    (
        429,
        "too-many-guesses",
        "Too many wrong tokens",
        "Wait for Retry-After; a valid token is taken even now.",
    ),
    (
        503,
        "unavailable",
        "Not now",
        "Look at GET /healthz; if it does not get better, act by hand.",
    ),
    (
        504,
        "unconfirmed",
        "Given, but not confirmed",
        "Look at GET /api/v1/status before you repeat anything.",
    ),
    (
        400,
        "malformed",
        "Not understood",
        "GET /openapi.json says what may be asked, and how.",
    ),
    (
        500,
        "bug",
        "Muster is at fault",
        "Look at its log, and act by hand meanwhile.",
    ),
];

fn sort(status: StatusCode) -> &'static Sort {
    let [.., malformed, bug] = &SORTS;
    let usual = if status.is_server_error() { bug } else { malformed };
    SORTS.iter().find(|sort| sort.0 == status.as_u16()).unwrap_or(usual)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (_, end, title, remedy) = sort(self.status);
        let body = serde_json::json!({
            "type": format!("urn:muster:problem:{end}"), "title": title, "status": self.status.as_u16(),
            "detail": self.detail, "remedy": remedy,
        });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.is_unauthorized() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Puts an error that a library has answered, in plain text, into our form.
pub(crate) async fn of_any(response: Response) -> Response {
    let status = response.status();
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !plain {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let body = to_bytes(response.into_body(), FOREIGN_MAX).await.unwrap_or_default();
    let mut ours = Problem::new(status, String::from_utf8_lossy(&body)).into_response();
    if let Some(allow) = allow {
        ours.headers_mut().insert(header::ALLOW, allow);
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_there_is_has_a_sort_and_a_remedy() {
        for code in (400..600).filter_map(|code| StatusCode::from_u16(code).ok()) {
            let (_, end, title, remedy) = sort(code);
            assert!(
                !end.contains(' ') && !title.is_empty() && remedy.ends_with('.'),
                "{code}"
            );
        }
    }
}
