//! The last message, channels that are told, and a boot count that was lost.

use super::*;

fn supply() -> ChannelSpec<'static> {
    ChannelSpec {
        name: "supply",
        quantity: Quantity::Voltage,
        alarm: Some(Limit {
            set: units(10),
            clear: units(11),
            above: false,
        }),
        last_gasp: true,
        ..gas()
    }
}

/// A gas channel behind the supply's.
fn with_supply<const STORE: usize>() -> Node<'static, 2, STORE> {
    Node::new(spec([supply(), gas()])).unwrap()
}

fn tick<const S: usize>(node: &mut Node<'_, 2, S>, now_ms: u64, volts: i64, gas: i64) {
    node.tick(now_ms, &mut [&mut Told(Ok(units(volts))), &mut Told(Ok(units(gas)))]);
}

/// Of each pack its number and what it says, by name.
fn told(heard: &[Heard]) -> Vec<(u64, Vec<(&str, i64)>)> {
    heard
        .iter()
        .map(|heard| {
            (
                heard.seq,
                heard.said.iter().map(|(n, v, _)| (n.as_str(), v.unwrap())).collect(),
            )
        })
        .collect()
}

#[test]
fn a_sag_between_two_samples_goes_before_all_that_waits() {
    let mut node = with_supply::<64>();
    tick(&mut node, 0, 12, 1);
    tick(&mut node, 100, 12, 60);
    tick(&mut node, 200, 12, 61);
    assert!(!node.glance(230, 0, || Some(units(11))), "no sag");
    let mut spike = [units(9), units(12)].into_iter();
    assert!(!node.glance(235, 0, || spike.next()), "a spike");
    assert!(!node.glance(236, 0, || None), "nothing measured");
    assert!(node.glance(240, 0, || Some(units(9))));
    assert!(!node.glance(250, 0, || Some(units(9))), "once is enough");
    let heard = hear(&mut node, 250);
    assert_eq!(
        told(&heard),
        [
            (1, vec![("gas-0", 60), ("gas-0", 61), ("supply", 9)]),
            (2, vec![("supply", 12), ("gas-0", 1)])
        ],
        "and takes the alarms with it"
    );
    assert!(heard[0].alarm);
    tick(&mut node, 300, 9, 1);
    assert_eq!(
        told(&hear(&mut node, 300))[0].1,
        [("supply", 9)],
        "said again with every sample"
    );
    tick(&mut node, 400, 12, 1);
    assert!(node.glance(450, 0, || Some(units(9))), "it has been well in between");
}

#[test]
fn a_sag_while_the_link_is_down_is_the_first_to_go_and_what_was_in_doubt_follows() {
    let mut node = with_supply::<64>();
    tick(&mut node, 0, 12, 1);
    hear(&mut node, 0);
    tick(&mut node, 100, 12, 60);
    hear(&mut node, 100);
    // Both packs are on their way when the link goes; a sag is sampled, and its first way out is cut as well.
    tick(&mut node, 200, 9, 62);
    for (expected, samples) in [(3, 5), (6, 7)] {
        node.on_link_up();
        let heard = hear(&mut node, 200);
        let mut names: Vec<_> = told(&heard)[0].1.clone();
        names.sort_unstable();
        assert_eq!(
            (heard[0].seq, names),
            (expected, vec![("gas-0", 60), ("gas-0", 62), ("supply", 9)])
        );
        assert!(told(&heard)[1].1.contains(&("gas-0", 1)), "{heard:?}");
        assert!(heard.windows(2).all(|two| two[0].seq < two[1].seq), "{heard:?}");
        assert_eq!(
            heard.iter().map(|h| h.said.len()).sum::<usize>(),
            samples,
            "nothing is missing"
        );
        tick(&mut node, expected * 100, 12, 1);
        hear(&mut node, expected * 100);
    }
}

#[test]
fn a_store_full_of_alarms_keeps_a_sag() {
    let mut node = with_supply::<2>();
    assert!(node.glance(0, 0, || Some(units(9))));
    for at in 0..5_i64 {
        tick(&mut node, at.unsigned_abs() * 100, 9, 60 + at);
    }
    let heard = hear(&mut node, 500);
    assert!(told(&heard)[0].1.contains(&("supply", 9)), "{heard:?}");
}

#[test]
fn a_channel_that_is_told_is_reported_by_the_same_rules() {
    let told_only = ChannelSpec { every: 0, ..gas() };
    let mut node = Node::<2, 64>::new(spec([told_only, ChannelSpec::NONE])).unwrap();
    let mut step = |now_ms, value| {
        node.tick(now_ms, &mut []);
        node.take(now_ms, 0, value);
        node.take(now_ms, 1, value);
        node.take(now_ms, 2, value);
        let heard = hear(&mut node, now_ms);
        heard.iter().map(|h| (h.alarm, h.said[0].1)).collect::<Vec<_>>()
    };
    assert_eq!(step(0, Ok(units(10))), [(false, Ok(10))]);
    assert_eq!(step(100, Ok(units(10))), [], "no news");
    assert_eq!(step(200, Ok(units(60))), [(true, Ok(60))], "an edge");
    assert_eq!(step(300, Err(Absence::Bus)), [(true, Err(Absence::Bus))]);
    assert_eq!(step(400, Ok(units(1))), [(false, Ok(1))]);
    assert_eq!(step(HEARTBEAT_MS, Ok(units(1))), [(false, Ok(1))], "a heartbeat");
    assert_eq!(step(HEARTBEAT_MS + 100, Ok(units(1))), []);
}

#[test]
fn a_node_that_has_lost_its_memory_learns_its_boot_count_and_says_all_again() {
    let lost = NodeSpec {
        boot: 1,
        boot_kept: false,
        ..spec([gas()])
    };
    let mut node = Node::<1, 8>::new(lost).unwrap();
    let mut buf = [0; PACK_BYTES];
    let mut said = |node: &mut Node<'_, 1, 8>| {
        let (_, pack) = node.poll_pack(0, &mut buf)?;
        let pack = Pack::parse(pack).unwrap();
        Some((pack.header().mark.unwrap(), pack.records().count()))
    };
    node.tick(0, &mut [&mut Told(Ok(units(60)))]);
    assert_eq!(said(&mut node), Some((Mark { boot: 1, seq: 1 }, 1)));
    node.on_ack(Mark { boot: 41, seq: 0 });
    node.tick(SAMPLE_MS, &mut [&mut Told(Ok(units(61)))]);
    assert_eq!(said(&mut node), Some((Mark { boot: 42, seq: 1 }, 2)));
    // Echoes of what was refused change nothing more, and an acknowledgement of the new count is one.
    node.on_ack(Mark { boot: 41, seq: 0 });
    node.on_ack(Mark { boot: 42, seq: 1 });
    node.on_link_up();
    assert_eq!(said(&mut node), None);

    let mut kept = Bench::<8>::new(gas());
    kept.step(60);
    kept.node.on_ack(Mark { boot: BOOT + 9, seq: 0 });
    assert_eq!(
        kept.step(61)[0].seq,
        2,
        "a count that is kept is believed, whoever says what"
    );
}
