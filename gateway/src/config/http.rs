//! `[http]`.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::Url;

use super::Http;
use super::faults::{At, Faults, quoted};
use super::hook::HookRow;
use super::mqtt::listen_address;
use super::table::Table;

/// Reads it; without it the API listens on loopback.
pub(super) fn read(root: &Table<'_>) -> Http {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8620));
    let Some(table) = root.table("http", "[http]") else {
        return Http {
            listen: usual,
            public_url: None,
        };
    };
    let listen = listen_address(&table);
    if let Some(address) = listen.as_ref().filter(|a| !a.value.ip().to_canonical().is_loopback()) {
        let what = format!(
            "the API listens on {} without TLS: tokens of orders can be read there",
            address.value
        );
        table.faults.warning(
            address.at,
            what,
            "listen on loopback and put a proxy with TLS before it",
        );
    }
    let public_url = table.text("public_url").map(|url| public_url(&table, &url));
    table.finish();
    Http {
        listen: listen.map_or(usual, |a| a.value),
        public_url,
    }
}

/// `http(s)://host[:port]`, nothing behind it.
fn public_url(table: &Table<'_>, text: &At<String>) -> String {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    };
    if !Url::parse(&text.value).is_ok_and(|url| plain(&url)) {
        let what = format!("{} is not a public URL", quoted(&text.value));
        table.faults.error(
            text.at,
            what,
            "only scheme, host and port, such as \"http://muster.example:8620\"",
        );
    }
    text.value.trim_end_matches('/').to_owned()
}

/// A hook on another machine cannot report progress to an address that only this one reaches.
pub(super) fn check_reach(http: &Http, hooks: &[HookRow], faults: &Faults<'_>) {
    let ip = http.listen.ip().to_canonical();
    if http.public_url.is_some() || !(ip.is_loopback() || ip.is_unspecified()) {
        return;
    }
    for hook in hooks.iter().filter(|h| h.elsewhere) {
        let what = format!(
            "hook {} is on another machine and is told to report progress to {}",
            quoted(&hook.id.value),
            http.listen
        );
        faults.warning(hook.place, what, "set public_url in [http] to an address it reaches");
    }
}
