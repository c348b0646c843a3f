//! What a certificate says about itself, read by a real X.509 parser and never by a search in bytes.

use muster_wire::is_id;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its common names; a node's has exactly one.
    pub names: Vec<String>,
    /// Serial number, hex.
    pub serial: String,
    /// Valid from, Unix seconds.
    pub from_s: i64,
    /// Valid until, Unix seconds.
    pub until_s: i64,
    /// It may sign others.
    pub is_ca: bool,
    /// It says that it may act as a server.
    pub for_server: bool,
    /// It says that it may act as a client.
    pub for_client: bool,
    /// Names and addresses a client may reach it by.
    pub reached_by: Vec<String>,
}

/// Reads one DER certificate; none if it is not one, or if something follows it.
#[must_use]
pub fn facts(der: &[u8]) -> Option<Facts> {
    let (rest, cert) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let usage = cert.extended_key_usage().ok()?.map(|usage| usage.value);
    let names = cert.subject().iter_common_name();
    Some(Facts {
        names: names
            .map(|n| n.as_str().map_or_else(|_| "?".to_owned(), str::to_owned))
            .collect(),
        serial: cert.raw_serial().iter().map(|b| format!("{b:02x}")).collect(),
        from_s: cert.validity().not_before.timestamp(),
        until_s: cert.validity().not_after.timestamp(),
        is_ca: cert.is_ca(),
        for_server: usage.is_some_and(|u| u.server_auth || u.any),
        for_client: usage.is_some_and(|u| u.client_auth || u.any),
        reached_by: reached_by(&cert)?,
    })
}

fn reached_by(cert: &X509Certificate<'_>) -> Option<Vec<String>> {
    use x509_parser::prelude::GeneralName;
    let Some(names) = cert.subject_alternative_name().ok()? else {
        return Some(Vec::new());
    };
    let shown = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    Some(shown.collect())
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|b| std::net::IpAddr::from(b).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| std::net::IpAddr::from(b).to_string()))
        .ok()
}

/// The one name of a node's certificate.
///
/// # Errors
/// What is wrong, in one line: no certificate, no name or several, or a name that is no id.
pub fn node_name(der: &[u8]) -> Result<String, String> {
    let facts = facts(der).ok_or("its certificate is not X.509")?;
    match facts.names.as_slice() {
        [name] if is_id(name) => Ok(name.clone()),
        [name] => Err(format!("its certificate's name {name:?} is not [a-z0-9-]{{1,32}}")),
        names => Err(format!(
            "its certificate has {} common names; a node has one",
            names.len()
        )),
    }
}
