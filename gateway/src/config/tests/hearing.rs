//! Each rule of what hears: limits, channels, devices and groups.

use super::{GOOD, all, brief, check, config, limits, one, only, with};

#[test]
fn limits_can_work() {
    only(
        &limits("alarm = 900"),
        "error",
        "alarm 900 Cel is outside what a temperature can be",
    );
    only(
        &limits("alarm = 70\nalarm_clear = 71"),
        "error",
        "alarm clears at 71 Cel, beyond its limit 70 Cel",
    );
    only(
        &limits("watch = false\nalarm = -38"),
        "error",
        "alarm clears only below -43 Cel",
    );
    only(
        &limits("watch = 60"),
        "error",
        "watch 60 Cel does not come before alarm 60 Cel",
    );
    only(
        &limits("watch = false\nwatch_clear = 3"),
        "error",
        "`watch_clear` without `watch`",
    );
    only(
        &limits("alarm = nan"),
        "error",
        "`alarm` is not a number that can be measured",
    );
    only(
        &limits("alarm = 1e300"),
        "error",
        "`alarm` is not a number that can be measured",
    );
    only(
        &limits("alarm = true"),
        "error",
        "`alarm` of [[channel]] is of the type boolean",
    );
    only(
        &limits("below = true\nalarm = 5\nalarm_clear = 4"),
        "error",
        "alarm clears at 4 Cel, beyond its limit 5 Cel",
    );
    only(
        &limits("below = true\nwatch = 3\nalarm = 5"),
        "error",
        "watch 3 Cel does not come before alarm 5 Cel",
    );
    only(
        &limits("k = 4\nn = 3"),
        "error",
        "k = 4 of n = 3 samples can never be reached",
    );
    only(&limits("n = 17"), "error", "`n` = `17` is out of range");
    only(
        &limits("supervision_s = 0"),
        "error",
        "`supervision_s` = 0 s is out of range",
    );
}

#[test]
fn limits_follow_each_other() {
    assert_eq!(
        limits("alarm = 40"),
        Vec::<String>::new(),
        "the default watch gives way"
    );
    assert_eq!(limits("below = true\nwatch = 10\nalarm = 5"), Vec::<String>::new());
    assert_eq!(limits("k = 5"), Vec::<String>::new(), "n follows k");
    let off = limits("alarm = false");
    assert_eq!(off, Vec::<String>::new(), "smoke still votes for the node");
}

#[test]
fn a_channel_that_looks_below_has_lost_its_default_alarm() {
    only(
        &limits("below = true\nwatch = 5"),
        "warning",
        "the default alarm at 60 Cel does not hold",
    );
    only(&limits("below = true"), "error", "`below` without `watch` or `alarm`");
}

#[test]
fn an_own_channel_replaces_or_adds() {
    let more = "[[channel]]\nid = \"cold-aisle\"\nsource = \"node-1\"\nsignal = \"temperature\"\nalarm = 70\nn = 1\n\
                [[channel]]\nsource = \"node-1\"\nsignal = \"lid\"\nquantity = \"contact\"\nsequence = false\n";
    let config = config(&format!("{GOOD}{more}"));
    let ids: Vec<_> = config.site.channels.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["node-1.lid", "node-1.smoke", "cold-aisle", "panel.in1"]);
    let aisle = &config.site.channels[2];
    assert_eq!(
        (aisle.k, aisle.n, aisle.alarm.map(|l| l.set.0)),
        (1, 1, Some(70_000_000))
    );
    let node = &config.nodes["node-1"].channels;
    assert_eq!((node["lid"].sequence, node["temperature"].sequence), (false, true));
    assert_eq!(node["temperature"].channel.at(), 2);
    only(
        &limits("[[channel]]\nsource = \"node-1\"\nsignal = \"temperature\""),
        "error",
        "a second [[channel]] for signal",
    );
}

#[test]
fn a_signal_means_something_and_stands_somewhere() {
    only(
        &with("[[channel]]\nsource = \"node-1\"\nsignal = \"lid\"\n"),
        "error",
        "nothing says what signal `lid` measures",
    );
    assert_eq!(
        one("quantity = \"fire_alarm\"", "quantity = \"voc\""),
        "18 error the device profile reads contact in a state or ratio, not voc in ppm"
    );
    let no_zone = all(&[(
        "quantity = \"fire_alarm\"\nzone = \"room\"",
        "quantity = \"fire_alarm\"",
    )]);
    assert!(
        no_zone.contains(&"15 error channel `panel.in1` is in no zone".to_owned()),
        "{no_zone:#?}"
    );
    assert_eq!(
        one("\"temperature\", \"smoke\"", "\"smoke\", \"smoke\""),
        "9 error signal `smoke` stands there twice"
    );
}

#[test]
fn polled_devices() {
    let address = "address = \"10.0.0.7:502\"";
    assert_eq!(
        one(address, "address = \"10.0.0.7:502\"\nunit = 250"),
        "14 error unit 250 is reserved by Modbus"
    );
    for unit in [0, 1, 247, 255] {
        assert_eq!(
            all(&[(address, &format!("{address}\nunit = {unit}"))]),
            Vec::<String>::new()
        );
    }
    assert_eq!(
        one(address, "address = \"10.0.0.7:502\"\npoll_ms = 60"),
        "14 error polling every 60 ms is more often than the device bears"
    );
    assert_eq!(one(address, ""), "10 error `address` is missing in [[source]]");
    assert_eq!(
        one("kind = \"node\"", "kind = \"node\"\nunit = 3"),
        "8 error `unit` means nothing for a node"
    );
    let slow = config(&GOOD.replacen(address, &format!("{address}\npoll_ms = 10000"), 1));
    let panel = slow.site.channels.iter().find(|c| c.id == "panel.in1");
    assert_eq!(panel.map(|c| c.supervision_ms), Some(30_000), "three polls");
    let hasty = all(&[
        (address, &format!("{address}\npoll_ms = 10000")),
        ("signal = \"in1\"", "signal = \"in1\"\nsupervision_s = 20"),
    ]);
    only(
        &hasty,
        "error",
        "supervision of 20000 ms is less than three polls of 10000 ms",
    );
}

