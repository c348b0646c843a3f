//! What people do in a room that is no fault and no fire: they try its sensors, and work on its batteries.

use super::{Dead, Dice, Fault, FaultKind, NODES, Probe, Sign};

/// Gas or smoke from a can on a sensor, or the panel's own walk test: it alarms, and somebody had better said so before.
#[must_use]
pub fn calibration(at_s: f64, dice: &mut Dice) -> Fault {
    let what = if dice.share(0.25) {
        Dead::Sensor(dice.pick([Probe::PanelFire, Probe::PanelDischarge, Probe::CellAlarm]))
    } else {
        let sign = dice.pick([Sign::Voc, Sign::Hydrogen, Sign::Smoke]);
        Dead::Sensor(Probe::Node {
            node: dice.below(NODES),
            sign,
        })
    };
    Fault {
        what,
        kind: FaultKind::Tried,
        from_s: at_s,
        until_s: at_s + dice.decades(10.0, 1_200.0),
    }
}
