//! `[[hook]]` of the kind `kubernetes`: a cluster's own API.

use std::path::{Path, PathBuf};

use super::faults::{At, quoted};
use super::hook::{Reached, authority_file};
use super::load::read_text;
use super::mqtt::Files;
use super::table::Table;
use super::{HookWay, KubernetesTarget, Places, hook_url, places, secret};

/// Longest time before a step's deadline that a disruption budget is given up at: a day.
const LONGEST_PATIENCE_S: i64 = 86_400;

/// Reads and checks it.
pub(super) fn read(table: &Table<'_>, folder: &Path) -> Reached {
    let allow_loopback = table.flag("allow_loopback", false);
    let url = table.need_text("url", "the API of the cluster, such as \"https://k8s.example:6443\"");
    let missing = url.at == table.at;
    let elsewhere = !missing && hook_url::check(&url, allow_loopback, table.faults);
    let token_file = token_file(table, folder);
    let ca = authority_file(table, folder).map(|ca| ca.value);
    let identity = Files::read(table, folder).identity(table);
    if !missing {
        check_proof(table, &url, (elsewhere, token_file.is_some() || identity.is_some()));
    }
    let target = KubernetesTarget {
        url: url.value,
        ca,
        token_file,
        identity,
        allow_loopback,
        places: Places {
            racks: places::by_name(table, "racks", &places::NODES),
            destinations: places::by_name(table, "destinations", &places::NODES),
        },
        rack_label: table.text("rack_label").map(|label| label.value),
        site_label: site_label(table),
        pdb_until_ms: table
            .seconds("pdb_until_s", 0..=LONGEST_PATIENCE_S)
            .map(|until| until.value),
        autoscales: table.flag("autoscales", false),
    };
    check_racks(table, &target);
    check_destinations(table, &target.places);
    // What it answers is never reported over HTTP: it is asked.
    Reached {
        place: url.at,
        elsewhere: false,
        way: HookWay::Kubernetes(Box::new(target)),
    }
}

/// Who we are has to be proven, and not to everybody on the way.
fn check_proof(table: &Table<'_>, url: &At<String>, (elsewhere, proven): (bool, bool)) {
    let plain = url.value.starts_with("http://");
    if plain && elsewhere {
        let what = "the cluster is reached by http://, which says our token to everybody on the way";
        table.faults.error(url.at, what, "write https://");
    }
    if !plain && !proven {
        table.missing("token_file", "who we are: `token_file`, or `cert` and `key`");
    }
}

/// Read at each use, as service accounts' tokens are replaced every hour; that it can be read is checked here.
fn token_file(table: &Table<'_>, folder: &Path) -> Option<PathBuf> {
    let name = table.text("token_file")?;
    let path = folder.join(&name.value);
    match read_text(&path) {
        Ok(_) => secret::warn_if_open(table, &name, &path),
        Err(cause) => {
            let what = format!("the token file {} cannot be read: {cause}", quoted(&name.value));
            let hint =
                "kubectl create token muster --duration 8760h > muster.token; the path is relative to the config";
            table.faults.error(name.at, what, hint);
        }
    }
    Some(path)
}

fn site_label(table: &Table<'_>) -> Option<(String, String)> {
    let text: At<String> = table.text("site_label")?;
    let pair = text
        .value
        .split_once('=')
        .filter(|(key, value)| !key.is_empty() && !value.is_empty());
    if pair.is_none() {
        let what = format!("`site_label` {} is no label with its value", quoted(&text.value));
        table
            .faults
            .error(text.at, what, "such as \"topology.kubernetes.io/zone=pangyo-b3\"");
    }
    pair.map(|(key, value)| (key.to_owned(), value.to_owned()))
}

/// It has to be known which nodes are lost with a rack, and which with the site.
fn check_racks(table: &Table<'_>, target: &KubernetesTarget) {
    const HINT: &str = "racks = { \"rack-1\" = [\"node-a\"] }, or rack_label = \"topology.kubernetes.io/rack\" \
                        with site_label = \"topology.kubernetes.io/zone=this-site\"";
    let wrong = match (&target.rack_label, &target.site_label) {
        (Some(_), None) => "`rack_label` without `site_label`: other sites may number their racks alike",
        (None, None) if target.places.racks.is_empty() => "which nodes are lost with which rack is not said",
        _ => return,
    };
    table.faults.error(table.at, wrong, HINT);
}

/// What is moved there would be lost too.
fn check_destinations(table: &Table<'_>, places: &Places) {
    let here: Vec<&String> = places.racks.values().flatten().collect();
    for node in places
        .destinations
        .values()
        .flatten()
        .filter(|node| here.contains(node))
    {
        let what = format!("{} is a destination and stands on a rack of this site", quoted(node));
        let at = table.place("destinations").unwrap_or(table.at);
        table
            .faults
            .error(at, what, "a destination has to keep its power when this site is lost");
    }
}
