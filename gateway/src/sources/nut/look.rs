//! One look at an upsd: which UPSes it knows and what they say. For people who set one up.

use std::path::Path;
use std::time::Duration;

use super::answer::Variables;
use super::failure::Failure;
use super::line::shown;
use super::link::{Door, Link};
use crate::config::UpsName;
use crate::lines;

/// An answer later than this is none.
const WITHIN: Duration = Duration::from_secs(2);

/// A UPS as upsd shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What upsd calls it.
    pub(crate) name: String,
    /// What its keeper calls it.
    pub(crate) description: String,
    /// What it says by name, or one line on why it says nothing.
    pub(crate) variables: Result<Variables, String>,
}

/// Asks an upsd at `host:port` for all its UPSes, one after the other; with a `ca` encrypted or not at all.
///
/// # Errors
/// One line: it cannot be reached, or does not answer as an upsd does.
pub(crate) async fn look(address: &str, ca: Option<&Path>) -> Result<Vec<Seen>, String> {
    all(address, ca).await.map_err(|failure| lines::with_causes(&failure))
}

/// One look at a UPS of an upsd at `host:port`, over a connection of its own.
///
/// # Errors
/// One line: it cannot be reached, does not answer as an upsd does, or has nothing to say of this UPS.
pub(crate) async fn variables(address: &str, ca: Option<&Path>, ups: &UpsName) -> Result<Variables, String> {
    let asked = async {
        let within = WITHIN;
        let link = Link::open(Door { address, ca, within }).await?;
        let (_, answer) = link.variables(ups).await?;
        answer.map_err(Failure::Refused)
    };
    asked.await.map_err(|failure| lines::with_causes(&failure))
}

async fn all(address: &str, ca: Option<&Path>) -> Result<Vec<Seen>, Failure> {
    let within = WITHIN;
    let link = Link::open(Door { address, ca, within }).await?;
    let (mut link, upses) = link.upses().await?;
    let mut seen = Vec::new();
    for (name, description) in upses.map_err(Failure::Refused)? {
        let variables = match UpsName::new(&name) {
            None => Err(format!("{} is not asked: its name is no plain word", shown(&name))),
            Some(ups) => {
                let (next, answer) = link.variables(&ups).await?;
                link = next;
                answer.map_err(|refusal| refusal.to_string())
            }
        };
        seen.push(Seen {
            name,
            description,
            variables,
        });
    }
    Ok(seen)
}
