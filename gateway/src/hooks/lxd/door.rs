//! One way into a cluster, and the first that answers. Every request has a deadline and every answer a bound.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderValue, IF_MATCH};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;
use super::words::{Answer, Server};
use crate::config::LxdDoors;
use crate::hooks::resolver::{CheckedResolver, system};
use crate::hooks::webhook::{Failure, Limits};
use crate::hooks::{client, note, target};
use crate::sources::tls;

/// A list of some thousand instances with all their settings.
const BODY_BYTES: usize = 32 * 1_024 * 1_024;
/// The first question is to find out who is there: one that hangs must not keep us from the next.
const HELLO: Duration = Duration::from_secs(3);

/// A cluster that answers, by one of its members.
#[derive(Debug)]
pub(super) struct Door {
    base: Url,
    client: Client,
    project: String,
    limit: Duration,
    pub(super) server: Server,
}

/// What was read, and the mark by which a change is refused if somebody else was first.
pub(super) struct Seen<T> {
    pub(super) it: T,
    pub(super) etag: Option<HeaderValue>,
}

/// The first door that opens, in the order of the config.
pub(super) async fn open(doors: &LxdDoors, project: &str, limits: &Limits) -> Result<Door, Fault> {
    let (client, urls) = client_of(doors, limits.connect)?;
    let mut last = Fault::NotYet("no way to the cluster is configured".into());
    for url in urls {
        match hello(&client, &url, project, limits, doors).await {
            Ok(door) if door.server.trusts_us() => return Ok(door),
            // A new member may not know us yet; the next one may.
            Ok(_) => last = Fault::Untrusted,
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn hello(client: &Client, url: &str, project: &str, limits: &Limits, doors: &LxdDoors) -> Result<Door, Fault> {
    let base = Url::parse(url).map_err(|cause| Fault::NotYet(format!("{url} is no URL: {cause}")))?;
    let forbidden = |cause| Fault::Way(base.to_string(), Failure::Forbidden(cause));
    if let LxdDoors::Https { allow_loopback, .. } = doors {
        target::check_literal(&base, *allow_loopback).map_err(forbidden)?;
    }
    let mut door = Door {
        base,
        client: client.clone(),
        project: project.to_owned(),
        limit: limits.attempt.min(HELLO),
        server: Server {
            auth: String::new(),
            api_extensions: Vec::new(),
            environment: super::words::Environment::default(),
        },
    };
    door.server = door.get("/1.0", &[]).await?.it;
    door.limit = limits.attempt;
    Ok(door)
}

/// The files are read anew each time, so that renewed ones count at once.
fn client_of(doors: &LxdDoors, connect: Duration) -> Result<(Client, Vec<String>), Fault> {
    let builder = client::builder(connect);
    let (builder, urls) = match doors {
        LxdDoors::Socket(path) => (
            builder.unix_socket(path.as_path()).tls_certs_only([]),
            vec!["http://lxd/".to_owned()],
        ),
        LxdDoors::Https {
            urls,
            identity,
            ca,
            pinned,
            allow_loopback,
        } => {
            let config = match pinned {
                Some(pinned) => tls::client_of(pinned, Some(identity)),
                None => tls::client(ca.as_deref(), Some(identity)),
            };
            let config = config.map_err(|fault| Fault::Tls(fault.to_string()))?;
            let resolver = CheckedResolver {
                allow_loopback: *allow_loopback,
                lookup: system,
            };
            let builder = builder.dns_resolver(Arc::new(resolver));
            (builder.tls_backend_preconfigured((*config).clone()), urls.clone())
        }
    };
    let client = builder.build().map_err(|cause| Fault::Tls(cause.to_string()))?;
    Ok((client, urls))
}

impl Door {
    /// By which member it leads, for people.
    pub(super) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Reads one document.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<Seen<T>, Fault> {
        let request = self.request(Method::GET, path, query)?;
        let (answer, etag) = self.exchange(request, self.limit).await?;
        let it = serde_json::from_value(answer.metadata).map_err(|cause| Fault::Garbled(format!("{path}: {cause}")))?;
        Ok(Seen { it, etag })
    }

    /// As [`Self::get`], of a question that is answered late on purpose.
    pub(super) async fn wait<T: DeserializeOwned>(&self, path: &str, wait_s: u64) -> Result<T, Fault> {
        let request = self.request(Method::GET, path, &[("timeout", &wait_s.to_string())])?;
        let (answer, _) = self.exchange(request, self.limit + Duration::from_secs(wait_s)).await?;
        serde_json::from_value(answer.metadata).map_err(|cause| Fault::Garbled(format!("{path}: {cause}")))
    }

    /// Changes something, if it is still as it was; the path of the operation that this began, or nothing.
    pub(super) async fn send(
        &self,
        method: Method,
        (path, query): (&str, &[(&str, &str)]),
        body: &Value,
        etag: Option<&HeaderValue>,
    ) -> Result<Option<String>, Fault> {
        let mut request = self.request(method, path, query)?.json(body);
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        let (answer, _) = self.exchange(request, self.limit).await?;
        Ok(Some(answer.operation).filter(|operation| !operation.is_empty()))
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder, Fault> {
        let mut url = self
            .base
            .join(path)
            .map_err(|cause| Fault::Garbled(format!("{path}: {cause}")))?;
        url.query_pairs_mut()
            .extend_pairs(query)
            .append_pair("project", &self.project);
        Ok(self.client.request(method, url))
    }

    async fn exchange(&self, request: RequestBuilder, limit: Duration) -> Result<(Answer, Option<HeaderValue>), Fault> {
        let way = |failure| Fault::Way(self.url().to_owned(), failure);
        let whole = async {
            let response = request.send().await.map_err(|cause| way(Failure::of(cause)))?;
            let (etag, status) = (response.headers().get(ETAG).cloned(), response.status().as_u16());
            Ok((self.read(response).await?, etag, status))
        };
        let (body, etag, status) = tokio::time::timeout(limit, whole)
            .await
            .unwrap_or_else(|_| Err(way(Failure::Timeout(limit))))?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|cause| {
            // A proxy in between says it in HTML.
            Fault::Garbled(format!("status {status}, {cause}"))
        })?;
        if answer.error_code != 0 || status >= 300 {
            let code = if answer.error_code == 0 {
                status
            } else {
                answer.error_code
            };
            let error = note::clean(answer.error.as_bytes());
            return Err(Fault::Said { code, error });
        }
        Ok((answer, etag))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        loop {
            let piece = response.chunk().await;
            match piece.map_err(|cause| Fault::Way(self.url().to_owned(), Failure::of(cause)))? {
                Some(piece) if body.len() + piece.len() > BODY_BYTES => {
                    return Err(Fault::Garbled(format!("longer than {BODY_BYTES} bytes")));
                }
                Some(piece) => body.extend_from_slice(&piece),
                None => return Ok(body),
            }
        }
    }
}
