//! Where this gateway is, as people have to type it: the commands that are printed run as printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where `muster order` looks for the gateway if nothing else is said.
pub const USUAL_URL: &str = "http://127.0.0.1:8620";
/// Stands in printed commands for the one thing that no gateway knows: the file with the reader's own token.
pub(crate) const TOKEN_FILE: &str = "YOUR.tok";

/// A gateway's API and journal, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    url: String,
    journal: PathBuf,
}

impl Here {
    /// `public_url` goes first; an address that means every address is called on this machine.
    #[must_use]
    pub fn new(listens: SocketAddr, public_url: Option<&str>, journal: &Path) -> Self {
        let ip = match listens.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let called = || format!("http://{}", SocketAddr::new(ip, listens.port()));
        Self {
            url: public_url.map_or_else(called, |url| url.trim_end_matches('/').to_owned()),
            // Whoever reads it stands in another folder.
            journal: std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned()),
        }
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        format!("{}/", self.url)
    }

    /// The command for an order, such as `hold` or `cut --at 16:52`.
    #[must_use]
    pub fn order(&self, order: &str) -> String {
        order_command(&self.url, order)
    }

    /// The command that walks every bridge of a site.
    #[must_use]
    pub fn drill(&self, site: &str) -> String {
        drill_command(&self.url, site)
    }

    /// The command that lists every device.
    pub(crate) fn devices(&self) -> String {
        devices_command(&self.url)
    }

    /// The command that reads the journal.
    pub(crate) fn journal(&self, options: &str) -> String {
        format!("muster journal {} {options}", quoted(&self.journal.to_string_lossy()))
    }
}

/// The command for an order to the gateway at `url`.
pub(crate) fn order_command(url: &str, order: &str) -> String {
    format!("muster order {order}{} --token-file {TOKEN_FILE}", url_option(url))
}

/// The command that walks every bridge of the site whose gateway is at `url`.
pub(crate) fn drill_command(url: &str, site: &str) -> String {
    format!(
        "muster drill --site {site}{} --token-file {TOKEN_FILE}",
        url_option(url)
    )
}

/// `muster devices`, as it has to be typed for the gateway at this URL.
pub(crate) fn devices_command(url: &str) -> String {
    format!("muster devices{}", url_option(url))
}

fn url_option(url: &str) -> String {
    match url.trim_end_matches('/') {
        USUAL_URL => String::new(),
        url => format!(" --url {}", quoted(url)),
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(listens: &str, public: Option<&str>) -> String {
        Here::new(listens.parse().unwrap(), public, Path::new("/a.db")).url
    }

    #[test]
    fn an_address_is_one_that_can_be_called() {
        assert_eq!(url("127.0.0.1:8620", None), USUAL_URL);
        assert_eq!(url("0.0.0.0:8620", None), USUAL_URL);
        assert_eq!(url("[::]:9", None), "http://[::1]:9");
        assert_eq!(url("10.0.0.7:80", None), "http://10.0.0.7:80");
        assert_eq!(
            url("0.0.0.0:8620", Some("https://muster.example/")),
            "https://muster.example"
        );
    }

    #[test]
    fn a_command_says_no_more_than_it_has_to() {
        assert_eq!(
            order_command(USUAL_URL, "hold"),
            "muster order hold --token-file YOUR.tok"
        );
        assert_eq!(
            order_command("http://[::1]:9/", "hold"),
            "muster order hold --url 'http://[::1]:9' --token-file YOUR.tok"
        );
    }

    #[test]
    fn a_path_is_one_word_from_any_folder() {
        let command = |path: &str| Here::new(([127, 0, 0, 1], 1).into(), None, Path::new(path)).journal("--events");
        assert_eq!(
            command("/var/lib/muster.db"),
            "muster journal /var/lib/muster.db --events"
        );
        assert_eq!(command("/it's here.db"), r"muster journal '/it'\''s here.db' --events");
        assert!(command("muster.db").starts_with("muster journal /"));
    }
}
