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

#[test]
fn an_isolated_detector_has_no_alarm_and_says_that_it_is_isolated() {
    let of = |relays: u16, name: &str| {
        let text = format!("at 0 ms\nholding 7: {relays}\nholding 11: 3000\nholding 12: 0x18\n");
        decoded("system-sensor/faast", &text)[0].1[name]
    };
    assert_eq!((of(0, "fire_1"), of(0, "fire_2")), (Some(Ok(MICRO)), Some(Ok(MICRO))));
    assert_eq!(
        (of(0x80, "fire_1"), of(0x80, "fire_2")),
        (Some(Err(Absence::Config)), Some(Err(Absence::Config)))
    );
    assert_eq!(
        (of(0x80, "isolated"), of(0xA0, "minor_fault")),
        (Some(Ok(MICRO)), Some(Ok(MICRO)))
    );
}

/// Each in the words of its protocol: the load is on battery on purpose, and in the next moment it is not on purpose.
#[test]
fn on_battery_in_a_self_test_is_not_on_battery() {
    let apc = |status: u16, test: u16, calibration: u16| {
        let text = format!("at 0 ms\nholding 0: 0 {status}\nholding 23: {test} {calibration}\n");
        decoded("apc/smart-ups", &text)[0].1["on_battery"]
    };
    assert_eq!(apc(0x84, 0, 0), Some(Ok(0)), "bit 7 of its status");
    assert_eq!((apc(4, 2, 0), apc(4, 0, 2)), (Some(Ok(0)), Some(Ok(0))));
    assert_eq!(
        (apc(4, 4, 4), apc(4, 0, 0)),
        (Some(Ok(MICRO)), Some(Ok(MICRO))),
        "the test is over"
    );
    let snmp = |profile: &str, rows: &str| {
        decoded(profile, rows)[0]
            .1
            .iter()
            .filter(|(_, v)| **v == Some(Ok(MICRO)))
            .map(|(n, _)| n.clone())
            .collect::<Vec<_>>()
    };
    let ups_mib = "1.3.6.1.2.1.33.1.4.1.0|2|5\n1.3.6.1.2.1.33.1.2.1.0|2|3\n1.3.6.1.2.1.33.1.6.1.0|66|1\n";
    let row = |alarm: u8| format!("{ups_mib}1.3.6.1.2.1.33.1.6.2.1.2.7|6|1.3.6.1.2.1.33.1.6.3.{alarm}\n");
    for profile in [
        "generic/ups-mib",
        "eastpower/istars",
        "santak/array",
        "vertiv/liebert-gp",
    ] {
        assert_eq!(snmp(profile, &row(24)), ["self_test"], "{profile}");
        assert_eq!(snmp(profile, &row(2)), ["battery_low", "on_battery"], "{profile}");
    }
    for (profile, source, test, running) in [
        ("apc/powernet", "318.1.1.1.4.1.1.0|2|3", "318.1.1.1.7.2.6.0", 3),
        ("apc/powernet", "318.1.1.1.4.1.1.0|2|3", "318.1.1.1.7.2.3.0", 4),
        ("phoenixtec/upsmib", "935.1.1.1.4.1.1.0|2|3", "935.1.1.1.7.2.3.0", 4),
        ("eaton/xups", "534.1.4.5.0|2|5", "534.1.8.2.0", 4),
    ] {
        let said = |code: i32| snmp(profile, &format!("1.3.6.1.4.1.{source}\n1.3.6.1.4.1.{test}|2|{code}\n"));
        assert!(!said(running).contains(&"on_battery".to_owned()), "{profile} {test}");
        assert_eq!(said(1), ["on_battery"], "{profile} {test}");
    }
}

/// What it does not implement holds all ones.
#[test]
fn a_battery_that_implements_nothing_reports_nothing() {
    for model in [802_u16, 803, 804] {
        for ones in ["0xFFFF 0xFFFF ", "0x8000 0x0000 "] {
            let text = format!(
                "at 0 ms\nholding 40000: 0x5375 0x6E53 {model} 198 {}0xFFFF 0\n",
                ones.repeat(99)
            );
            let moments = decoded(&format!("sunspec/battery-{model}"), &text);
            let said: Vec<_> = moments[0]
                .1
                .iter()
                .filter(|(_, value)| matches!(value, Some(Ok(1)) | Some(Ok(MICRO))))
                .collect();
            assert!(said.is_empty(), "{model} {ones}: {said:?}");
            assert!(
                moments[0].1.values().any(|value| *value == Some(Err(Absence::Bus))),
                "{model}"
            );
        }
    }
}

