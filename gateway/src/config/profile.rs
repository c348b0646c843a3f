//! Device profiles: the one place where the config meets `muster_profiles`.

use std::collections::BTreeMap;
use std::path::Path;

use muster_profiles::Device;
use muster_wire::Quantity;

use super::faults::{At, Faults, quoted};
use super::load::read_text;
use super::names::did_you_mean;

/// The profile a source names: `vendor/model` of the shipped ones, or a file that begins with `./`, `../` or `/`.
pub(super) fn find(name: &At<String>, folder: &Path, faults: &Faults<'_>) -> Option<Device> {
    if ["./", "../", "/"].iter().any(|start| name.value.starts_with(start)) {
        return from_file(name, &folder.join(&name.value), faults);
    }
    let profile = muster_profiles::shipped(&name.value);
    if profile.is_none() && !name.value.is_empty() {
        let what = format!("there is no device profile {}", quoted(&name.value));
        let all: Vec<_> = muster_profiles::shipped_names().collect();
        let otherwise = format!("\"./file.toml\", or a shipped one: {}", all.join(", "));
        faults.error(name.at, what, did_you_mean(&name.value, all, &otherwise));
    }
    profile
}

fn from_file(name: &At<String>, path: &Path, faults: &Faults<'_>) -> Option<Device> {
    let file = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(cause) => {
            let what = format!("the device profile {} cannot be read: {cause}", quoted(&name.value));
            faults.error(
                name.at,
                what,
                cause.mend("the path is relative to the folder of the config"),
            );
            return None;
        }
    };
    match Device::parse(&text, &file) {
        Ok(profile) => Some(profile),
        Err(found) => {
            let what = format!("the device profile {} has {} faults", quoted(&name.value), found.len());
            faults.error(name.at, what, "they are listed under its own name");
            for fault in found {
                faults.elsewhere(file.clone(), fault.line, fault.what, fault.hint);
            }
            None
        }
    }
}

/// What a profile reads.
pub(super) fn signals(profile: &Device) -> BTreeMap<&str, Quantity> {
    profile.signals().into_iter().map(|s| (s.name, s.quantity)).collect()
}

/// Polling more often than the profile allows is refused: it is known to upset the device.
pub(super) fn check_poll(profile: &Device, poll_ms: &At<u64>, faults: &Faults<'_>) {
    let least_ms = profile.head().min_poll_ms;
    if poll_ms.value < least_ms {
        let what = format!("polling every {} ms is more often than the device bears", poll_ms.value);
        faults.error(poll_ms.at, what, format!("its profile says at least {least_ms} ms"));
    }
}
