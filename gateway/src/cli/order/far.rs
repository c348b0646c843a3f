//! One question to a running gateway, or one wish, with a deadline on everything.

use std::path::Path;

use reqwest::RequestBuilder;
use serde_json::Value;

use super::call::{Failure, base_of, client, join, judge, read, token_in, warn_if_plain};

/// A file with a token, else what the environment holds.
pub(in crate::cli) type Token<'a> = (Option<&'a Path>, Option<String>);

/// A document of the gateway's. From this machine it needs no token.
pub(in crate::cli) async fn look(url: &str, token: Token<'_>, path: &str) -> Result<Value, Failure> {
    let base = base_of(url)?;
    let (named, token) = (token.0.is_some(), token_in(token.0, token.1)?);
    if named && token.is_none() {
        return Err(Failure::Usage("the first line of --token-file is no token".to_owned()));
    }
    let url = join(&base, path)?;
    let mut request = client()?.get(url.clone());
    if let Some(token) = token {
        warn_if_plain(&base);
        request = request.bearer_auth(token);
    }
    let (status, document) = send(request, &url).await?;
    if status == 200 && document["schema"].is_number() {
        return Ok(document);
    }
    let said = document["detail"]
        .as_str()
        .map_or_else(|| format!("{url} answered {status}: not Muster"), str::to_owned);
    // Exit 1 says that something is found, and nothing else.
    Err(match status {
        401 | 403 | 421 => Failure::Usage(format!("{said} (--token-file FILE, or MUSTER_TOKEN)")),
        _ => Failure::Unavailable(said),
    })
}

/// A person's wish.
pub(in crate::cli) async fn post(url: &str, token: Token<'_>, path: &str, body: &Value) -> Result<Value, Failure> {
    let base = base_of(url)?;
    let token = token_in(token.0, token.1)?.ok_or_else(|| {
        let why = "it needs your token: --token-file FILE or MUSTER_TOKEN. Make one with `muster order token --id NAME --out FILE`";
        Failure::Usage(why.to_owned())
    })?;
    warn_if_plain(&base);
    let url = join(&base, path)?;
    let (status, document) = send(client()?.post(url.clone()).bearer_auth(token).json(body), &url).await?;
    judge(
        reqwest::StatusCode::from_u16(status).unwrap_or_default(),
        &document,
        &base,
    )?;
    Ok(document)
}

async fn send(request: RequestBuilder, url: &reqwest::Url) -> Result<(u16, Value), Failure> {
    let response = request.send().await.map_err(|cause| Failure::Unreachable {
        url: url.clone(),
        cause,
    })?;
    let status = response.status().as_u16();
    Ok((status, read(response, url).await?))
}
