//! What is right today and will not be for long.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::{CertError, Facts, Which, certificates, facts};
use crate::config::TlsFiles;

/// A certificate is named this long before it expires. Days: long enough to plan a visit to every node.
pub const EXPIRY_WARNING_DAYS: i64 = 30;

/// Which file, what, and what to do.
pub type Concern = (Which, String, &'static str);

const DAY_S: i64 = 86_400;

/// What the owner should know of files that can be used: which, what, and what to do. An expired certificate of our own is
/// one of them and no error: equipment that is polled, and nodes that do not look at dates, are still heard.
///
/// # Errors
/// [`CertError`]: a file cannot be read.
pub fn concerns(files: &TlsFiles, now_s: i64) -> Result<Vec<Concern>, CertError> {
    let (authorities, chain) = (
        certificates(Which::Ca, &files.ca)?,
        certificates(Which::Cert, &files.cert)?,
    );
    let own = chain.first().and_then(|first| facts(first));
    let mut found = dates(&authorities, &chain, now_s);
    if own.is_some_and(|own| own.reached_by.is_empty()) {
        let what = "the gateway's certificate names no host and no address".to_owned();
        found.push((
            Which::Cert,
            what,
            "nodes that check names will refuse it: make a new one with --name",
        ));
    }
    if chain.get(1).is_some_and(|issuer| !signed(&chain[0], issuer)) {
        let what = "the second certificate did not sign the first".to_owned();
        found.push((
            Which::Cert,
            what,
            "a chain stands in order: the gateway's own, then who signed it",
        ));
    }
    if authorities.iter().any(|ca| signed(&chain[0], ca)) {
        let what = "one CA signs the gateway and the nodes".to_owned();
        let hint = "keep them apart, as `muster enroll` does: else a stolen node may be able to act as the gateway";
        found.push((Which::Ca, what, hint));
    }
    if is_open(&files.key) {
        let what = "the key can be read by anybody on this machine".to_owned();
        found.push((Which::Key, what, "chmod 600, or 640 with a group of Muster's own"));
    }
    Ok(found)
}

/// The part of [`concerns`] that comes by itself: what expires, or has.
///
/// # Errors
/// As [`concerns`].
pub fn expiring(files: &TlsFiles, now_s: i64) -> Result<Vec<String>, CertError> {
    let (authorities, chain) = (
        certificates(Which::Ca, &files.ca)?,
        certificates(Which::Cert, &files.cert)?,
    );
    let dates = dates(&authorities, &chain, now_s).into_iter();
    Ok(dates.map(|(_, what, hint)| format!("{what}: {hint}")).collect())
}

fn dates(authorities: &[CertificateDer<'_>], chain: &[CertificateDer<'_>], now_s: i64) -> Vec<Concern> {
    let of_ca = authorities.iter().map(|der| (Which::Ca, der));
    let all = of_ca.chain(chain.iter().map(|der| (Which::Cert, der)));
    all.filter_map(|(which, der)| expiry(which, &facts(der)?, now_s))
        .collect()
}

fn is_open(key: &Path) -> bool {
    std::fs::metadata(key).is_ok_and(|about| about.permissions().mode() & 0o007 != 0)
}

fn expiry(which: Which, facts: &Facts, now_s: i64) -> Option<Concern> {
    let hint = match which {
        Which::Ca => "`muster enroll init --site ID` into a new folder, and new certificates for every node",
        _ => "`muster enroll gateway --name NAME --replace` makes a new one; then reload or start Muster anew",
    };
    let name = facts.names.join(" ");
    let left_days = (facts.until_s - now_s).div_euclid(DAY_S);
    let what = if facts.until_s <= now_s {
        format!(
            "the certificate of {name:?} has expired {} days ago",
            (now_s - facts.until_s) / DAY_S
        )
    } else if facts.from_s > now_s {
        format!("the certificate of {name:?} is not valid yet: is this machine's clock right?")
    } else if left_days <= EXPIRY_WARNING_DAYS {
        format!("the certificate of {name:?} expires in {left_days} days")
    } else {
        return None;
    };
    Some((which, what, hint))
}

/// Whether one certificate was signed by the key of another.
fn signed(cert: &[u8], by: &[u8]) -> bool {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let (Ok((_, cert)), Ok((_, by))) = (X509Certificate::from_der(cert), X509Certificate::from_der(by)) else {
        return false;
    };
    cert.issuer() == by.subject() && cert.verify_signature(Some(by.public_key())).is_ok()
}
