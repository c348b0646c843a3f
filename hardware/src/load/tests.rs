use crate::{Expect, Profile, Table};

const GOOD: &str = r#"
vendor = "v"
model = "m"
kind = "modbus"
document = "d"
proven_by = "document-only"
[[signal]]
name = "a"
table = "input"
address = 1
type = "u16"
quantity = "voltage"
"#;

fn faults(text: &str) -> Vec<(usize, String, String)> {
    let found = Profile::parse(text, "f.toml").unwrap_err();
    found.into_iter().map(|f| (f.line, f.what, f.hint)).collect()
}

/// The good profile with one more key in its last signal; the fault stands in that line.
#[track_caller]
fn refused(line: &str, what: &str) {
    let found = faults(&format!("{GOOD}{line}\n"));
    assert!(found.iter().any(|f| f.1.contains(what)), "{line}: {found:?}");
}

#[test]
fn defaults_are_gentle() {
    let p = Profile::parse(GOOD, "f.toml").unwrap();
    assert_eq!(
        (p.head.min_poll_ms, p.head.timeout_ms, p.max_gap, p.join_gaps),
        (1_000, 1_000, 8, true)
    );
    assert_eq!((p.canary, p.signals.len(), p.signals[0].table), (None, 1, Table::Input));
}

#[test]
fn ten_faults_are_named_at_once_with_their_lines() {
    let text = r#"vendor = "V"
kind = "smoke-signals"
document = " "
proven_by = "hearsay"
min_poll_ms = 1
colour = 3
[canary]
table = "holding"
address = 1
expect = "maybe"
[[signal]]
name = "a"
table = "holdng"
address = 70000
type = "u16"
quantity = "temprature"
scale = 0.1
"#;
    let found = faults(text);
    let lines: Vec<usize> = found.iter().map(|f| f.0).collect();
    assert_eq!(lines, [1, 1, 2, 3, 4, 5, 6, 10, 13, 14, 16, 17], "{found:#?}");
    assert!(found[0].1.contains("no id") || found[0].1.contains("model is missing"));
    assert_eq!(found[6].1, "unknown key colour");
    assert_eq!(found[10].2, "did you mean temperature?");
    assert!(found[11].2.contains("in quotes"));
}

#[test]
fn faults_print_as_file_line_what_and_hint() {
    let found = Profile::parse("vendor = 3", "x/y.toml").unwrap_err();
    assert!(
        found.iter().any(|f| f.to_string().starts_with("x/y.toml:1: vendor: ")),
        "{found:?}"
    );
}

#[test]
fn what_is_no_toml_is_named_where_it_breaks() {
    let found = faults("vendor = \"v\"\nmodel = = 3\n[[signal\n");
    assert!(
        found.iter().any(|f| f.0 == 2) && found.iter().any(|f| f.0 == 3),
        "{found:?}"
    );
}

#[test]
fn signals_that_cannot_be_are_refused() {
    refused("bit = 3", "one bit cannot be a voltage");
    refused("bit = 16", "does not fit the type");
    refused("bit = 99", "out of range");
    refused("word_order = \"little\"", "single register");
    refused("scale = \"1e3\"", "no usable scale");
    refused("divide = 0", "no usable scale");
    refused("scale = \"0.1\"\ndivide = 2", "no usable scale");
    refused("multiply = 9223372036854775807", "no usable scale");
    refused("invert = true", "only a bit can be inverted");
    refused("sentinels = [0x10000]", "cannot hold");
    refused("sentinels = 7", "sentinels");
    refused("adress = 7", "unknown key adress");
    refused("trip = \"yes\"", "trip");
}

#[test]
fn signals_that_contradict_each_other_are_refused() {
    let twin = "[[signal]]\nname = \"a\"\ntable = \"coil\"\naddress = 1\nquantity = \"leak\"";
    refused(twin, "name a stands twice");
    let copy = "[[signal]]\nname = \"b\"\ntable = \"input\"\naddress = 1\ntype = \"u16\"\nquantity = \"current\"";
    refused(copy, "b reads the same as a");
    let last = "[[signal]]\nname = \"b\"\ntable = \"input\"\naddress = 65535\ntype = \"u32\"\nquantity = \"counter\"";
    refused(last, "past address 65535");
    let coil = "[[signal]]\nname = \"b\"\ntable = \"coil\"\naddress = 1\ntype = \"u16\"\nquantity = \"leak\"";
    refused(coil, "are for registers");
}

#[test]
fn a_profile_without_signals_or_with_something_else_there_is_refused() {
    let head = GOOD.split("[[signal]]").next().unwrap();
    for rest in [
        "",
        "signal = []",
        "signal = 3",
        "signal = [3]",
        "canary = 1\nsignal = [1]",
    ] {
        assert!(!faults(&format!("{head}{rest}")).is_empty(), "{rest}");
    }
}

