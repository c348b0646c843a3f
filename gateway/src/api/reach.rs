//! Who may look. On loopback everybody; from elsewhere whoever shows a principal's token (decision 0021).

use std::net::SocketAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};

use super::guard::is_loopback_name;
use super::problem::Problem;
use super::serve::Room;
use super::{auth, page};
use crate::counters::Cause;

/// What anybody may ask: nothing of the site is in it that a watchdog does not need, or nothing of it at all.
const FREE: [&str; 2] = ["/healthz", "/openapi.json"];

/// What a proxy leaves behind. One of them is enough: then the peer on loopback speaks for somebody else.
const TRACES_OF_A_PROXY: [&str; 6] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Whether a request comes from this machine itself: by the peer's address, by the name it called, and without a trace of
/// a proxy. Each can only take the privilege away.
pub(crate) fn is_local(peer: SocketAddr, (version, uri): (Version, &Uri), headers: &HeaderMap) -> bool {
    let named = headers.get(header::HOST).and_then(|v| v.to_str().ok());
    let named = named.and_then(|host| host.parse::<Authority>().ok());
    let host = uri.authority().cloned().or(named);
    // nginx, left to itself, leaves no field behind, but asks in HTTP/1.0.
    peer.ip().to_canonical().is_loopback()
        && host.is_some_and(|host| is_loopback_name(host.host()))
        && version >= Version::HTTP_11
        && !headers.keys().any(is_trace)
}

fn is_trace(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-forwarded-") || TRACES_OF_A_PROXY.contains(&name.as_str())
}

/// Lets a read pass, or says how to come by one. Writes have keys of their own and pass.
///
/// # Errors
/// The answer to give instead: a problem, or for the page a page that says how to log in.
pub(crate) fn check(
    room: &Room,
    peer: SocketAddr,
    (method, version, uri): (&Method, Version, &Uri),
    headers: &HeaderMap,
) -> Result<(), Box<Response>> {
    if !method.is_safe() || FREE.contains(&uri.path()) || is_local(peer, (version, uri), headers) {
        return Ok(());
    }
    let given = auth::reader(headers);
    if let Some(token) = &given
        && room.state.people.of_token(token).is_some()
    {
        return Ok(());
    }
    let refused = refuse(room, peer, given.is_some());
    let for_people = uri.path() == "/" && refused.is_unauthorized();
    Err(Box::new(if for_people {
        page::login(&room.state.view.borrow().site)
    } else {
        refused.into_response()
    }))
}

/// A read without any token is no guess; a wrong one is.
fn refuse(room: &Room, peer: SocketAddr, guessed: bool) -> Problem {
    let why = if guessed {
        auth::unknown_token(&room.state.view.borrow().site)
    } else {
        "reading from another machine, or through a proxy, needs a principal's token: \
         Authorization: Bearer <token>, or Basic with the token as password"
            .to_owned()
    };
    room.state
        .counters
        .count(Cause::ReadRefused, &peer.ip().to_string(), &why);
    if guessed {
        room.failures.refuse(&why)
    } else {
        Problem::new(StatusCode::UNAUTHORIZED, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(peer: &str, fields: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        is_local(
            peer.parse().unwrap(),
            (Version::HTTP_11, &Uri::from_static("/")),
            &headers,
        )
    }

    #[test]
    fn only_what_comes_from_here_is_local() {
        for peer in ["127.0.0.1:9", "127.8.8.8:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert!(local(peer, &[("host", "localhost:8620")]), "{peer}");
        }
        for peer in ["10.0.0.7:9", "[fe80::1]:9", "[::ffff:10.0.0.7]:9", "0.0.0.0:9"] {
            assert!(!local(peer, &[("host", "localhost:8620")]), "{peer}");
        }
    }

    #[test]
    fn a_proxy_on_this_machine_speaks_for_somebody_else() {
        let more = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
        for name in TRACES_OF_A_PROXY.into_iter().chain(more) {
            assert!(
                !local("127.0.0.1:9", &[("host", "127.0.0.1"), (name, "127.0.0.1")]),
                "{name}"
            );
        }
        // The name of the site in the world, and the name of an attacker's page that points here.
        assert!(!local("127.0.0.1:9", &[("host", "muster.example")]));
        assert!(!local("127.0.0.1:9", &[]));
        let headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1".parse().unwrap())]);
        let old = (Version::HTTP_10, &Uri::from_static("/"));
        assert!(!is_local("127.0.0.1:9".parse().unwrap(), old, &headers));
    }
}
