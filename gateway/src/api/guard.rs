//! Turns away what another site in somebody's browser sends: DNS rebinding and forged requests.

use std::net::{Ipv6Addr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};

use super::problem::Problem;

/// Under which names the API may be spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    loopback_only: bool,
    public: Option<Authority>,
}

impl Guard {
    /// For a listener at `listen`; `public_url` is a further name that was configured.
    pub(crate) fn new(listen: Option<SocketAddr>, public_url: Option<&str>) -> Self {
        let public = public_url.and_then(|url| url.parse::<Uri>().ok());
        Self {
            loopback_only: listen.is_none_or(|address| address.ip().is_loopback()),
            public: public.and_then(|uri| uri.authority().cloned()),
        }
    }

    /// Checks where the request thinks it goes and, if it would change something, where it comes from.
    ///
    /// # Errors
    /// 421 for a foreign `Host`, 403 for a foreign `Origin`.
    pub(crate) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = uri.authority().cloned().or_else(|| authority(headers, &header::HOST));
        if self.loopback_only && !host.as_ref().is_some_and(|h| self.is_ours(h)) {
            let detail = "this API listens on loopback: call it as 127.0.0.1 or localhost, or set [http] public_url";
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
        }
        if method.is_safe() || !headers.contains_key(header::ORIGIN) || self.same_origin(host.as_ref(), headers) {
            return Ok(());
        }
        let detail = "a page of another origin may change nothing here";
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    }

    fn is_ours(&self, host: &Authority) -> bool {
        let configured = self
            .public
            .as_ref()
            .is_some_and(|p| p.host().eq_ignore_ascii_case(host.host()));
        configured || is_loopback_name(host.host())
    }

    fn same_origin(&self, host: Option<&Authority>, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
        let origin = origin.and_then(|o| o.parse::<Uri>().ok());
        let origin = origin.as_ref().and_then(Uri::authority);
        origin.is_some_and(|o| host == Some(o) || self.public.as_ref() == Some(o))
    }
}

fn authority(headers: &HeaderMap, name: &header::HeaderName) -> Option<Authority> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

pub(super) fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(guard: &Guard, method: &Method, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        guard.check(method, &Uri::from_static("/"), &headers).is_ok()
    }

    fn on(listen: &str, public_url: Option<&str>) -> Guard {
        Guard::new(Some(listen.parse().unwrap()), public_url)
    }

    #[test]
    fn a_loopback_listener_answers_to_loopback_names_only() {
        let guard = on("127.0.0.1:8620", Some("https://muster.example:444"));
        for host in [
            "127.0.0.1:8620",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8620",
            "127.9.9.9",
            "muster.example",
        ] {
            assert!(ask(&guard, &Method::GET, host, None), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost.evil.example",
            "",
        ] {
            assert!(!ask(&guard, &Method::GET, host, None), "{host}");
        }
    }

    #[test]
    fn another_listener_answers_to_any_name() {
        assert!(ask(
            &on("0.0.0.0:8620", None),
            &Method::GET,
            "muster.example:8620",
            None
        ));
    }

    #[test]
    fn a_foreign_origin_may_read_but_not_write() {
        let guard = on("0.0.0.0:8620", None);
        let host = "muster.example:8620";
        assert!(ask(&guard, &Method::POST, host, Some("http://muster.example:8620")));
        for origin in ["http://evil.example", "null", "http://muster.example", "file://"] {
            assert!(!ask(&guard, &Method::POST, host, Some(origin)), "{origin}");
            assert!(ask(&guard, &Method::GET, host, Some(origin)), "{origin}");
        }
    }
}
