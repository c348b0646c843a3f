//! The sequences of this repository, which NUT's dummy-ups plays in another suite.

use muster_core::Level;
use muster_profiles::capture::Capture;
use muster_profiles::shipped;

use super::{highest, one_channel_turns, rounds};

/// Sequence, the level it comes to, and what a person reads in it.
const READ: [(&str, &str, Level, &str); 3] = [
    (
        "power-cut",
        include_str!("../nut_server/power-cut.seq"),
        Level::Prepare,
        "OB DISCHRG, then LB, while the charge falls to 9 %: a power cut",
    ),
    (
        "odd-days",
        include_str!("../nut_server/odd-days.seq"),
        Level::Normal,
        "OB stands only beside CAL or TEST; LB without OB; a charge of 101 %",
    ),
    (
        "self-test",
        "ups.status: OL\nbattery.charge: 100\nTIMER 5\nups.status: OB DISCHRG\nups.test.result: In progress\nTIMER 20\n\
         ups.status: OL CHRG\nups.test.result: Done and passed\nTIMER 5\n",
        Level::Normal,
        "OB only while ups.test.result says that a test is in progress",
    ),
];

#[test]
fn a_sequence_prepares_only_where_it_shows_the_load_on_battery() {
    let device = shipped("nut/ups").unwrap();
    for (name, text, wanted, why) in READ {
        let capture = Capture::parse(text, &device).unwrap();
        let level = highest("nut/ups", &capture, &device);
        let came = if wanted == Level::Prepare {
            level == wanted
        } else {
            level <= Level::Watch
        };
        assert!(came, "{name}: {level}; {why}");
        for round in rounds(&capture.decode(&device)) {
            one_channel_turns(name, "nut/ups", &device, &round);
        }
    }
}