#[test]
fn what_a_ups_says_on_mains_that_it_does_not_know_is_no_value() {
    let runtime = |id: &str, minutes: i32, profile: &str| {
        let text = format!(
            "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.{id}\n1.3.6.1.2.1.33.1.2.3.0|2|{minutes}\n1.3.6.1.2.1.33.1.2.4.0|2|-1\n"
        );
        let all = decoded(profile, &text).swap_remove(0).1;
        assert_eq!(
            all["charge"],
            Some(Err(Absence::Bus)),
            "{profile}: a charge of -1 is none"
        );
        all["runtime"]
    };
    let none = Some(Err(Absence::Bus));
    for (id, profile) in [
        ("935.10.1", "generic/ups-mib"),
        ("534.1", "generic/ups-mib"),
        ("40614.1", "eastpower/istars"),
    ] {
        assert_eq!(runtime(id, -1, profile), none, "{id}");
        assert_eq!(runtime(id, 2, profile), Some(Ok(120 * MICRO)), "{id}");
        assert_eq!(
            runtime(id, 0, profile),
            Some(Ok(0)),
            "{id}: on battery it is the truth, and on mains nothing goes by it"
        );
    }
    let apc = decoded("apc/smart-ups", "at 0 ms\nholding 151: 0xFFFF\n");
    assert_eq!(apc[0].1["input_voltage"], none);
}

/// Inputs that a reader of the makers' documents missed.
#[test]
fn inputs_stand_where_their_documents_have_them() {
    let modbus = |profile: &str, line: &str| {
        let text = format!("at 0 ms\n{line}\n");
        let all = decoded(profile, &text).swap_remove(0).1;
        all.into_iter()
            .filter(|(_, v)| *v == Some(Ok(MICRO)))
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        modbus("vertiv/alber-bdsu", "discrete 3232: 1 0 0 0"),
        ["runaway_cell_to_ambient_1"]
    );
    assert_eq!(
        modbus("vertiv/alber-bdsu", "discrete 3264: 0 1 0 0"),
        ["runaway_cell_to_cell_2"]
    );
    assert_eq!(modbus("xtralis/sensepoint-xcl", "input 17: 0 0x40"), ["active_fault"]);
    assert_eq!(modbus("apc/smart-ups", "holding 18: 2"), ["shutdown_imminent"]);
    let apc = [
        "battery_over_voltage",
        "charger_fault",
        "replace_battery",
        "temperature_sensor_fault",
    ];
    assert_eq!(modbus("apc/smart-ups", "holding 22: 0x36"), apc);
    let upsc = |line: &str| {
        let all = decoded("nut/ups", line).swap_remove(0).1;
        all.into_iter()
            .filter_map(|(name, v)| Some((name, v?)))
            .collect::<Vec<_>>()
    };
    let one = |name: &str, value| vec![(name.to_owned(), value)];
    assert_eq!(upsc("battery.packs.bad: 1"), one("battery_packs_bad", Ok(MICRO)));
    for none in ["-1", "-60", "0"] {
        let line = format!("ups.timer.shutdown: {none}");
        assert_eq!(upsc(&line), one("shutdown_pending", Ok(0)), "{none}");
    }
    assert_eq!(upsc("ups.timer.shutdown: 20"), one("shutdown_pending", Ok(MICRO)));
    assert_eq!(
        upsc("ambient.2.temperature: 31.5"),
        one("ambient_2_temperature", Ok(31_500_000))
    );
    let of =
        |name: &str, rows: &[(String, Result<i64, Absence>)]| rows.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let charging = upsc("battery.charger.status: discharging");
    assert_eq!(
        (of("discharging", &charging), of("charger_off", &charging)),
        (Some(Ok(MICRO)), Some(Ok(0)))
    );
    let contact = upsc("ambient.1.contacts.1.status: closed");
    let (active, closed) = (
        of("ambient_1_contact_1_active", &contact),
        of("ambient_1_contact_1_closed", &contact),
    );
    assert_eq!(
        (active, closed),
        (Some(Err(Absence::Bus)), Some(Ok(MICRO))),
        "of words that it does not say nothing is known"
    );
}
