//! Rooms as they may be fitted out: real config files, read by the gateway's own loader, and which simulated sensor stands
//! behind each of their channels.

use std::path::Path;
use std::sync::Arc;

use muster_core::Site;
use muster_sim::building::{Dead, Probe, Sign};
use muster_wire::Quantity;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A room that can be swept.
pub(crate) struct Fit {
    pub(crate) name: &'static str,
    pub(crate) site: Arc<Site>,
    /// By channel.
    pub(crate) probes: Vec<Probe>,
}

impl Fit {
    /// Whether it has any of it.
    pub(crate) fn has(&self, what: Dead) -> bool {
        self.probes.iter().any(|probe| what.strikes(*probe))
    }

    /// A room whose channels are fed by hand.
    pub(crate) fn by_hand(name: &'static str, text: &str) -> Result<Self, FitError> {
        let site = site(name, text, certificates()?.path())?;
        Ok(Self {
            name,
            site,
            probes: Vec::new(),
        })
    }
}

/// The reference room of the goals first, then the poorer ones.
const ROOMS: [(&str, &str); 3] = [
    ("reference", include_str!("rooms/reference.toml")),
    ("panel-and-bms", include_str!("rooms/panel-and-bms.toml")),
    ("node-and-panel", include_str!("rooms/node-and-panel.toml")),
];

/// Limits of quick detectors, for rooms that are kept at 20 to 27 °C: read every two seconds, so that three readings that are missed
/// are trouble. Smoke alarms at the fire level of an aspirating detector as delivered (VESDA, 2.0 %/m), and a fast rise of heat
/// counts from 30 °C on.
pub(crate) const QUICK: [(Quantity, &str); 2] = [
    (Quantity::Smoke, "supervision_s = 6\nalarm = 2\n"),
    (Quantity::Temperature, "supervision_s = 6\nwatch = 30\n"),
];

/// A node's channel with such limits, as it stands in a config; nothing for one that has none.
pub(crate) fn limited(limits: &[(Quantity, &str)], source: &str, quantity: Quantity) -> String {
    let own = limits.iter().find(|(of, _)| *of == quantity);
    own.map_or_else(String::new, |(_, own)| {
        format!(
            "\n[[channel]]\nsource = \"{source}\"\nsignal = \"{}\"\n{own}",
            quantity.as_str()
        )
    })
}

/// The reference room, its nodes with quick detectors.
pub(crate) fn quick() -> Result<Fit, FitError> {
    let mut text = ROOMS[0].1.to_owned();
    for node in ["node-1", "node-2", "node-3"] {
        let of = |(quantity, _): &(Quantity, &str)| limited(&QUICK, node, *quantity);
        text.extend(QUICK.iter().map(of));
    }
    fit("quick", &text, certificates()?.path())
}

/// Why a room cannot be used: our own files, so each is a bug.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FitError {
    #[error("no certificate for the simulated nodes")]
    Certificate(#[from] rcgen::Error),
    #[error("a file could not be written: {0}")]
    File(#[from] std::io::Error),
    #[error("the room {0} is not a config: {1}")]
    Config(&'static str, String),
    #[error("nothing simulated stands behind the channel {0}")]
    Channel(String),
}

/// All of them.
pub(crate) fn all() -> Result<Vec<Fit>, FitError> {
    let folder = certificates()?;
    ROOMS
        .iter()
        .map(|(name, text)| fit(name, text, folder.path()))
        .collect()
}

/// Nodes that prove their names want certificates in a config.
fn certificates() -> Result<tempfile::TempDir, FitError> {
    let folder = tempfile::tempdir()?;
    let (mut ca, gateway) = (
        CertificateParams::default(),
        CertificateParams::new(["gateway".to_owned()])?,
    );
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (ca_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
    let chain = gateway.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;
    std::fs::write(folder.path().join("ca.pem"), ca.self_signed(&ca_key)?.pem())?;
    std::fs::write(folder.path().join("gateway.pem"), chain.pem())?;
    private(&folder.path().join("gateway.key"), &key.serialize_pem())?;
    Ok(folder)
}

fn private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn site(name: &'static str, text: &str, folder: &Path) -> Result<Arc<Site>, FitError> {
    let path = folder.join(format!("{name}.toml"));
    let (config, _warnings) = muster::config::parse(text, &path).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(|f| format!("{f:?}")).collect();
        FitError::Config(name, lines.join("; "))
    })?;
    Ok(config.site)
}

fn fit(name: &'static str, text: &str, folder: &Path) -> Result<Fit, FitError> {
    let site = site(name, text, folder)?;
    let probes = site.channels.iter().map(|c| probe(&c.id)).collect::<Result<_, _>>()?;
    Ok(Fit { name, site, probes })
}

fn probe(channel: &str) -> Result<Probe, FitError> {
    let unknown = || FitError::Channel(channel.to_owned());
    let (source, signal) = channel.split_once('.').ok_or_else(unknown)?;
    Ok(match (source, signal) {
        ("panel", "fire_alarm") => Probe::PanelFire,
        ("panel", "suppression_discharge") => Probe::PanelDischarge,
        ("bms", "max_cell_temperature") => Probe::Cell,
        ("bms", "battery_alarm") => Probe::CellAlarm,
        ("node-1" | "node-2" | "node-3", signal) => Probe::Node {
            node: usize::from(source.as_bytes()[5] - b'1'),
            sign: match signal {
                "voc" => Sign::Voc,
                "hydrogen" => Sign::Hydrogen,
                "smoke" => Sign::Smoke,
                "temperature" => Sign::Temperature,
                _ => return Err(unknown()),
            },
        },
        _ => return Err(unknown()),
    })
}
