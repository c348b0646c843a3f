use super::*;
use crate::shipped;

/// Time, and each signal's value in millionths.
type Plain = (u64, BTreeMap<String, Option<Result<i64, Absence>>>);

fn decoded(profile: &str, text: &str) -> Vec<Plain> {
    let device = shipped(profile).unwrap();
    let capture = Capture::parse(text, &device).unwrap();
    let plain = |moment: Moment<Vec<Decoded<'_>>>| {
        let all = moment.all.iter();
        (
            moment.at_ms,
            all.map(|d| (d.name.to_owned(), d.value.map(|v| v.map(|m| m.0))))
                .collect(),
        )
    };
    capture.decode(&device).into_iter().map(plain).collect()
}

#[test]
fn registers_last_until_they_are_said_again() {
    let text = "# an APC\nat 0 ms\nholding 0: 0 0b0\n".replace("0b0", "0x0002")
        + "holding 130: 51200\nat 1000 ms\nholding 0: 0 0x0004\nat 2000 ms\nrefused holding 130 1: exception 2\n";
    let moments = decoded("apc/smart-ups", &text);
    let of = |n: usize, name: &str| moments[n].1[name];
    assert_eq!(moments.iter().map(|m| m.0).collect::<Vec<_>>(), [0, 1_000, 2_000]);
    assert_eq!(
        (of(0, "on_battery"), of(1, "on_battery")),
        (Some(Ok(0)), Some(Ok(1_000_000)))
    );
    assert_eq!((of(1, "charge"), of(2, "charge")), (Some(Ok(1_000_000)), None));
    assert_eq!(of(0, "load"), None, "nothing was recorded of it");
}

#[test]
fn a_sequence_of_dummy_ups_is_a_recording() {
    let text =
        "ups.status: OL\nbattery.charge: 100\nTIMER 60\nups.status: OB\nALARM over\nTIMER 60\nups.status: OB LB\n";
    let moments = decoded("nut/ups", text);
    let states: Vec<_> = moments
        .iter()
        .map(|(at, all)| (*at, all["on_battery"], all["battery_low"]))
        .collect();
    let (no, yes) = (Some(Ok(0)), Some(Ok(1_000_000)));
    assert_eq!(states, [(0, no, no), (60_000, yes, no), (120_000, yes, yes)]);
    assert_eq!(moments[2].1["charge"], yes);
}

#[test]
fn a_recording_of_snmpsim_is_read_with_its_makers_exceptions() {
    let base = "1.3.6.1.2.1.33.1.2.3.0|2|-1\n1.3.6.1.2.1.33.1.2.4.0|66|98\n1.3.6.1.2.1.33.1.4.1.0|2|5\n\
                1.3.6.1.2.1.33.1.6.1.0|66|1\n\
                1.3.6.1.2.1.33.1.6.2.1.2.1|6|1.3.6.1.2.1.33.1.6.3.5\n1.3.6.1.2.1.33.1.2.5.0|4x|41\n";
    let other = decoded(
        "generic/ups-mib",
        &format!("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99\n{base}"),
    );
    let santak = decoded(
        "generic/ups-mib",
        &format!("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2468.1.2.1\n{base}"),
    );
    assert_eq!(other[0].1["runtime"], Some(Err(Absence::Bus)));
    assert_eq!(santak[0].1["runtime"], None, "it means nothing there");
    assert_eq!(santak[0].1["charge"], Some(Ok(980_000)));
    assert_eq!(santak[0].1["on_battery"], Some(Ok(1_000_000)));
    assert_eq!(santak[0].1["battery_temperature_bad"], Some(Ok(1_000_000)));
    assert_eq!(santak[0].1["battery_bad"], Some(Ok(0)));
    assert_eq!(santak[0].1["battery_voltage"], Some(Err(Absence::Bus)));
}

#[test]
fn a_line_that_cannot_be_read_is_named_with_what_is_wanted() {
    let wrong = |profile: &str, text: &str| {
        let error = Capture::parse(text, &shipped(profile).unwrap()).unwrap_err();
        (error.line, error.what)
    };
    for (text, what) in [
        ("holding 0: 1", "say `at 0 ms` first"),
        ("at soon", "a time is written"),
        ("at 5 ms\nat 1 ms", "before 5 ms"),
        ("at 0 ms\nholdng 0: 1", "no table"),
        ("at 0 ms\nholding x: 1", "a line is"),
        ("at 0 ms\nholding 0: 70000", "no register"),
        ("at 0 ms\nholding 65535: 1 2", "past address"),
        ("at 0 ms\nrefused holding 1", "written `refused"),
    ] {
        let (line, said) = wrong("apc/smart-ups", text);
        assert!(
            said.contains(what) && line == text.lines().count(),
            "{text}: {line}: {said}"
        );
    }
    assert!(wrong("nut/ups", "what").1.contains("battery.charge"));
    assert!(wrong("nut/ups", "TIMER soon").1.contains("TIMER 60"));
    assert!(wrong("generic/ups-mib", "1.3.6.1|2").1.contains("object, tag, value"));
}

#[test]
fn a_detector_under_calibration_has_no_value_in_a_recording_either() {
    let at = |state: u16| format!("at 0 ms\ninput 10: {state}\ninput 13: 0 2\n");
    let of = |state| decoded("xtralis/sensepoint-xcl", &at(state))[0].1["alarm_2"];
    assert_eq!(of(1), Some(Ok(1_000_000)));
    assert_eq!(of(2), Some(Err(Absence::Warmup)));
    assert_eq!(of(12), Some(Err(Absence::Config)));
}

#[test]
fn a_recording_says_of_which_kind_it_is() {
    for (text, kind) in [
        ("# x\n\nat 0 ms\nholding 0: 1\n", Some("modbus")),
        ("1.3.6.1|4x|00ff\n", Some("snmp")),
        ("ups.status: OL\n", Some("nut")),
        ("TIMER 3\n", Some("nut")),
        ("# nothing\n", None),
    ] {
        assert_eq!(Capture::kind(text), kind, "{text:?}");
    }
}

#[test]
fn records_keep_type_and_bytes() {
    let records =
        Capture::records("1.3.1|4x|00fF\n1.3.2|4x|Juniper\n1.3.3|4|a|b \n1.3.4|2:numeric|x\n1.3.5|64x|0a000001\n")
            .unwrap();
    let all: Vec<_> = records.values().map(|r| (r.tag, r.bytes.as_slice())).collect();
    let wanted: [(Option<u8>, &[u8]); 5] = [
        (Some(4), &[0, 255]),
        (Some(4), b"Juniper"),
        (Some(4), b"a|b "),
        (None, b"x"),
        (Some(64), &[10, 0, 0, 1]),
    ];
    assert_eq!(all, wanted);
}