#[test]
fn a_canary_that_cannot_hold_is_refused() {
    let with = |canary: &str| Profile::parse(&format!("{GOOD}[canary]\n{canary}"), "f");
    let good = with("table = \"holding\"\naddress = 9\nexpect = 0xBEEF").unwrap();
    assert_eq!(good.canary.unwrap().expect, Expect::Value(0xBEEF));
    for bad in [
        "table = \"coil\"\naddress = 9\nexpect = 2",
        "table = \"coil\"\naddress = 9\nwords = 4\nexpect = \"ascii\"",
        "table = \"input\"\naddress = 65530\nwords = 16\nexpect = \"ascii\"",
        "table = \"input\"\naddress = 9\nwords = 126\nexpect = \"ascii\"",
        "table = \"input\"\naddress = 9\nexpect = 70000",
        "table = \"input\"\naddress = 9",
    ] {
        assert!(with(bad).is_err(), "{bad}");
    }
}

#[test]
fn any_cut_and_any_flipped_byte_of_a_shipped_file_is_a_profile_or_a_fault() {
    let text = include_str!("../../profiles/generic/battery-monitor.toml");
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let _ = Profile::parse(&text[..at], "cut").map_err(|f| assert!(!f.is_empty()));
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 0x15;
        if let Ok(flipped) = std::str::from_utf8(&bytes) {
            let _ = Profile::parse(flipped, "flipped").map_err(|f| assert!(!f.is_empty()));
        }
    }
}

#[test]
fn a_signed_sentinel_is_told_its_bits() {
    for (kind, given, bits) in [
        ("i16", "-32768", "0x8000"),
        ("i16", "-1", "0xFFFF"),
        ("i32", "-2147483648", "0x80000000"),
    ] {
        let text = GOOD.replace("\"u16\"", &format!("\"{kind}\"")) + &format!("sentinels = [{given}]\n");
        let found = faults(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, 13);
        assert!(found[0].2.ends_with(&format!("write {given} as {bits}")), "{found:?}");
    }
}

