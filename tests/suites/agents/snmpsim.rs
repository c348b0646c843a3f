//! Recordings of real agents (snmpsim-data), played by snmpsim. The expected values were read by hand out of the
//! recordings and the makers' MIBs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use muster_core::Level;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{free_port, source, until_written};
use crate::stand::{Room, Stand};

/// Plays every recording of a folder, each under a community of its name, until it is dropped.
pub(crate) struct Simulator {
    pub(crate) port: u16,
    _folder: TempDir,
    _child: Child,
}

pub(crate) fn python() -> String {
    std::env::var("MUSTER_TEST_PYTHON").expect("MUSTER_TEST_PYTHON names a Python; tests/run sets it")
}

pub(crate) async fn output(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).output().await.unwrap();
    assert!(ran.status.success(), "{program} {arguments:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

/// Where the package snmpsim-data has its UPSes and PDUs.
pub(crate) async fn recorded() -> PathBuf {
    let code = "import os, snmpsim_data; print(os.path.join(os.path.dirname(snmpsim_data.__file__), 'data', 'UPS'))";
    output(&python(), &["-c", code]).await.into()
}

impl Simulator {
    /// Of these files; `changed` is text of one more recording, by its community.
    pub(crate) async fn play(files: &[&str], changed: &[(&str, String)]) -> Self {
        let (folder, from, port) = (tempfile::tempdir().unwrap(), recorded().await, free_port());
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        for file in files {
            std::fs::copy(from.join(file), data.join(file)).unwrap();
        }
        for (community, text) in changed {
            std::fs::write(data.join(format!("{community}.snmprec")), text).unwrap();
        }
        let log = folder.path().join("log");
        let child = begin(folder.path(), &data, &log, port).await;
        until_written(&log, "Listening at UDP").await;
        Self {
            port,
            _folder: folder,
            _child: child,
        }
    }
}

async fn begin(folder: &Path, data: &Path, log: &Path, port: u16) -> Child {
    let (user, group) = (output("id", &["-un"]).await, output("id", &["-gn"]).await);
    let mut command = Command::new(python());
    command.args(["-W", "ignore", "-m", "snmpsim.commands.responder"]);
    command.arg(format!("--data-dir={}", data.display()));
    command.arg(format!("--cache-dir={}", folder.join("cache").display()));
    command.arg(format!("--agent-udpv4-endpoint=127.0.0.1:{port}"));
    // It wants to be told even if it stays who it is.
    command.args([format!("--process-user={user}"), format!("--process-group={group}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.stderr(std::fs::File::create(log).unwrap()).spawn().unwrap()
}

/// A recording, its profile, and what its signals say. An empty value is an absence.
type Played = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PLAYED: [Played; 13] = [
    (
        "emerson-network-power",
        "emerson/us11",
        &[
            ("battery_low", "0"),
            ("charge", "1"),
            ("battery_voltage", "80.7"),
            ("input_voltage", "220.5"),
            ("output_voltage", "219.8"),
            ("load", "0.18"),
        ],
    ),
    (
        "eaton-93e-80",
        "generic/ups-mib",
        &[
            ("on_battery", "0"),
            ("bypass", "0"),
            ("battery_low", "0"),
            ("runtime", "65520"),
            ("charge", "1"),
            ("battery_voltage", "521"),
            ("battery_current", "0"),
            ("battery_temperature", "25"),
            ("load", "0.21"),
            ("general_fault", "0"),
        ],
    ),
    (
        "eaton-93e-80",
        "eaton/xups",
        &[
            ("on_battery", "0"),
            ("runtime", ""),
            ("charge", "1"),
            ("battery_voltage", "521"),
            ("load", "0.21"),
            ("ambient_temperature", "25"),
            ("discharging", "0"),
            ("battery_low", "0"),
        ],
    ),
    (
        "eaton-9px-partial",
        "eaton/xups",
        &[
            ("on_battery", "0"),
            ("runtime", "17218"),
            ("charge", "1"),
            ("battery_voltage", "78"),
            ("load", "0.09"),
            ("ambient_temperature", "24"),
            ("output_overload", "0"),
        ],
    ),
    (
        "huawei-gse200m",
        "huawei/ups5000",
        &[
            ("on_battery", "0"),
            ("bypass", "0"),
            ("discharging", "0"),
            ("battery_missing", "0"),
            ("battery_voltage", "538.5"),
            ("charge", "1"),
            ("runtime", "28080"),
            ("load", "0.2"),
        ],
    ),
    (
        "huawei-gse200m",
        "generic/ups-mib",
        &[
            ("on_battery", "0"),
            ("runtime", ""),
            ("charge", ""),
            ("battery_temperature", ""),
            ("battery_voltage", "538.5"),
            ("load", "0.08"),
        ],
    ),
    (
        "phoenixtec-power",
        "phoenixtec/upsmib",
        &[
            ("on_battery", "0"),
            ("output_off", "0"),
            ("battery_low", "0"),
            ("charge", "1"),
            ("battery_temperature", "31.5"),
            ("input_voltage", "239"),
            ("output_voltage", "230.7"),
            ("load", "0.02"),
        ],
    ),
    (
        "phoenixtec-power",
        "generic/ups-mib",
        &[
            ("on_battery", "0"),
            // On mains nobody goes by it; on battery it would be the truth.
            ("runtime", "0"),
            ("battery_voltage", "41"),
            ("battery_temperature", "31"),
        ],
    ),
    (
        "eastpower-istars-swv053",
        "eastpower/istars",
        &[
            ("on_battery", "0"),
            ("runtime", "0"),
            ("charge", "1"),
            ("battery_voltage", "213"),
            ("battery_temperature", "36"),
            ("load", "0.2"),
            ("battery_temperature_bad", "0"),
        ],
    ),
    (
        "ingrasys-power-switch",
        "santak/array",
        &[
            ("on_battery", "0"),
            ("charge", "1"),
            ("battery_voltage", "273"),
            ("battery_temperature", "32"),
            ("load", "0.33"),
        ],
    ),
    (
        "ingrasys-power-switch",
        "generic/ups-mib",
        &[
            ("on_battery", "0"),
            ("runtime", ""),
            ("battery_current", ""),
            ("load", "0.33"),
        ],
    ),
    (
        "apc-8641",
        "apc/rack-pdu",
        &[("power", "1210"), ("current", "6.5"), ("overload", "0")],
    ),
    (
        "apc-7902b",
        "apc/rack-pdu",
        &[("power", ""), ("current", "1.6"), ("overload", "0")],
    ),
];

const FILES: [&str; 10] = [
    "emerson-network-power.snmprec.bz2",
    "eaton-93e-80.snmprec.bz2",
    "eaton-9px-partial.snmprec.bz2",
    "huawei-gse200m.snmprec.bz2",
    "phoenixtec-power.snmprec.bz2",
    "eastpower-istars-swv053.snmprec.bz2",
    "ingrasys-power-switch.snmprec.bz2",
    "apc-8641.snmprec",
    "apc-7902b.snmprec",
    "vertiv-power.snmprec.bz2",
];

fn agent(id: &str, port: u16, (community, profile): (&str, &str)) -> String {
    source(
        id,
        port,
        &format!("community = \"{community}\"\nprofile = \"{profile}\""),
    )
}

/// All of them at once in one room: what none of them does together, none does alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_say_what_a_person_reads_in_them_and_move_nothing() {
    let simulator = Simulator::play(&FILES, &[]).await;
    let tables: String = PLAYED
        .iter()
        .enumerate()
        .map(|(n, (community, profile, _))| agent(&format!("a{n}"), simulator.port, (community, profile)))
        .collect();
    // A cooling unit with the card of a UPS: it has nothing of what is asked.
    let cooling = agent("cooling", simulator.port, ("vertiv-power", "vertiv/liebert-gp"));
    let stand = Stand::start(Room::with(&[]).and(&tables).and(&cooling)).await;
    for (n, (community, profile, signals)) in PLAYED.iter().enumerate() {
        for (signal, wanted) in *signals {
            let what = format!("{community} by {profile}: {signal} = {wanted:?}");
            let is_so = |c: &muster_core::ChannelView| match *wanted {
                "" => c.value.is_none() && ["bus", "range", "config"].contains(&c.quality.as_str()),
                wanted => c.value.as_deref() == Some(wanted) && c.quality == "good",
            };
            stand.api.until_channel(&format!("a{n}.{signal}"), &what, is_so).await;
        }
    }
    let absent = |c: &muster_core::ChannelView| c.value.is_none() && c.quality == "bus";
    stand
        .api
        .until_channel("cooling.on_battery", "a cooling unit is on no battery", absent)
        .await;
    stand.assert_undecided("every recording at once");
}

/// One that shows its load on battery is `prepare`, and no more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_is_on_battery_prepares_and_does_not_evacuate() {
    let pdu = std::fs::read_to_string(recorded().await.join("apc-8641.snmprec")).unwrap();
    let on_battery = [
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2468.1.2.1",
        "1.3.6.1.2.1.1.3.0|67|8205439",
        "1.3.6.1.2.1.33.1.2.1.0|2|3",
        "1.3.6.1.2.1.33.1.2.4.0|2|18",
        "1.3.6.1.2.1.33.1.4.1.0|2|5",
        "1.3.6.1.2.1.33.1.6.1.0|2|1",
        "1.3.6.1.2.1.33.1.6.2.1.2.1|6|1.3.6.1.2.1.33.1.6.3.2",
    ];
    let text = on_battery.join("\n") + "\n";
    let simulator = Simulator::play(&[], &[("pdu", pdu), ("on-battery", text)]).await;
    let tables = agent("ups", simulator.port, ("on-battery", "santak/array"))
        + &agent("pdu", simulator.port, ("pdu", "apc/rack-pdu"));
    let stand = Stand::start(Room::with(&[]).and(&tables)).await;
    let view = stand.until("prepare", |v| v.level >= Level::Prepare).await;
    assert!(view.why.contains("ups.on_battery"), "{}", view.why);
    stand
        .api
        .until_channel("ups.charge", "18 %", |c| c.value.as_deref() == Some("0.18"))
        .await;
    stand
        .api
        .until_channel("pdu.power", "1,210 W", |c| c.value.as_deref() == Some("1210"))
        .await;
    assert_eq!(stand.view().level, Level::Prepare);
    assert!(stand.view().votes.is_empty() && !stand.evacuates());
}
