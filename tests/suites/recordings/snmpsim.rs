//! Every recording of UPSes and PDUs that comes with snmpsim's package of data.

use std::path::{Path, PathBuf};

use muster_core::Level;
use muster_profiles::capture::{Capture, Object};
use muster_profiles::{Device, shipped, shipped_names};

use super::{highest, one_channel_turns, rounds};
use crate::agents::snmpsim::{output, python, recorded};

/// Recording, the profiles that are believed of its sysObjectID and read something in it, and what a person reads there
/// of the load's supply. None is on battery.
const READ: [(&str, &[&str], &str); 11] = [
    ("apc-7902b.snmprec", &["apc/rack-pdu"], "a PDU: no battery, 1.6 A"),
    ("apc-8641.snmprec", &["apc/rack-pdu"], "a PDU: no battery, 6.5 A"),
    ("apc-8932.snmprec", &["apc/rack-pdu"], "a PDU: no battery"),
    (
        "eastpower-istars-swv053.snmprec.bz2",
        &["eastpower/istars", "generic/ups-mib"],
        "upsOutputSource 3, normal; 0 minutes and yet battery status 2, normal",
    ),
    (
        "eaton-93e-80.snmprec.bz2",
        &["eaton/xups", "generic/ups-mib"],
        "xupsOutputSource and upsOutputSource 3, normal",
    ),
    (
        "eaton-9px-partial.snmprec.bz2",
        &["eaton/xups"],
        "xupsOutputSource 3, normal",
    ),
    (
        "emerson-network-power.snmprec.bz2",
        &["emerson/us11"],
        "220.5 V at its input, 100 % of charge; output status 3 of a tree whose codes nobody knows",
    ),
    (
        "huawei-gse200m.snmprec.bz2",
        &["generic/ups-mib", "huawei/ups5000"],
        "upsOutputSource 3, normal; hwUpsOutputSupply 3, mains; -1 minutes",
    ),
    (
        "ingrasys-power-switch.snmprec.bz2",
        &["generic/ups-mib", "santak/array"],
        "upsOutputSource 3, normal; 0 minutes as TimeTicks",
    ),
    (
        "phoenixtec-power.snmprec.bz2",
        &["generic/ups-mib", "phoenixtec/upsmib"],
        "upsBaseOutputStatus 2, on line; upsOutputSource 3, normal; 0 minutes",
    ),
    (
        "vertiv-power.snmprec.bz2",
        &[],
        "a cooling unit: nothing of what Liebert GP reads",
    ),
];

/// A wireless controller of 1.8 million objects that stands in the same folder: no profile is for it.
const NO_UPS: &str = "juniper-ac.snmprec.bz2";

#[tokio::test]
async fn no_recording_of_a_real_agent_moves_anything() {
    let folder = recorded().await;
    let mut there: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.contains(".snmprec") && file != NO_UPS)
        .collect();
    there.sort();
    assert_eq!(there, READ.map(|(file, _, _)| file), "a recording that nobody has read");
    for (file, profiles, why) in READ {
        let text = text(&folder.join(file)).await;
        let capture = Capture::parse(&text, &shipped("generic/ups-mib").unwrap()).unwrap();
        let reading: Vec<&str> = shipped_names().filter(|name| reads(name, &capture)).collect();
        assert_eq!(reading, profiles, "{file}");
        for name in reading {
            let device = shipped(name).unwrap();
            let level = highest(name, &capture, &device);
            assert!(level <= Level::Watch, "{file} by {name}: {level}; {why}");
            one_channel_turns(file, name, &device, &rounds(&capture.decode(&device))[0]);
        }
    }
}

/// Whether a profile is believed of its agent, and an object or a whole table of its is there.
fn reads(name: &str, capture: &Capture) -> bool {
    let (Some(device @ Device::Snmp(_)), Capture::Snmp(objects)) = (shipped(name), capture) else {
        return false;
    };
    let Device::Snmp(profile) = &device else { return false };
    let fits = match objects.get(&"1.3.6.1.2.1.1.2.0".parse().unwrap()) {
        Some(Object::Oid(id)) => profile.fits(id),
        _ => false,
    };
    fits && rounds(&capture.decode(&device))[0]
        .iter()
        .any(|(_, value)| value.is_ok())
}

/// Unpacked by Python, which brought it.
async fn text(file: &PathBuf) -> String {
    if file.extension() == Some("bz2".as_ref()) {
        let code = "import bz2, sys; text = bz2.open(sys.argv[1]).read().decode('utf-8', 'replace'); sys.stdout.buffer.write(text.encode())";
        return output(&python(), &["-c", code, path(file)]).await;
    }
    std::fs::read_to_string(file).unwrap()
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}
