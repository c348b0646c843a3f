//! Making a site's certificates: what `muster enroll` does. One folder holds it all:
//!
//! ```text
//! site-ca.pem  site-ca.key     signs gateways; site-ca.pem is what nodes trust
//! node-ca.pem  node-ca.key     signs nodes; node-ca.pem is what the gateway trusts
//! gateway/                     goes to the gateway: its certificate and key, node-ca.pem, node-crl.pem
//! nodes/ID/                    goes to the node ID: its certificate and key, site-ca, each as PEM and as DER
//! issued/SERIAL.pem            every certificate that was ever signed
//! ```

mod authority;
mod files;
mod list;
mod request;
mod revoke;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use muster_wire::is_id;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, SanType};

use authority::{Authority, leaf};
use files::{Kind, put};
pub use list::Listed;

/// Years a CA is valid: as long as the building's equipment.
pub const CA_YEARS: i32 = 20;
/// Days a node's certificate is valid: five years, the life of an off-gas sensor, so that both are changed in one visit.
pub const NODE_DAYS: i64 = 5 * 365;
/// Days the gateway's certificate is valid: two years; it is changed at a desk.
pub const GATEWAY_DAYS: i64 = 2 * 365;
/// Longest validity that may be asked for, and that of a CA. Days.
pub const MAX_DAYS: i64 = 20 * 365;

/// Why a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Keys are never overwritten.
    #[error("{0} is there already; nothing was changed")]
    Exists(PathBuf),
    /// The folder has no CA.
    #[error("{0} holds no CA: `muster enroll init` makes one")]
    NoAuthority(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A site or node that is no id.
    #[error("{0:?} is no id: 1 to 32 of a-z, 0-9 and -")]
    Id(String),
    /// Neither a host name nor an address.
    #[error("{0:?} is neither a host name nor an IP address")]
    Name(String),
    /// A request that is not signed.
    #[error("the request {path} is refused: {why}")]
    Request {
        /// Its path.
        path: PathBuf,
        /// Why, in one line.
        why: String,
    },
    /// Nothing to revoke.
    #[error("no certificate of {0:?} was issued here: `muster enroll list` shows what was")]
    Unknown(String),
    /// The machine gave no randomness.
    #[error("the machine gave no randomness")]
    Random(#[source] getrandom::Error),
    /// A CA's files are damaged, or the library refused.
    #[error("the certificate could not be made; are the CA's files whole?")]
    Make(#[source] rcgen::Error),
}

impl IssueError {
    /// A fault of what was asked for, not of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Random(_) | Self::Make(_))
    }
}

/// What was made.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// Whom it names.
    pub name: String,
    /// Serial number, hex; none of a whole site.
    pub serial: Option<String>,
    /// The day it ends, at 0:00 UTC, `YYYY-MM-DD`.
    pub until: String,
    /// The files that were written.
    pub files: Vec<PathBuf>,
}

/// A folder with a site's two CAs.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    now_s: i64,
}

