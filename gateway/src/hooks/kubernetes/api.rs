//! One Kubernetes API: JSON over HTTPS, a deadline and a bound on every answer, and one place through which every write
//! goes, so that a drill changes nothing.

use std::path::PathBuf;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kinds::{List, Pod, Status};
use crate::hooks::target;
use crate::hooks::webhook::{Failure, Limits};

/// Longest answer. A page of [`PAGE`] pods is 5 MiB where they are large.
const ANSWER_BYTES: usize = 32 * 1_024 * 1_024;
/// Objects of one list that are asked for at a time; what kubectl asks for.
const PAGE: &str = "500";
/// Objects of one list that are read in all: twice the largest cluster that Kubernetes is tested with (150,000 pods).
const MOST: usize = 300_000;
/// Longest token.
const TOKEN_BYTES: usize = 64 * 1_024;

/// A way to a cluster. In a drill every write is a dry run: rights, conflicts and budgets answer as they would, and nothing
/// is kept.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) url: Url,
    pub(super) client: reqwest::Client,
    pub(super) token_file: Option<PathBuf>,
    pub(super) allow_loopback: bool,
    pub(super) limits: Limits,
    pub(super) dry_run: bool,
}

/// Why a call had no effect.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// Our token.
    #[error("the token file {path} cannot be read")]
    Token {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It holds no token.
    #[error("the token file {0} holds no token")]
    NoToken(PathBuf),
    /// No whole answer.
    #[error("the API: {}", .0.line())]
    Unanswered(Failure),
    /// An answer that says no.
    #[error("the API answered {}: {}", .0.code, .0.message)]
    Refused(Box<Status>),
    /// An answer that is not what was asked for.
    #[error("an answer that cannot be read")]
    Body(#[source] serde_json::Error),
    /// More than is read.
    #[error("an answer of more than {ANSWER_BYTES} bytes, or a list of more than {MOST}")]
    TooLong,
}

impl ApiError {
    /// The code of an answer that says no.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(status.code),
            _ => None,
        }
    }
}

