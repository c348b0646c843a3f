//! Modbus devices on serial lines, and those that share a port.

use super::{GOOD, all, brief, check, config, one, only};
use crate::config::{Parity, Port, SerialLine};

const TCP: &str = "address = \"10.0.0.7:502\"";

/// The good file with its panel somewhere else.
fn at(lines: &str) -> String {
    GOOD.replacen(TCP, lines, 1)
}

/// Another panel.
fn second(lines: &str) -> String {
    format!(
        "[[source]]\nid = \"panel-2\"\nkind = \"modbus\"\nprofile = \"generic/dry-contacts\"\nzone = \"room\"\nsignals = [\"in1\"]\n{lines}\n"
    )
}

fn ports(text: &str) -> Vec<Port> {
    let ports = config(text).polled;
    ports
        .iter()
        .filter_map(|polled| Some(polled.modbus()?.port.clone()))
        .collect()
}

#[test]
fn a_line_is_as_the_standard_says_unless_it_is_said_otherwise() {
    let line = |baud, parity, stop_bits| {
        Port::Serial(SerialLine {
            path: "/dev/ttyUSB0".into(),
            baud,
            parity,
            stop_bits,
        })
    };
    let address = "address = \"/dev/ttyUSB0\"";
    assert_eq!(ports(&at(address)), [line(19_200, Parity::Even, 1)]);
    let said = format!("{address}\nbaud = 9600\nparity = \"none\"\nstop_bits = 2");
    assert_eq!(ports(&at(&said)), [line(9_600, Parity::None, 2)]);
    let behind = Port::RtuOverTcp {
        address: "10.0.0.9:4001".into(),
        baud: 9_600,
    };
    assert_eq!(
        ports(&at("address = \"rtu-over-tcp://10.0.0.9:4001\"\nbaud = 9600")),
        [behind]
    );
    assert_eq!(
        config(&at(address))
            .site
            .groups
            .iter()
            .filter(|g| g.id == "bus-ttyusb0")
            .count(),
        1
    );
}

#[test]
fn what_no_line_can_be_is_refused() {
    assert_eq!(
        one(TCP, &format!("{TCP}\nbaud = 9600")),
        "14 error `baud` means nothing for `10.0.0.7:502`"
    );
    let behind = "address = \"rtu-over-tcp://10.0.0.9:4001\"";
    let parity = format!("{behind}\nparity = \"odd\"");
    assert_eq!(
        one(TCP, &parity),
        "14 error `parity` means nothing for `rtu-over-tcp://10.0.0.9:4001`"
    );
    let line = "address = \"/dev/ttyUSB0\"";
    assert_eq!(
        one(TCP, &format!("{line}\nbaud = 9601")),
        "14 error no adapter has 9601 baud"
    );
    assert_eq!(
        one(TCP, &format!("{line}\nunit = 255")),
        "14 error there is no unit 255 on a serial line"
    );
    assert!(
        all(&[(TCP, &format!("{line}\nunit = 248"))])
            .iter()
            .any(|f| f.contains("reserved"))
    );
    assert!(one(TCP, &format!("{line}\nparity = \"mark\"")).starts_with("14 error"));
    assert_eq!(
        one(TCP, "address = \"rtu-over-tcp://10.0.0.9\""),
        "13 error `rtu-over-tcp://10.0.0.9` is not an address"
    );
}

#[test]
fn one_line_has_one_setting_and_each_unit_once() {
    let line = "address = \"/dev/ttyUSB0\"";
    let other = at(line) + &second(&format!("{line}\nunit = 2\nbaud = 9600"));
    only(
        &brief(&check(&other)),
        "error",
        "/dev/ttyUSB0 is 9600 baud 8E1 here, and 19200 baud 8E1 for `panel`",
    );
    let twice = at(line) + &second(line);
    only(
        &brief(&check(&twice)),
        "error",
        "unit 1 of /dev/ttyUSB0 is read by `panel` already",
    );
    let good = at(line) + &second(&format!("{line}\nunit = 2"));
    assert_eq!(brief(&check(&good)), Vec::<String>::new());
}

#[test]
fn a_line_that_cannot_carry_what_is_asked_of_it_is_warned_of_with_the_numbers() {
    let line = "address = \"/dev/ttyUSB0\"\nbaud = 1200";
    let many = (2..6).fold(at(line), |text, unit| {
        text + &second(&format!("{line}\nunit = {unit}")).replace("panel-2", &format!("panel-{unit}"))
    });
    let found = brief(&check(&many));
    only(&found, "warning", "what is asked of /dev/ttyUSB0 takes ");
    assert!(
        found[0].contains("% of its time at 1200 baud") && found[0].contains("panel-5 "),
        "{found:?}"
    );
}