impl Folder {
    /// Makes both CAs of a site, and an empty list of what is revoked. `now_s` is the wall clock in Unix seconds.
    ///
    /// # Errors
    /// [`IssueError`]: an id that is none, a folder that has a CA already or cannot be written to.
    pub fn init(dir: &Path, site: &str, now_s: i64) -> Result<(Self, Made), IssueError> {
        if !is_id(site) {
            return Err(IssueError::Id(site.into()));
        }
        let names = [
            "site-ca.pem",
            "site-ca.key",
            "node-ca.pem",
            "node-ca.key",
            "gateway/node-crl.pem",
        ];
        if let Some(there) = names.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
            return Err(IssueError::Exists(there));
        }
        let folder = Self {
            dir: dir.to_owned(),
            now_s,
        };
        let (site_ca, until) = Authority::make(&format!("{site} site CA"), now_s)?;
        let (node_ca, _) = Authority::make(&format!("{site} node CA"), now_s)?;
        let mut made = folder.put_all(&[
            ("site-ca.key", Kind::Secret, site_ca.key_pem()),
            ("node-ca.key", Kind::Secret, node_ca.key_pem()),
            ("site-ca.pem", Kind::Public, site_ca.pem().into()),
            ("node-ca.pem", Kind::Public, node_ca.pem().into()),
            ("gateway/node-ca.pem", Kind::Public, node_ca.pem().into()),
        ])?;
        made.push(folder.write_revoked(&node_ca)?);
        let made = Made {
            name: site.into(),
            serial: None,
            until,
            files: made,
        };
        Ok((folder, made))
    }

    /// A folder that `init` has made.
    ///
    /// # Errors
    /// [`IssueError::NoAuthority`].
    pub fn open(dir: &Path, now_s: i64) -> Result<Self, IssueError> {
        if dir.join("node-ca.pem").is_file() && dir.join("site-ca.pem").is_file() {
            Ok(Self {
                dir: dir.to_owned(),
                now_s,
            })
        } else {
            Err(IssueError::NoAuthority(dir.to_owned()))
        }
    }

    /// Makes the gateway's key and certificate, signed by the site CA, good for a server and nothing else. `names` are
    /// what nodes reach it by. `replace` takes the place of one that is there.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn gateway(&self, names: &[String], days: i64, replace: bool) -> Result<Made, IssueError> {
        let reached: Vec<SanType> = names.iter().map(|name| reached_by(name)).collect::<Result<_, _>>()?;
        let first = names.first().ok_or_else(|| IssueError::Name(String::new()))?;
        let ca = Authority::load(&self.dir, "site-ca")?;
        let key = KeyPair::generate().map_err(IssueError::Make)?;
        let mut params = leaf(first, ExtendedKeyUsagePurpose::ServerAuth, (self.now_s, days), &ca)?;
        params.subject_alt_names = reached;
        let cert = ca.sign(&params, &key)?;
        self.make_room("gateway", &["gateway.key", "gateway.pem"], replace)?;
        self.keep(
            first,
            &cert,
            &[
                ("gateway/gateway.key", Kind::Secret, key.serialize_pem().into()),
                ("gateway/gateway.pem", Kind::Public, cert.pem().into()),
            ],
        )
    }

    /// Signs a node's certificate by the node CA, good for a client and nothing else. With `csr` the node has made its key
    /// itself and only its request is here; else the key is made here. `replace` takes the place of one that is there,
    /// which stays valid until it is revoked.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn node(&self, id: &str, csr: Option<&Path>, days: i64, replace: bool) -> Result<Made, IssueError> {
        if !is_id(id) {
            return Err(IssueError::Id(id.into()));
        }
        let ca = Authority::load(&self.dir, "node-ca")?;
        let request = csr.map(|path| request::read(path, id)).transpose()?;
        let place = format!("nodes/{id}");
        let all = [
            "node.key",
            "node.key.der",
            "node.pem",
            "node.der",
            "site-ca.pem",
            "site-ca.der",
        ];
        let params = leaf(id, ExtendedKeyUsagePurpose::ClientAuth, (self.now_s, days), &ca)?;
        let site_ca = Authority::certificate(&self.dir, "site-ca")?;
        let (cert, key) = match request {
            Some(public_key) => (ca.sign_for(params, public_key)?, None),
            None => {
                let key = KeyPair::generate().map_err(IssueError::Make)?;
                (ca.sign(&params, &key)?, Some(key))
            }
        };
        let at = |file: &str| format!("{place}/{file}");
        let (pem, der, ca_pem, ca_der) = (at("node.pem"), at("node.der"), at("site-ca.pem"), at("site-ca.der"));
        let mut files: Vec<(&str, Kind, Vec<u8>)> = vec![
            (&pem, Kind::Public, cert.pem().into()),
            (&der, Kind::Public, cert.der().to_vec()),
            (&ca_pem, Kind::Public, site_ca.0.into()),
            (&ca_der, Kind::Public, site_ca.1),
        ];
        let (key_pem, key_der) = (at("node.key"), at("node.key.der"));
        if let Some(key) = &key {
            files.push((&key_pem, Kind::Secret, key.serialize_pem().into()));
            files.push((&key_der, Kind::Secret, key.serialize_der()));
        }
        self.make_room(&place, &all, replace)?;
        self.keep(id, &cert, &files)
    }

    /// Writes a new certificate's files, and remembers it among those issued.
    fn keep(&self, name: &str, cert: &rcgen::Certificate, files: &[(&str, Kind, Vec<u8>)]) -> Result<Made, IssueError> {
        let facts = super::facts(cert.der()).ok_or(IssueError::Make(rcgen::Error::CouldNotParseCertificate))?;
        // First: one that is in use and unknown here could not be revoked.
        let issued = format!("issued/{}.pem", facts.serial);
        self.put_all(&[(&*issued, Kind::Public, cert.pem().into())])?;
        Ok(Made {
            name: name.into(),
            serial: Some(facts.serial),
            until: list::day(facts.until_s),
            files: self.put_all(files)?,
        })
    }

    /// Nothing is overwritten unless that was asked for; then what is old goes first, so that no two halves remain.
    fn make_room(&self, place: &str, files: &[&str], replace: bool) -> Result<(), IssueError> {
        let there = files
            .iter()
            .map(|file| self.dir.join(place).join(file))
            .filter(|path| path.exists());
        for path in there {
            if !replace {
                return Err(IssueError::Exists(path));
            }
            std::fs::remove_file(&path).map_err(|source| IssueError::Write { path, source })?;
        }
        Ok(())
    }

    fn put_all(&self, files: &[(&str, Kind, Vec<u8>)]) -> Result<Vec<PathBuf>, IssueError> {
        let put = |(name, kind, bytes): &(&str, Kind, Vec<u8>)| put(&self.dir.join(name), *kind, bytes);
        files.iter().map(put).collect()
    }
}

/// A host name or an address under which nodes reach the gateway.
fn reached_by(name: &str) -> Result<SanType, IssueError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let label =
        |l: &str| !l.is_empty() && !l.starts_with('-') && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numeric = |l: &str| l.bytes().all(|b| b.is_ascii_digit());
    let is_host = name.len() <= 64 && name.split('.').all(label) && !name.rsplit('.').next().is_some_and(numeric);
    let host = name.to_owned().try_into().ok().filter(|_| is_host);
    host.map(SanType::DnsName).ok_or_else(|| IssueError::Name(name.into()))
}

#[cfg(test)]
mod tests;