/// It may be right, so the profile is taken; but whoever lints it is told.
#[test]
fn an_address_of_a_manual_is_doubted_and_not_refused() {
    for (table, address, instead) in [
        ("holding", 40_001, "write 0,"),
        ("input", 30_408, "write 407,"),
        ("discrete", 10_053, "52"),
    ] {
        let kind = if table == "discrete" { "" } else { "type = \"u16\"\n" };
        let text = GOOD
            .replace("\"input\"", &format!("\"{table}\""))
            .replace("address = 1\n", &format!("address = {address}\n"))
            .replace("type = \"u16\"\n", kind)
            .replace("\"voltage\"", "\"contact\"");
        let (device, doubts) = crate::Device::lint(&text, "f.toml");
        assert!(device.is_ok(), "{device:?}");
        assert!(
            doubts.len() == 1 && doubts[0].line == 10 && doubts[0].hint.contains(instead),
            "{doubts:?}"
        );
    }
    assert_eq!(crate::Device::lint(GOOD, "f.toml").1, []);
    for name in crate::shipped_names() {
        let text = std::fs::read_to_string(format!("{}/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(crate::Device::lint(&text, name).1, [], "{name}");
    }
}

/// `GOOD` with signals that are contacts.
fn with_contacts(more: &str) -> String {
    let contact = |name: &str, bit: u8| {
        format!(
            "[[signal]]\nname = \"{name}\"\ntable = \"input\"\naddress = 2\ntype = \"u16\"\nbit = {bit}\nquantity = \"contact\"\n"
        )
    };
    format!("{GOOD}{}{}{more}\n", contact("self_test", 1), contact("battery_low", 2))
}

#[test]
fn what_takes_a_meaning_away_is_another_contact_of_the_profile() {
    let good = Profile::parse(&with_contacts("unless_signals = [\"self_test\"]"), "f").unwrap();
    assert_eq!(good.signals[2].unless_signals, ["self_test"]);
    for (more, what) in [
        ("[\"self_tset\"]", "did you mean self_test?"),
        ("[\"a\"]", "no contact that could"),
        ("[\"battery_low\"]", "no contact that could"),
        ("[]", "unless_signals is empty"),
        ("\"self_test\"", "a list of signals"),
    ] {
        let found = faults(&with_contacts(&format!("unless_signals = {more}")));
        assert!(
            found.iter().any(|f| format!("{f:?}").contains(what)),
            "{more}: {found:?}"
        );
    }
    let number = GOOD.to_owned() + "unless_signals = [\"b\"]\n";
    assert!(faults(&number)[0].1.contains("a is a voltage"), "{:?}", faults(&number));
}

/// A battery may burn while it is tested.
#[test]
fn no_test_takes_an_alarm_away() {
    let of = |quantity: &str| {
        let text = with_contacts("unless_signals = [\"self_test\"]");
        let at = text.rfind("\"contact\"").unwrap();
        text[..at].to_owned() + &text[at..].replacen("contact", quantity, 1)
    };
    assert!(Profile::parse(&of("on_battery"), "f").is_ok());
    for alarm in [
        "battery_alarm",
        "fire_alarm",
        "fire_warning",
        "suppression_discharge",
        "fault",
        "emergency_power_off",
    ] {
        let found = faults(&of(alarm));
        assert_eq!(found.len(), 1, "{alarm}: {found:?}");
        assert!(
            found[0].1.contains(&format!("battery_low is a {alarm}")) && found[0].2.contains("only on_battery"),
            "{found:?}"
        );
    }
    let renamed = with_contacts("unless_signals = [\"self_test\"]").replace("battery_low", "battery_hot");
    assert!(
        faults(&renamed)[0].1.contains("battery_hot is a contact"),
        "{:?}",
        faults(&renamed)
    );
    let nut = "vendor = \"t\"\nmodel = \"m\"\nkind = \"nut\"\ndocument = \"d\"\nproven_by = \"simulated\"\n\
               min_poll_ms = 1000\ntimeout_ms = 2000\n[[signal]]\nname = \"hot\"\nvariable = \"ups.status\"\n\
               words = [\"HOT\"]\nunless = [\"CAL\"]\nquantity = \"battery_alarm\"\n";
    let (device, _) = crate::Device::lint(nut, "f.toml");
    let found = device.unwrap_err();
    assert!(
        found.iter().any(|f| f.what.contains("hot is a battery_alarm")),
        "{found:?}"
    );
    assert!(crate::Device::lint(&nut.replace("unless", "with"), "f.toml").0.is_ok());
}

#[test]
fn what_stands_in_a_state_register_is_said_by_one_list() {
    let contact = GOOD.replace("\"voltage\"", "\"fault\"");
    let taken = |more: &str| Profile::parse(&format!("{contact}{more}\n"), "f");
    assert_eq!(taken("none_of = [0]").unwrap().signals[0].none_of, [0]);
    for bad in [
        "none_of = []",
        "values = [1]\nnone_of = [0]",
        "none_of = [0]\nscale = \"0.1\"",
        "bit = 1\nnone_of = [0]",
    ] {
        let found = taken(bad).unwrap_err();
        assert!(found.iter().any(|f| f.what == "no usable values"), "{bad}: {found:?}");
    }
    refused("none_of = [0]", "no usable values");
}

#[test]
fn a_mode_has_states_or_bits() {
    let with = |rest: &str| {
        Profile::parse(
            &format!("{GOOD}[mode]\ntable = \"holding\"\naddress = 7\n{rest}\n"),
            "f",
        )
    };
    assert_eq!(
        with("inhibited_bits = [0, 7]").unwrap().mode.unwrap().inhibited_bits,
        0x81
    );
    for (bad, what) in [
        ("", "means nothing"),
        ("inhibited_bits = []", "means nothing"),
        ("inhibited_bits = [16]", "a bit that"),
    ] {
        let found = with(bad).unwrap_err();
        assert!(found.iter().any(|f| f.what.contains(what)), "{bad}: {found:?}");
    }
}

/// All bits set is how SunSpec says "not implemented".
#[test]
fn an_event_of_sunspec_without_its_sentinels_is_doubted() {
    let signal = |quantity: &str, more: &str| {
        let head = GOOD
            .replace("\"voltage\"", quantity)
            .replace("[[signal]]", "sunspec_model = 802\n[[signal]]");
        crate::Device::lint(&format!("{head}{more}\n"), "f.toml")
    };
    let doubted = |more: &str| {
        let (device, doubts) = signal("\"battery_alarm\"", more);
        assert!(device.is_ok(), "{device:?}");
        doubts.into_iter().map(|d| d.hint).collect::<Vec<_>>()
    };
    let bit = |more: &str| {
        let text = GOOD
            .replace("\"u16\"", "\"u32\"\nbit = 1")
            .replace("\"voltage\"", "\"battery_alarm\"");
        let text = text.replace("[[signal]]", "sunspec_model = 802\n[[signal]]");
        let doubts = crate::Device::lint(&format!("{text}{more}\n"), "f").1;
        doubts.into_iter().map(|d| d.hint).collect::<Vec<_>>()
    };
    assert!(bit("")[0].contains("[0xFFFFFFFF, 0x80000000]"), "{:?}", bit(""));
    assert!(bit("sentinels = [0xFFFFFFFF]")[0].contains("[0x80000000]"));
    assert_eq!(bit("sentinels = [0xFFFFFFFF, 0x80000000]"), [""; 0]);
    assert!(doubted("values = [2]")[0].contains("[0xFFFF]"));
    assert_eq!(doubted("values = [2]\nsentinels = [0xFFFF]"), [""; 0]);
    assert_eq!(signal("\"voltage\"", "").1, []);
}
