//! What contacts mean for their zone and the two clocks, and devices as they are shown.
use crate::stand::power::{OB, Says, calm, of_ups, paths, poll};
use crate::stand::{MINUTE, SECOND, Stand, site, smoke, ups};
use muster_core::{Level, Millis, Site};
use muster_wire::{Absence, Quantity};

/// The contact of this quantity is the last channel, in zone `a` and a group of its own. It alarms or watches as configs say.
fn with(quantity: Quantity) -> (Stand, u32) {
    let mut site: Site = site();
    let limit = ups("ob", Quantity::OnBattery).watch;
    let votes = matches!(quantity, Quantity::EmergencyPowerOff | Quantity::SuppressionDischarge);
    let mut contact = ups("contact", quantity);
    (contact.alarm, contact.watch) = if votes { (limit, None) } else { (None, limit) };
    site.channels.push(contact);
    let at = site.channels.len() as u32 - 1;
    (Stand::new(site), at)
}

fn losses(stand: &Stand) -> (Millis, Millis) {
    let runway = stand.view().runway;
    let earliest = |clock: Option<muster_core::IntervalView>| clock.map_or(Millis::MIN, |c| c.earliest);
    (earliest(runway.loss), earliest(runway.cut))
}

#[test]
fn an_emergency_power_off_is_one_vote_and_the_loss_is_here() {
    let (mut stand, epo) = with(Quantity::EmergencyPowerOff);
    stand.wait(MINUTE);
    stand.settle_at(epo, 1);
    let view = stand.view();
    assert_eq!(
        (view.level, view.votes.len()),
        (Level::Prepare, 1),
        "one contact never evacuates"
    );
    assert!(
        view.why
            .contains("contact is on in 2 of the last 3 samples: emergency power off"),
        "{}",
        view.why
    );
    let loss = view.runway.loss.unwrap();
    assert_eq!((loss.earliest, loss.likely), (MINUTE, MINUTE));
    assert!(loss.why.starts_with("contact: emergency power off"), "{}", loss.why);
    stand.wait(40 * MINUTE);
    assert_eq!(stand.view().level, Level::Prepare);
}

/// Pressed in a room, it takes what stands on that room's feeds alone; beside it, the other side's battery decides.
#[test]
fn an_emergency_power_off_takes_its_side_at_once() {
    let mut site = paths();
    let mut epo = of_ups(0, Quantity::EmergencyPowerOff);
    (epo.id, epo.watch) = ("epo-a".into(), None);
    epo.alarm = site.channels[OB[0] as usize].watch;
    (epo.group, epo.source) = (muster_core::GroupIx(3), muster_core::SourceIx(3));
    site.channels.push(epo);
    let mut stand = Stand::new(site);
    calm(&mut stand);
    let pressed = stand.now;
    stand.settle_at(20, 1);
    let racks = stand.view().racks;
    assert_eq!((&racks[0].loss, racks[0].gone), (&None, false), "it has another way");
    let loss = racks[1].loss.clone().expect("a loss");
    assert_eq!((loss.earliest, loss.likely, racks[1].gone), (pressed, pressed, true));
    assert!(loss.why.contains("epo-a: emergency power off"), "{}", loss.why);
    for t in (0..5 * MINUTE).step_by(5_000) {
        stand.settle_at(20, 1);
        poll(&mut stand, 1, Says::drained(t));
        stand.wait(5 * SECOND);
    }
    let both = stand.view().racks[0].clone();
    let loss = both.loss.expect("its other side runs down");
    assert!(!both.gone && loss.earliest > stand.now + 10 * MINUTE, "{loss:?}");
    assert!(
        !loss.why.contains("others' load"),
        "what is off shares no load: {}",
        loss.why
    );
}

/// A rung that was to save what has another feed is not given up for what is lost already.
#[test]
fn what_an_emergency_power_off_has_taken_shortens_no_ladder() {
    let (mut stand, epo) = with(Quantity::EmergencyPowerOff);
    stand.settle_at(epo, 1);
    stand.alarm(0);
    stand.answer_all(muster_core::Phase::Prepare, &muster_core::HookOutcome::Done);
    assert_eq!(stand.level(), Level::Evacuate);
    assert!(
        stand.called().contains(&"db.move.evacuate.far".to_owned()),
        "{:?}",
        stand.called()
    );
}

#[test]
fn a_released_power_off_gives_the_time_back() {
    let (mut stand, epo) = with(Quantity::EmergencyPowerOff);
    stand.settle_at(epo, 1);
    assert_eq!(losses(&stand).0, 0);
    stand.settle_at(epo, 0);
    assert_eq!(losses(&stand).0, 8 * MINUTE, "the hazard prior");
}

