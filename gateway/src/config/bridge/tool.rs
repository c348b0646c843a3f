//! `[[tool]]`: what an evacuation itself needs. In Pangyo it burned with the rest.

use std::path::{Path, PathBuf};

use super::super::faults::At;
use super::super::table::Table;
use super::super::{hook, hook_url};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its id.
    pub id: String,
    /// What it does for an evacuation.
    pub kind: ToolKind,
    /// Where it stands.
    pub stands: Stands,
    /// Where it is asked whether it is there.
    pub url: Option<ToolUrl>,
}

/// What it does for an evacuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolKind {
    /// Images that are to start elsewhere come from it.
    Registry,
    /// Says whether what was moved is well.
    Monitoring,
    /// Sends clients to where it is now.
    Dns,
    /// Keys and passwords.
    Secrets,
    /// Starts things.
    Deploy,
}

impl ToolKind {
    /// All of them: a site that has not said where each stands is told so.
    pub const ALL: [Self; 5] = [Self::Registry, Self::Monitoring, Self::Dns, Self::Secrets, Self::Deploy];

    /// The word in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Monitoring => "monitoring",
            Self::Dns => "dns",
            Self::Secrets => "secrets",
            Self::Deploy => "deploy",
        }
    }
}

/// Where a tool stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It is a workload of this site, and has to be moved first.
    Workload(String),
    /// At these sites, each of which is enough.
    At(Vec<String>),
}

/// Where a tool is asked whether it is there: any answer by HTTP will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUrl {
    /// Its address.
    pub url: String,
    /// Whether it may be on this machine.
    pub allow_loopback: bool,
    /// PEM file of the only authorities its certificate may be from.
    pub ca: Option<PathBuf>,
}

pub(super) struct ToolRow {
    pub(super) id: At<String>,
    /// The workload it names.
    pub(super) workload: Option<At<String>>,
    pub(super) tool: Tool,
}

pub(super) fn read(root: &Table<'_>, folder: &Path) -> Vec<ToolRow> {
    let tables = root.tables("tool", "[[tool]]");
    tables.iter().map(|table| read_one(table, folder)).collect()
}

fn read_one(table: &Table<'_>, folder: &Path) -> ToolRow {
    let id = table.need_id("id");
    if table.place("kind").is_none() {
        table.missing("kind", "`registry`, `monitoring`, `dns`, `secrets` or `deploy`");
    }
    let kind = table.choice("kind", &ToolKind::ALL.map(|kind| (kind.as_str(), kind)));
    let (workload, at) = (table.text("workload"), table.texts("at"));
    let stands = match (&workload, at.is_empty()) {
        (Some(workload), true) => Stands::Workload(workload.value.clone()),
        (None, false) => Stands::At(at.into_iter().map(|site| site.value).collect()),
        _ => {
            let what = "a tool is either a `workload` of this site, or stands `at` other sites too";
            let hint = "workload = \"registry\", or at = [\"lyon-2\", \"paris-1\"]; one of the two";
            table.faults.error(table.at, what, hint);
            Stands::At(Vec::new())
        }
    };
    let url = url(table, folder);
    table.finish();
    ToolRow {
        tool: Tool {
            id: id.value.clone(),
            kind: kind.map_or(ToolKind::Deploy, |kind| kind.value),
            stands,
            url,
        },
        id,
        workload,
    }
}

fn url(table: &Table<'_>, folder: &Path) -> Option<ToolUrl> {
    let allow_loopback = table.flag("allow_loopback", false);
    let ca = hook::authority_file(table, folder).map(|file| file.value);
    let url = table.text("url")?;
    hook_url::check_of("tool", &url, allow_loopback, table.faults);
    Some(ToolUrl {
        url: url.value,
        allow_loopback,
        ca,
    })
}
