//! Several devices on one line: who is dead slows nobody, and a line that is pulled out comes back by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_core::{ChannelIx, Input, SourceIx};
use muster_profiles::Profile;
use muster_wire::Micro;
use tokio::time::timeout;

use super::super::{ModbusSource, bus};
use super::slave::{Manners, Tty, register};
use crate::clock::{Clock, Stopwatch};
use crate::config::{ModbusWay, Port};
use crate::counters::Counters;
use crate::lanes::{Control, LaneEnds, lanes};
use crate::sources::ear::PATIENCE;
use crate::sources::polls::Polling;

/// One trip signal every 100 ms, and one of the rest.
const PROFILE: &str = r#"
vendor = "test"
model = "slave"
kind = "modbus"
document = "this test"
proven_by = "simulated"
min_poll_ms = 100
timeout_ms = 1000
[[signal]]
name = "first"
table = "holding"
address = 10
type = "u16"
quantity = "counter"
trip = true
[[signal]]
name = "second"
table = "holding"
address = 20
type = "u16"
quantity = "counter"
"#;

fn member(at: u16, unit: u8, port: Port) -> (ModbusSource, Polling) {
    let channel = |n: u32| ChannelIx(u32::from(at) * 2 + n);
    let channels = BTreeMap::from([("first".into(), channel(0)), ("second".into(), channel(1))]);
    let source = ModbusSource {
        source: SourceIx(at),
        id: format!("unit-{unit}"),
        address: port.to_string(),
        channels,
        poll_ms: None,
        way: ModbusWay {
            port,
            unit,
            profile: Arc::new(Profile::parse(PROFILE, "test").unwrap()),
        },
    };
    (source, Polling::default())
}

/// A bus and what the engine would hear of it.
struct Heard {
    ends: LaneEnds,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heard {
    fn of(port: &Port, units: &[u8]) -> Self {
        let (lanes, ends) = lanes();
        let members = (0..)
            .zip(units)
            .map(|(at, unit)| member(at, *unit, port.clone()))
            .collect();
        let run = bus::run(members, lanes, Counters::default(), Clock::starting_at(0), true);
        Self {
            ends,
            task: tokio::spawn(run),
        }
    }

    /// The next trip signal or loss: whose, and its value, or why there is none.
    async fn next(&mut self) -> (u16, Result<i64, String>) {
        let next = async {
            loop {
                tokio::select! {
                    Some(control) = self.ends.control.recv() => {
                        if let Control::Lost { source, why, .. } = control {
                            return (source.0, Err(why));
                        }
                    }
                    Some(batch) = self.ends.alarm.recv() => {
                        if let Some(Input::Reading { channel, value: Ok(Micro(value)), .. }) = batch.inputs.first() {
                            return ((channel.0 / 2) as u16, Ok(value / 1_000_000));
                        }
                    }
                    Some(_) = self.ends.data.recv() => {}
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap()
    }

    async fn until(&mut self, wanted: impl Fn(u16, &Result<i64, String>) -> bool) {
        loop {
            let (source, said) = self.next().await;
            if wanted(source, &said) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_dead_slave_is_named_at_once_and_slows_nobody() {
    let (mut tty, dead) = (Tty::new(), Arc::new(AtomicBool::new(false)));
    tty.plug_in(Manners {
        dead: (4, dead.clone()),
        ..Manners::good()
    });
    let mut bus = Heard::of(&tty.port(), &[4, 5, 6]);
    // Two times: the first answer had to wait for the line, so it does not say how fast the device is.
    for _ in 0..2 {
        bus.until(|source, said| source == 0 && said.is_ok()).await;
    }
    dead.store(true, Ordering::SeqCst);
    let died = Stopwatch::start();
    bus.until(|source, said| source == 0 && said.is_err()).await;
    assert!(
        died.elapsed() < Duration::from_secs(3),
        "named after {:?}",
        died.elapsed()
    );
    // From here on it costs the others no more than a short look at a time.
    let (began, mut alive) = (Stopwatch::start(), [0_u32; 3]);
    let mut last: [Option<Stopwatch>; 3] = [None; 3];
    let mut longest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(4) {
        let (source, said) = bus.next().await;
        // Its other signals may be named after its trip signals.
        assert_eq!(said.is_ok(), source != 0, "{source}: {said:?}");
        if source == 0 {
            continue;
        }
        let at = usize::from(source);
        alive[at] += 1;
        longest = longest.max(last[at].map_or(Duration::ZERO, |since| since.elapsed()));
        last[at] = Some(Stopwatch::start());
    }
    assert!(alive[1] >= 20 && alive[2] >= 20, "of 40 turns each: {alive:?}");
    assert!(longest < Duration::from_millis(1_000), "{longest:?} without a turn");
    dead.store(false, Ordering::SeqCst);
    bus.until(|source, said| source == 0 && said.is_ok()).await;
}

#[tokio::test]
async fn a_slave_that_was_never_there_leaves_nine_tenths_to_the_others() {
    let mut tty = Tty::new();
    tty.plug_in(Manners {
        dead: (4, Arc::new(AtomicBool::new(true))),
        ..Manners::good()
    });
    let mut bus = Heard::of(&tty.port(), &[4, 5]);
    bus.until(|source, said| source == 0 && said.is_err()).await;
    bus.until(|source, said| source == 1 && said.is_ok()).await;
    let (began, mut alive) = (Stopwatch::start(), 0);
    while began.elapsed() < Duration::from_secs(5) {
        alive += u32::from(bus.next().await.0 == 1);
    }
    assert!(
        alive >= 25,
        "{alive} of 50 turns in 5 s, in which the dead one may take one second"
    );
}

#[tokio::test]
async fn an_adapter_that_is_pulled_out_is_trouble_and_comes_back_by_itself() {
    let mut tty = Tty::new();
    tty.plug_in(Manners::good());
    let mut bus = Heard::of(&tty.port(), &[4, 5]);
    let value = |unit| i64::from(register(unit, muster_profiles::Table::Holding, 10));
    bus.until(|source, said| source == 0 && *said == Ok(value(4))).await;
    for _ in 0..2 {
        tty.pull_out().await;
        let mut lost = [false; 2];
        while lost != [true, true] {
            if let (source, Err(why)) = bus.next().await {
                assert!(
                    why.contains("gone") || why.contains("cannot open") || why.contains("broken"),
                    "{why}"
                );
                lost[usize::from(source)] = true;
            }
        }
        tty.plug_in(Manners::good());
        let mut back = [false; 2];
        while back != [true, true] {
            if let (source, Ok(said)) = bus.next().await {
                assert_eq!(said, value(4 + source as u8));
                back[usize::from(source)] = true;
            }
        }
    }
}

#[tokio::test]
async fn a_bus_ends_with_the_engine() {
    let mut tty = Tty::new();
    tty.plug_in(Manners::good());
    let mut bus = Heard::of(&tty.port(), &[4]);
    bus.until(|_, said| said.is_ok()).await;
    drop(std::mem::replace(&mut bus.ends, lanes().1));
    timeout(PATIENCE, &mut bus.task).await.unwrap().unwrap();
}
