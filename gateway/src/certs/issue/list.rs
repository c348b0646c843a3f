//! What was issued, until when, and whether it is still good.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Folder, IssueError};
use crate::certs::facts;

/// One certificate of a folder.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// Whom it names.
    pub name: String,
    /// `"node"`, `"gateway"` or `"ca"`.
    pub kind: &'static str,
    /// Serial number, hex.
    pub serial: String,
    /// The day it ends, at 0:00 UTC, `YYYY-MM-DD`.
    pub until: String,
    /// Whole days left; negative once it has expired.
    pub days_left: i64,
    /// It stands in the list of what is revoked.
    pub revoked: bool,
}

impl Folder {
    /// Every certificate: the CAs, then by name, the newest last.
    ///
    /// # Errors
    /// [`IssueError::Read`].
    pub fn list(&self) -> Result<Vec<Listed>, IssueError> {
        let revoked = self.revoked()?;
        let mut all: Vec<(i64, Listed)> = self
            .certificates()?
            .iter()
            .filter_map(|der| facts(der))
            .map(|facts| {
                let listed = Listed {
                    name: facts.names.join(" "),
                    kind: match (facts.is_ca, facts.for_server) {
                        (true, _) => "ca",
                        (_, true) => "gateway",
                        _ => "node",
                    },
                    until: day(facts.until_s),
                    days_left: (facts.until_s - self.now_s).div_euclid(86_400),
                    revoked: revoked.contains(&facts.serial),
                    serial: facts.serial,
                };
                (facts.from_s, listed)
            })
            .collect();
        all.sort_by(|(a_from, a), (b_from, b)| {
            (a.kind, &a.name, a_from, &a.serial).cmp(&(b.kind, &b.name, b_from, &b.serial))
        });
        Ok(all.into_iter().map(|(_, listed)| listed).collect())
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, IssueError> {
        let mut paths = vec![self.dir.join("site-ca.pem"), self.dir.join("node-ca.pem")];
        let issued = self.dir.join("issued");
        if issued.is_dir() {
            let fault = |source| IssueError::Read {
                path: issued.clone(),
                source,
            };
            for entry in std::fs::read_dir(&issued).map_err(fault)? {
                paths.push(entry.map_err(fault)?.path());
            }
        }
        let read = |path: std::path::PathBuf| {
            let bytes = std::fs::read(&path).map_err(|source| IssueError::Read { path, source })?;
            CertificateDer::from_pem_slice(&bytes).map_err(|_| IssueError::Make(rcgen::Error::CouldNotParseCertificate))
        };
        paths.into_iter().map(read).collect()
    }
}

/// The day of a time in Unix seconds, UTC, `YYYY-MM-DD`.
pub(super) fn day(unix_s: i64) -> String {
    calendar(unix_s).to_string()
}

/// The same as year, month and day.
pub(super) fn ymd(unix_s: i64) -> (i32, u8, u8) {
    let day = calendar(unix_s);
    (day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
}

/// A time no calendar reaches is the first day of 1970, at which nothing is valid.
fn calendar(unix_s: i64) -> jiff::civil::Date {
    let time = jiff::Timestamp::from_second(unix_s).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(jiff::tz::TimeZone::UTC).date()
}