/// A resource's place: the parts of its path.
pub(super) type Place<'a> = &'a [&'a str];

impl Api {
    /// One object.
    pub(super) async fn get<T: DeserializeOwned>(&self, at: Place<'_>) -> Result<T, ApiError> {
        self.read(Method::GET, at, &[], None).await
    }

    /// One object, if there is one.
    pub(super) async fn find<T: DeserializeOwned>(&self, at: Place<'_>) -> Result<Option<T>, ApiError> {
        match self.get(at).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A whole list, page by page.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        at: Place<'_>,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ApiError> {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let mut asked = vec![("limit", PAGE)];
            asked.extend_from_slice(query);
            if !next.is_empty() {
                asked.push(("continue", &next));
            }
            let page: List<T> = self.read(Method::GET, at, &asked, None).await?;
            all.extend(page.items);
            next = page.metadata.next.unwrap_or_default();
            if next.is_empty() {
                return Ok(all);
            }
            if all.len() > MOST {
                return Err(ApiError::TooLong);
            }
        }
    }

    /// Every pod that these labels and fields choose, in one namespace or in all.
    pub(super) async fn pods(&self, namespace: Option<&str>, query: &[(&str, &str)]) -> Result<Vec<Pod>, ApiError> {
        match namespace {
            Some(namespace) => self.list(&["api", "v1", "namespaces", namespace, "pods"], query).await,
            None => self.list(&["api", "v1", "pods"], query).await,
        }
    }

    /// A question that has a body, such as whether we may; never a write.
    pub(super) async fn ask<T: DeserializeOwned>(&self, at: Place<'_>, body: &Value) -> Result<T, ApiError> {
        self.read(Method::POST, at, &[], Some((body, "application/json"))).await
    }

    /// Changes an object by JSON merge patch (RFC 7396). With `metadata.resourceVersion` in it, 409 if it was changed since.
    pub(super) async fn patch<T: DeserializeOwned>(&self, at: Place<'_>, change: &Value) -> Result<T, ApiError> {
        let body = (change, "application/merge-patch+json");
        self.read(Method::PATCH, at, self.writing(), Some(body)).await
    }

    /// Asks for a pod's eviction, with the words of the API's own version of it.
    pub(super) async fn evict(&self, pod: &Pod, version: &str) -> Result<(), ApiError> {
        let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
        let body = json!({
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": { "namespace": namespace, "name": name },
            "deleteOptions": self.delete_options(pod, None),
        });
        let at = ["api", "v1", "namespaces", namespace, "pods", name, "eviction"];
        let body = Some((&body, "application/json"));
        self.read::<Value>(Method::POST, &at, self.writing(), body)
            .await
            .map(drop)
    }

    /// Deletes a pod, whatever its budget says. With its own grace, or a shorter one in seconds.
    pub(super) async fn delete(&self, pod: &Pod, grace_s: Option<i64>) -> Result<(), ApiError> {
        let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
        let body = self.delete_options(pod, grace_s);
        let at = ["api", "v1", "namespaces", namespace, "pods", name];
        let body = Some((&body, "application/json"));
        self.read::<Value>(Method::DELETE, &at, self.writing(), body)
            .await
            .map(drop)
    }

    /// For this very pod: one of the same name that has come up elsewhere since is never hit (409).
    fn delete_options(&self, pod: &Pod, grace_s: Option<i64>) -> Value {
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": pod.metadata.uid },
        });
        if let Some(grace_s) = grace_s {
            options["gracePeriodSeconds"] = grace_s.into();
        }
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        options
    }

    const fn writing(&self) -> &'static [(&'static str, &'static str)] {
        if self.dry_run { &[("dryRun", "All")] } else { &[] }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        at: Place<'_>,
        query: &[(&str, &str)],
        body: Option<(&Value, &'static str)>,
    ) -> Result<T, ApiError> {
        let mut request = self.client.request(method, self.url_of(at, query));
        if let Some((body, kind)) = body {
            request = request.header(CONTENT_TYPE, kind).body(body.to_string());
        }
        let answer = self.exchange(request).await?;
        serde_json::from_slice(&answer).map_err(ApiError::Body)
    }

    /// Words of an answer that is not JSON, such as those of `/readyz`.
    pub(super) async fn words(&self, at: Place<'_>) -> Result<String, ApiError> {
        let answer = self.exchange(self.client.get(self.url_of(at, &[]))).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn url_of(&self, at: Place<'_>, query: &[(&str, &str)]) -> Url {
        let mut url = self.url.clone();
        // Only an address without a host refuses a path, and none such is a hook.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(at);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// One request and its whole answer, within one deadline.
    async fn exchange(&self, request: RequestBuilder) -> Result<Vec<u8>, ApiError> {
        target::check_literal(&self.url, self.allow_loopback)
            .map_err(|cause| ApiError::Unanswered(Failure::Forbidden(cause)))?;
        let request = match self.token().await? {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let limit = self.limits.attempt;
        let whole = tokio::time::timeout(limit, answer(request)).await;
        let (code, body) = whole.unwrap_or(Err(ApiError::Unanswered(Failure::Timeout(limit))))?;
        refusal(code, &body).map_or(Ok(body), |status| Err(ApiError::Refused(Box::new(status))))
    }

    /// Read at each use: tokens of service accounts are replaced every hour.
    async fn token(&self) -> Result<Option<String>, ApiError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let read = tokio::fs::read_to_string(path).await;
        let text = read.map_err(|source| ApiError::Token {
            path: path.clone(),
            source,
        })?;
        let token = text.trim();
        let usable = !token.is_empty() && token.len() <= TOKEN_BYTES && token.chars().all(|c| c.is_ascii_graphic());
        usable
            .then(|| Some(token.to_owned()))
            .ok_or_else(|| ApiError::NoToken(path.clone()))
    }
}

async fn answer(request: RequestBuilder) -> Result<(u16, Vec<u8>), ApiError> {
    let unanswered = |cause| ApiError::Unanswered(Failure::of(cause));
    let mut response = request.send().await.map_err(unanswered)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unanswered)? {
        if body.len() + piece.len() > ANSWER_BYTES {
            return Err(ApiError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok((response.status().as_u16(), body))
}

/// What an answer refuses, in the API's own words, or in those of whatever stands before it.
fn refusal(code: u16, body: &[u8]) -> Option<Status> {
    if (200..300).contains(&code) {
        return None;
    }
    let told = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|s| s.kind == "Status");
    Some(told.map_or_else(|| Status::unsaid(code, body), |status| Status { code, ..status }))
}