#[test]
fn a_released_suppression_is_one_vote_and_brings_the_cut_nearer_until_the_reset() {
    let (mut stand, gas) = with(Quantity::SuppressionDischarge);
    stand.wait(MINUTE);
    stand.settle_at(gas, 1);
    assert_eq!(stand.level(), Level::Prepare, "one contact never evacuates");
    assert_eq!(losses(&stand), (9 * MINUTE, 11 * MINUTE));
    let cut = stand.view().runway.cut.unwrap();
    assert!(
        cut.why.starts_with("contact: the suppression has been released"),
        "{}",
        cut.why
    );
    stand.settle_at(gas, 0);
    assert_eq!(losses(&stand).1, 11 * MINUTE, "gas that is gone stays gone");
}

#[test]
fn an_announced_cut_goes_before_every_prior_and_gas_that_is_out_waits_for_none() {
    for (at, earliest) in [(5 * MINUTE, 5 * MINUTE), (70 * MINUTE, 10 * MINUTE)] {
        let (mut stand, gas) = with(Quantity::SuppressionDischarge);
        stand.settle_at(gas, 1);
        stand.order(crate::stand::ANN, muster_core::Verb::Cut { at });
        assert_eq!(stand.view().runway.cut.unwrap().earliest, earliest);
    }
}

#[test]
fn a_first_stage_and_the_generator_are_looked_at_and_open_no_incident() {
    for (quantity, says) in [
        (Quantity::FireWarning, "contact is on: first stage"),
        (Quantity::OnGenerator, "contact is on: the site runs on its generator"),
    ] {
        let (mut stand, contact) = with(quantity);
        stand.settle_at(contact, 1);
        let view = stand.view();
        assert_eq!((view.level, view.votes.len()), (Level::Watch, 0));
        assert!(view.zones[0].why.contains(says), "{}", view.zones[0].why);
        assert!(view.incident.is_none());
    }
}

#[test]
fn a_contact_whose_wire_breaks_is_trouble_and_no_vote() {
    for wire in [Absence::Open, Absence::Short] {
        let (mut stand, epo) = with(Quantity::EmergencyPowerOff);
        stand.settle_at(epo, 0);
        for _ in 0..5 {
            stand.sample(epo, Err(wire));
        }
        let view = stand.view();
        assert!(view.votes.is_empty() && view.incident.is_none());
        assert_eq!(view.troubles.len(), 1, "{:?}", view.troubles);
        assert!(view.troubles[0].line.contains(wire.as_str()), "{:?}", view.troubles);
    }
}

#[test]
fn sources_are_summed_up_piece_by_piece() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.sample(5, Err(Absence::Crc));
    let all = stand.state.sources_from(stand.now, 0, usize::MAX);
    let ids: Vec<&str> = all.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["n1", "n2", "n3", "ups"]);
    let n1 = &all[0];
    assert_eq!((n1.channels_good, n1.channels_total, n1.alarm), (1, 2, true));
    assert_eq!((n1.zones.join(","), n1.groups.join(",")), ("a".into(), "n1".into()));
    assert_eq!(n1.last_good_ms, Some(0));
    let fault = &n1.faults[0];
    assert_eq!((fault.channel.as_str(), fault.quality.as_str()), ("a1x", "crc"));
    assert_eq!(fault.line, "no value (crc)");
    let silent = &all[1];
    assert_eq!(
        (silent.last_good_ms, silent.faults[0].line.as_str()),
        (None, "nothing heard yet")
    );
    let mut pieces = Vec::new();
    loop {
        let piece = stand.state.sources_from(stand.now, pieces.len(), 1);
        assert!(piece.len() <= 1);
        if piece.is_empty() {
            break;
        }
        pieces.extend(piece);
    }
    assert_eq!(pieces, all);
    let of = |most| stand.state.sources_from(stand.now, 0, most).len();
    assert_eq!((of(3), of(4), of(5)), (1, 2, 2), "two channels each");
}

/// 0 and -1 minutes on mains are heard, and mean nothing: that is no fault of the device.
#[test]
fn a_ups_that_knows_no_runtime_on_mains_is_well() {
    let mut stand = Stand::new(site());
    stand.read(6, 0);
    stand.read(7, -1);
    let ups = stand.state.sources_from(stand.now, 3, 1).remove(0);
    assert_eq!((ups.channels_good, ups.faults.len()), (2, 0), "{:?}", ups.faults);
    stand.wait(11 * SECOND);
    let ups = stand.state.sources_from(stand.now, 3, 1).remove(0);
    assert_eq!(ups.channels_good, 0, "silent it is at fault like any other");
}

/// A device that says that it is at fault is not well, although its channel is.
#[test]
fn a_device_that_reports_its_own_fault_is_not_well() {
    let mut site = site();
    let mut fault = smoke("own", 0, 0, 0);
    (fault.quantity, fault.watch, fault.alarm) = (Quantity::Fault, None, None);
    site.channels.push(fault);
    let mut stand = Stand::new(site);
    for channel in [0, 5] {
        stand.read(channel, 0);
    }
    stand.settle_at(8, 1);
    let source = stand.state.sources_from(stand.now, 0, 1).remove(0);
    assert_eq!(source.faults[0].line, "the device reports a fault of its own");
    assert_eq!(source.channels_good, 2);
}