/// A second polled device with one alarm in the room.
fn second_device(address: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"second\"\nkind = \"modbus\"\nprofile = \"generic/dry-contacts\"\naddress = \"{address}\"\n{more}\n\
         [[channel]]\nsource = \"second\"\nsignal = \"in1\"\nquantity = \"fire_alarm\"\nzone = \"room\"\n"
    )
}

#[test]
fn what_shares_a_board_or_a_bus_shares_a_group() {
    let divided = second_device("10.0.0.8:502", "group = \"own\"").replacen("signal", "group = \"other\"\nsignal", 1);
    let more = "[[channel]]\nsource = \"second\"\nsignal = \"in2\"\nquantity = \"contact\"\nzone = \"room\"\n";
    let two_fates = with(&(divided + more));
    only(
        &two_fates,
        "error",
        "channel `second.in2` is in group `own`, but its source is in `other`",
    );
    let apart = with(&second_device("10.0.0.7:503", "group = \"own\""));
    only(
        &apart,
        "error",
        "`second` and `panel` stand on one bus but are in the groups `own` and `bus-10-0-0-7`",
    );
    assert_eq!(with(&second_device("10.0.0.7:503", "")), Vec::<String>::new());
    assert_eq!(
        with(&second_device("10.0.0.8:502", "group = \"own\"")),
        Vec::<String>::new()
    );
    let named = second_device("10.0.0.8:502", "segment = \"s\"")
        + &second_device("10.0.0.9:502", "segment = \"s\"\ngroup = \"own\"").replace("second", "third");
    only(&with(&named), "error", "`third` and `second` stand on one bus");
    let loopback = second_device("127.0.0.1:5", "") + &second_device("127.0.0.1:6", "").replace("second", "third");
    assert_eq!(
        config(&format!("{GOOD}{loopback}")).site.groups.len(),
        4,
        "on loopback each port is a bus"
    );
}

/// A second node.
fn node_2(lines: &str) -> String {
    format!("[[source]]\nid = \"node-2\"\nkind = \"node\"\nsignals = [\"smoke\"]\n{lines}\n")
}

#[test]
fn nodes_of_a_plain_listener_are_one_group() {
    let two = config(&format!("{GOOD}{}", node_2("zone = \"room\"\ngroup = \"mqtt\"")));
    let groups: Vec<_> = two.site.groups.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(groups, ["mqtt", "bus-10-0-0-7"]);
    only(
        &with(&node_2("zone = \"room\"\ngroup = \"node-2\"")),
        "error",
        "a node is in the group `node-2`",
    );
    only(&limits("group = \"other\""), "error", "a node is in the group `other`");
    let channel = "[[channel]]\nsource = \"node-2\"\nsignal = \"smoke\"\ngroup = \"b\"\n";
    let both = with(&(node_2("zone = \"room\"\ngroup = \"a\"") + channel));
    assert_eq!(both.len(), 2, "each place once: {both:#?}");
    let hint = check(&format!("{GOOD}{}", node_2("zone = \"room\"\ngroup = \"a\"")))
        .remove(0)
        .hint;
    assert!(hint.contains("one thief") && hint.contains("TLS"), "{hint}");
    // A device that shares the nodes' network or credential may say so: that errs towards fewer votes.
    let shared = config(&format!("{GOOD}{}", second_device("10.0.0.8:502", "group = \"mqtt\"")));
    assert_eq!(shared.site.groups.len(), 2);
}

#[test]
fn a_zone_that_can_vote_has_two_groups() {
    let alone = ("quantity = \"fire_alarm\"", "quantity = \"contact\"");
    only(
        &all(&[alone]),
        "error",
        "every alarm in zone `room` is of one group, `mqtt`",
    );
    let accepted = all(&[alone, ("id = \"here\"", "id = \"here\"\nsingle_group = true")]);
    only(
        &accepted,
        "warning",
        "single_group: one faulty or stolen group alone can evacuate this site (`room`)",
    );
    only(
        &all(&[("id = \"here\"", "id = \"here\"\nsingle_group = true")]),
        "warning",
        "single_group:",
    );
    // The neighbour's group counts together with the room's own.
    let text = GOOD.replacen(alone.0, alone.1, 1);
    let hall = |adjacent: &str, device: &str| {
        let text = format!("{text}[[zone]]\nid = \"hall\"\n{adjacent}{device}");
        brief(&check(&text))
    };
    let next_door = "adjacent = [\"room\"]\n";
    let panel = second_device("10.0.0.8:502", "").replace("\"room\"", "\"hall\"");
    assert_eq!(hall(next_door, &panel), Vec::<String>::new());
    assert_eq!(hall("", &panel).len(), 2, "each alone");
    assert_eq!(
        hall(next_door, &node_2("zone = \"hall\"")).len(),
        2,
        "all nodes are one group"
    );
    only(
        &with("[[zone]]\nid = \"attic\"\n"),
        "warning",
        "no channel in zone `attic` can alarm",
    );
    only(
        &with("[[zone]]\nid = \"attic\"\nadjacent = [\"attic\"]\n").split_off(1),
        "error",
        "zone `attic` is adjacent to itself",
    );
}
