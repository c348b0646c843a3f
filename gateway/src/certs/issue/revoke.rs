//! The list of what is revoked: the way to shut out a stolen key while its node's name lives on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::authority::Authority;
use super::files::renew;
use super::list::ymd;
use super::{CA_YEARS, Folder, IssueError};

const LIST: &str = "gateway/node-crl.pem";
const YEAR_S: i64 = 365 * 86_400;

impl Folder {
    /// Revokes a node's certificates: the one of a serial number, or all that were issued to a node so far. The serials
    /// that stand in the list now and did not before, and the list's path.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn revoke(&self, whom: &str) -> Result<(Vec<String>, PathBuf), IssueError> {
        let listed = self.list()?;
        let nodes = listed.iter().filter(|one| one.kind == "node");
        let meant: Vec<_> = nodes.filter(|one| one.serial == whom || one.name == whom).collect();
        if meant.is_empty() {
            return Err(IssueError::Unknown(whom.into()));
        }
        let ca = Authority::load(&self.dir, "node-ca")?;
        let before = self.revocations()?;
        let new: Vec<String> = meant
            .iter()
            .filter(|one| !one.revoked)
            .map(|one| one.serial.clone())
            .collect();
        let path = self.write(&ca, before, &new)?;
        Ok((new, path))
    }

    /// An empty list.
    pub(super) fn write_revoked(&self, ca: &Authority) -> Result<PathBuf, IssueError> {
        self.write(ca, BTreeMap::new(), &[])
    }

    /// Serial numbers, hex, in the list.
    pub(super) fn revoked(&self) -> Result<BTreeSet<String>, IssueError> {
        Ok(self.revocations()?.into_keys().collect())
    }

    /// Serial number to when it was revoked, Unix seconds.
    fn revocations(&self) -> Result<BTreeMap<String, i64>, IssueError> {
        let path = self.dir.join(LIST);
        let bytes = std::fs::read(&path).map_err(|source| IssueError::Read { path, source })?;
        let broken = || IssueError::Make(rcgen::Error::CouldNotParseCertificate);
        let der = CertificateRevocationListDer::from_pem_slice(&bytes).map_err(|_| broken())?;
        let (_, list) = CertificateRevocationList::from_der(&der).map_err(|_| broken())?;
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect();
        let each = list.iter_revoked_certificates();
        Ok(each
            .map(|one| (hex(one.raw_serial()), one.revocation_date.timestamp()))
            .collect())
    }

    /// The list as a whole, signed anew. It is good until the next one: a gateway that is cut off must not shut out every
    /// node because nobody could bring it a fresh list.
    fn write(&self, ca: &Authority, before: BTreeMap<String, i64>, new: &[String]) -> Result<PathBuf, IssueError> {
        let now = |at_s: i64| {
            let (y, m, d) = ymd(at_s);
            date_time_ymd(y, m, d)
        };
        let mut all = before;
        all.extend(new.iter().map(|serial| (serial.clone(), self.now_s)));
        let revoked = all.iter().map(|(serial, at_s)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&bytes_of(serial)),
            revocation_time: now(*at_s),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now(self.now_s),
            next_update: now(self.now_s + i64::from(CA_YEARS) * YEAR_S),
            crl_number: SerialNumber::from(self.now_s.unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(ca.issuer()).map_err(IssueError::Make)?;
        renew(&self.dir.join(LIST), list.pem().map_err(IssueError::Make)?.as_bytes())
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
