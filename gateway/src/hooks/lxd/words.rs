//! What LXD says, as far as it is read. Unknown fields are skipped: later versions, and Incus, say more.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The frame of every answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) error_code: u16,
    #[serde(default)]
    pub(super) error: String,
    /// Path of the operation that it began.
    #[serde(default)]
    pub(super) operation: String,
    #[serde(default)]
    pub(super) metadata: Value,
}

/// `/1.0`.
#[derive(Debug, Deserialize)]
pub(super) struct Server {
    #[serde(default)]
    pub(super) auth: String,
    #[serde(default)]
    pub(super) api_extensions: Vec<String>,
    #[serde(default)]
    pub(super) environment: Environment,
}

/// What it is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Environment {
    /// `lxd` or `incus`.
    #[serde(default)]
    pub(super) server: String,
    #[serde(default)]
    pub(super) server_version: String,
    #[serde(default)]
    pub(super) server_clustered: bool,
}

/// An instance: a container or a virtual machine.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Instance {
    pub(super) name: String,
    /// `Running`, `Stopped`, `Frozen`, `Error` (its member does not answer).
    pub(super) status: String,
    /// The member it stands on.
    #[serde(default)]
    pub(super) location: String,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    /// With what its profiles add.
    #[serde(default)]
    pub(super) expanded_config: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) expanded_devices: BTreeMap<String, BTreeMap<String, String>>,
}

/// A member of the cluster, as it can be given back.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Member {
    pub(super) server_name: String,
    /// `Online`, `Offline`, `Evacuated`, `Blocked`; of one that is dead `Online` for another 20 s.
    pub(super) status: String,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
}

/// An operation.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) id: String,
    /// `task`; or `websocket` of a shell that somebody has open, and `token`.
    #[serde(default)]
    pub(super) class: String,
    #[serde(default)]
    pub(super) description: String,
    /// 103 while it runs, 200 when it has succeeded, 400 and more when it has not.
    pub(super) status_code: u16,
    #[serde(default)]
    pub(super) err: String,
    #[serde(default)]
    pub(super) resources: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    pub(super) metadata: Value,
}

/// `/1.0/resources`.
#[derive(Debug, Deserialize)]
pub(super) struct Resources {
    pub(super) memory: Used,
}

/// `/1.0/storage-pools/{pool}/resources`.
#[derive(Debug, Deserialize)]
pub(super) struct PoolResources {
    pub(super) space: Used,
}

/// Bytes.
#[derive(Debug, Deserialize)]
pub(super) struct Used {
    pub(super) used: u64,
    pub(super) total: u64,
}

/// `/1.0/instances/{name}/state`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct InstanceState {
    #[serde(default)]
    pub(super) memory: InstanceMemory,
    /// Per device; not every pool can tell.
    #[serde(default)]
    pub(super) disk: Option<BTreeMap<String, DiskUsage>>,
}

/// Of one instance. Bytes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct InstanceMemory {
    #[serde(default)]
    pub(super) usage: u64,
}

/// Of one disk. Bytes; at or below 0 where it is not known.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DiskUsage {
    #[serde(default)]
    pub(super) usage: i64,
}

impl Server {
    pub(super) fn can(&self, extension: &str) -> bool {
        self.api_extensions.iter().any(|e| e == extension)
    }

    pub(super) fn trusts_us(&self) -> bool {
        self.auth == "trusted"
    }
}

impl Instance {
    pub(super) fn is(&self, status: &str) -> bool {
        self.status == status
    }

    /// How long its owner lets it take to stop: `boot.host_shutdown_timeout`, 30 s without it (LXD's own default).
    pub(super) fn stop_s(&self) -> u64 {
        const LXD_S: u64 = 30;
        /// Nobody's power lasts longer.
        const LONGEST_S: u64 = 3_600;
        let own = self.expanded_config.get("boot.host_shutdown_timeout");
        own.and_then(|s| s.parse().ok()).unwrap_or(LXD_S).clamp(1, LONGEST_S)
    }
}

impl Operation {
    pub(super) fn runs(&self) -> bool {
        (100..200).contains(&self.status_code)
    }

    pub(super) fn succeeded(&self) -> bool {
        self.status_code == 200
    }

    /// Whether it keeps others from acting: a shell that somebody has open does not.
    pub(super) fn is_work(&self) -> bool {
        self.class == "task" && self.runs()
    }

    /// Whether it copies an instance to another member, which must not be begun a second time.
    pub(super) fn is_copy(&self) -> bool {
        self.description.contains("Migrating")
    }

    /// Whether it is about this instance.
    pub(super) fn is_about(&self, name: &str) -> bool {
        let ends = |path: &String| {
            path.split('?')
                .next()
                .is_some_and(|p| p.rsplit('/').next() == Some(name))
        };
        let named = self.resources.iter().flat_map(BTreeMap::iter);
        named
            .filter(|(kind, _)| matches!(kind.as_str(), "instances" | "containers"))
            .any(|(_, paths)| paths.iter().any(ends))
    }

    /// How far a copy is.
    pub(super) fn percent(&self) -> Option<u8> {
        let percent = self.metadata.pointer("/progress/percent")?;
        let number = percent.as_u64().or_else(|| percent.as_str()?.parse().ok());
        number.map(|n| n.min(100) as u8)
    }
}
