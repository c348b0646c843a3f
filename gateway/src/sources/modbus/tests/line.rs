//! Invariant 16 on a line: a value is that of the register and the device that were asked for, or there is none. Against
//! slaves that are late, answer twice, answer for others, and speak in noise.

use std::time::Duration;

use muster_profiles::{Block, Table};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::super::failure::Failure;
use super::super::link::{Answer, Link, To, words};
use super::super::rtu::{Line, Units};
use super::slave::{Dice, Manners, Tty, expected, register, serve};
use crate::clock::Stopwatch;
use crate::config::Port;

/// What came of many reads.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    refused: usize,
    none: usize,
}

/// An answer later than this is none; late ones are up to five times as late.
const WITHIN: Duration = Duration::from_millis(6);

fn manners(seed: u64) -> Manners {
    Manners {
        seed,
        odd_percent: 25,
        late: WITHIN * 5,
        end: 60,
        ..Manners::good()
    }
}

/// A read of a device such as there are: small blocks, many of one length, on few units.
fn any_read(dice: &mut Dice) -> (u8, Block) {
    let tables = [
        Table::Holding,
        Table::Holding,
        Table::Holding,
        Table::Input,
        Table::Coil,
    ];
    let table = tables[dice.below(5) as usize];
    let count = 1 + dice.below(3) as u16;
    let start = dice.below(62) as u16;
    (4 + dice.below(2) as u8, Block { table, start, count })
}

fn take(tally: &mut Tally, unit: u8, block: Block, said: Option<Answer>) {
    match said {
        Some(Answer::Words(words)) => {
            assert_eq!(
                words,
                expected(unit, block),
                "unit {unit}, {block:?}: another register's value"
            );
            tally.right += 1;
        }
        Some(Answer::Refused(_)) => tally.refused += 1,
        None => tally.none += 1,
    }
}

async fn read_much(link: &mut Link, seed: u64, reads: usize) -> Tally {
    let (mut dice, mut tally) = (Dice::new(!seed), Tally::default());
    for _ in 0..reads {
        let (unit, block) = any_read(&mut dice);
        let to = To { unit, within: WITHIN };
        let said = link.read(to, block).await.ok();
        take(&mut tally, unit, block, said);
    }
    tally
}

#[test]
fn no_two_registers_hold_the_same() {
    let words = |unit| (0..64).map(move |a| register(unit, Table::Holding, a));
    let all: std::collections::BTreeSet<u16> = words(4).chain(words(5)).collect();
    assert!(all.len() > 120, "{}", all.len());
}

/// Waiting costs nothing, so many lines are read side by side.
async fn side_by_side<F>(lines: impl Iterator<Item = F>) -> Tally
where
    F: Future<Output = Tally> + Send + 'static,
{
    let lines: Vec<_> = lines.map(tokio::spawn).collect();
    let mut all = Tally::default();
    for line in lines {
        let tally = line.await.unwrap();
        all.right += tally.right;
        all.refused += tally.refused;
        all.none += tally.none;
    }
    println!("{all:?}");
    all
}

async fn read_line(mut line: Line, seed: u64, reads: usize) -> Tally {
    let (mut units, mut dice, mut tally) = (Units::default(), Dice::new(!seed), Tally::default());
    for _ in 0..reads {
        let (unit, block) = any_read(&mut dice);
        let said = line.read(&mut units, To { unit, within: WITHIN }, block).await;
        let said = said.ok().map(|said| match said {
            Ok(response) => Answer::Words(words(block, response).unwrap()),
            Err(code) => Answer::Refused(code),
        });
        take(&mut tally, unit, block, said);
    }
    tally
}

#[tokio::test]
async fn of_ten_thousand_reads_none_is_of_another_register() {
    let lines = (0..25).map(|seed| async move {
        let (ours, theirs) = tokio::io::duplex(4_096);
        let echo = seed % 2 == 1;
        let slaves = tokio::spawn(serve(theirs, Manners { echo, ..manners(seed) }));
        let tally = read_line(Line::new(Box::new(ours), 115_200), seed, 400).await;
        slaves.abort();
        tally
    });
    let all = side_by_side(lines).await;
    assert!(all.right > 4_000 && all.none > 500 && all.refused > 50, "{all:?}");
}

/// The same over a real tty, in real time.
#[tokio::test]
async fn on_a_pty_no_read_is_of_another_register() {
    let lines = (100..108).map(|seed| async move {
        let mut tty = Tty::new();
        let echo = seed % 2 == 1;
        tty.plug_in(Manners { echo, ..manners(seed) });
        read_much(&mut Link::new(tty.port()), seed, 400).await
    });
    let all = side_by_side(lines).await;
    assert!(all.right > 1_200, "{all:?}");
}

#[tokio::test]
async fn over_tcp_no_read_is_of_another_register() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for seed in 200.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, manners(seed)));
        }
    });
    let port = Port::RtuOverTcp { address, baud: 115_200 };
    let tally = read_much(&mut Link::new(port), 200, 400).await;
    assert!(tally.right > 150, "{tally:?}");
}

/// A line is opened with more patience than it is used with: noise must not use that up for ever.
#[tokio::test]
async fn a_glitch_now_and_then_holds_a_new_line_only_once() {
    let (ours, mut theirs) = tokio::io::duplex(4_096);
    let glitches = tokio::spawn(async move {
        // Each before the line has been quiet for 2 s.
        while theirs.write_all(&[0]).await.is_ok() {
            sleep(Duration::from_millis(1_500)).await;
        }
    });
    let (mut line, mut units) = (Line::new(Box::new(ours), 115_200), Units::default());
    line.distrust_for(Duration::from_secs(2));
    let to = To {
        unit: 4,
        within: WITHIN,
    };
    let block = Block {
        table: Table::Holding,
        start: 0,
        count: 1,
    };
    let began = Stopwatch::start();
    let first = line.read(&mut units, to, block).await;
    assert!(matches!(first, Err(Failure::Busy { .. })), "{first:?}");
    // It is asked now, whatever comes of it.
    let second = line.read(&mut units, to, block).await;
    assert!(!matches!(second, Err(Failure::Busy { .. })), "{second:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    glitches.abort();
}

/// A device that always answers the question before: every value is right, or there is none.
#[tokio::test]
async fn a_device_that_is_always_one_answer_behind_says_nothing_false() {
    let (ours, theirs) = tokio::io::duplex(4_096);
    let slow = Manners {
        odd_percent: 100,
        late: WITHIN * 30,
        end: u16::MAX,
        seed: 7,
        ..Manners::good()
    };
    let slaves = tokio::spawn(serve(theirs, slow));
    let (mut line, mut units) = (Line::new(Box::new(ours), 115_200), Units::default());
    let mut tally = Tally::default();
    for n in 0..200_u16 {
        let block = Block {
            table: Table::Holding,
            start: n % 5 * 7,
            count: 1,
        };
        let said = line
            .read(
                &mut units,
                To {
                    unit: 4,
                    within: WITHIN,
                },
                block,
            )
            .await
            .ok();
        let said = said
            .and_then(Result::ok)
            .map(|r| Answer::Words(words(block, r).unwrap()));
        take(&mut tally, 4, block, said);
    }
    slaves.abort();
    assert!(tally.none > 20, "{tally:?}");
}
