//! What a hostile or broken upsd may do. None of these peers ever says soundly that the UPS is on battery, so any reading
//! that says so would be a wrong one.

use std::sync::atomic::Ordering;

use muster_wire::MICRO;

use super::peer::{Act, Peer, SOUND};
use super::{poll, source};
use crate::counters::Cause;
use crate::sources::ear::Heard;

const SIGNALS: [&str; 2] = ["on_battery", "charge"];

fn alarm() -> Heard {
    Heard::Alarm(vec![(0, Ok(0))])
}

fn data() -> Heard {
    Heard::Data(vec![(1, Ok(MICRO / 2))])
}

/// Two sound answers, the act, sound answers again. Whatever is heard is the truth; the act is counted and told once.
async fn sound_but_for(act: Act, cause: Cause, words: &str) {
    let peer = Peer::start(vec![Act::say(SOUND), Act::say(SOUND), act.clone()]).await;
    let mut bench = poll(source(&peer.address, &SIGNALS));
    let mut heard = bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    let Some(Heard::Lost(why)) = heard.pop() else {
        unreachable!()
    };
    assert!(why.contains(words), "{act:?}: {why}");
    assert_eq!(heard.iter().filter(|h| **h == alarm()).count(), 2, "{act:?}: {heard:?}");
    for _ in 0..3 {
        heard.push(bench.hear().await);
    }
    assert!(
        heard.iter().all(|h| *h == alarm() || *h == data()),
        "{act:?}: {heard:?}"
    );
    assert_eq!(bench.counted(), [(cause.as_str(), 1)], "{act:?}");
    let now = bench.polling.now();
    let line = now.last_error.as_ref().map(|error| &error.line);
    assert!(
        now.poll_ms.is_some() && now.cycle_ms.is_some() && line == Some(&why),
        "{now:?}"
    );
    assert!(!peer.state.reused.load(Ordering::SeqCst), "{act:?}");
}

/// A list that says the UPS is on battery, between these two lines.
fn on_battery(begin: &str, variable: &str, end: &str) -> Act {
    Act::say(&format!("{begin}\nVAR bat battery.charge \"1\"\n{variable}\n{end}\n"))
}

const BEGIN: &str = "BEGIN LIST VAR bat";
const END: &str = "END LIST VAR bat";
const OB: &str = "VAR bat ups.status \"OB LB FSD\"";

#[tokio::test]
async fn answers_about_something_else_are_discarded_whole() {
    for act in [
        on_battery("BEGIN LIST VAR other", OB, END),
        on_battery(BEGIN, OB, "END LIST VAR other"),
        on_battery(BEGIN, "VAR other ups.status \"OB LB FSD\"", END),
        on_battery(BEGIN, "VAR  BAT ups.status \"OB\"", END),
        on_battery("BEGIN LIST RW bat", OB, "END LIST RW bat"),
        on_battery(BEGIN, "RW bat ups.status \"OB\"", END),
        on_battery(BEGIN, "VAR bat ups.status OB LB", END),
        on_battery(BEGIN, "VAR bat ups.status", END),
        on_battery(BEGIN, "ERR DATA-STALE", END),
        on_battery(BEGIN, &format!("{OB}\n\n"), END),
        on_battery(BEGIN, &format!("{OB}\nVAR bat ups.status \"OL\""), END),
        on_battery(OB, OB, END),
        on_battery("OK", OB, END),
        on_battery("", OB, END),
        Act::say("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ] {
        sound_but_for(act, Cause::NutAnswer, "something else than it was asked").await;
    }
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_discarded() {
    for line in [
        "VAR bat ups.status \"OB LB",
        "VAR bat ups.status \"OB\"LB",
        "VAR bat ups.status O\"B\"",
        "VAR bat ups.status \"OB\\",
        "\"",
    ] {
        sound_but_for(on_battery(BEGIN, line, END), Cause::NutAnswer, "cannot be read").await;
    }
}

#[tokio::test]
async fn what_has_no_end_is_ended() {
    sound_but_for(
        Act::ForEver("VAR bat ups.status OB "),
        Cause::NutAnswer,
        "a line of more than 4 KiB",
    )
    .await;
    sound_but_for(Act::EndlessList, Cause::NutAnswer, "longer than 256 KiB").await;
    let quote = Act::ForEver("BEGIN LIST VAR bat\nVAR bat x \"");
    sound_but_for(quote, Cause::NutAnswer, "cannot be read").await;
}

#[tokio::test]
async fn silence_ends_the_connection_so_that_no_late_answer_meets_the_next_request() {
    let begun = format!("{BEGIN}\n{OB}\n");
    for said in [&begin_of(0), &begun, &begun[..begun.len() - 3], SOUND.trim_end()] {
        let act = Act::SayAndLate(said.as_bytes().to_vec());
        sound_but_for(act, Cause::NutTimeout, "did not answer within 300 ms").await;
    }
}

fn begin_of(bytes: usize) -> String {
    BEGIN[..bytes].to_owned()
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_none() {
    let begun = format!("{BEGIN}\n{OB}\n");
    for said in ["", &begun, SOUND.trim_end()] {
        let act = Act::SayAndClose(said.as_bytes().to_vec());
        sound_but_for(act, Cause::NutConnect, "closed the connection in the middle").await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_twice_puts_nothing_out_of_step() {
    sound_but_for_one_more(format!("{SOUND}{SOUND}")).await;
    sound_but_for_one_more(format!("{SOUND}OK\n")).await;
    sound_but_for_one_more(format!("{SOUND}x")).await;
}

/// As [`sound_but_for`], of an answer that is sound itself and has something behind it.
async fn sound_but_for_one_more(answer: String) {
    let peer = Peer::start(vec![Act::say(&answer)]).await;
    let mut bench = poll(source(&peer.address, &SIGNALS));
    let heard = bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    assert_eq!(heard[..2], [alarm(), data()], "{heard:?}");
    assert_eq!(bench.hear().await, alarm());
    assert_eq!(bench.counted(), [("nut_answer", 1)]);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_upsd_does_not_know_is_trouble_and_its_connection_sound() {
    for (word, cause, words) in [
        ("DATA-STALE", Cause::NutStale, "no fresh data"),
        (
            "DRIVER-NOT-CONNECTED",
            Cause::NutDriver,
            "the driver of this UPS does not run",
        ),
        ("UNKNOWN-UPS", Cause::NutUnknownUps, "it knows none of this name"),
        ("ACCESS-DENIED", Cause::NutRefused, "refuses to be read"),
        ("SOMETHING-NEW \"with words\"", Cause::NutRefused, "SOMETHING-NEW"),
        ("", Cause::NutRefused, "upsd says"),
    ] {
        sound_but_for(Act::say(&format!("ERR {word}\n")), cause, words).await;
    }
    let waiting = on_battery(BEGIN, "VAR bat ups.status \"WAIT OB\"", END);
    sound_but_for(waiting, Cause::NutStale, "has not read this UPS yet").await;
}

#[tokio::test]
async fn a_refusal_costs_no_connection_and_is_told_once_an_episode() {
    let stale = || Act::say("ERR DATA-STALE\n");
    let peer = Peer::start(vec![stale(), stale(), stale(), Act::say(SOUND), stale()]).await;
    let mut bench = poll(source(&peer.address, &SIGNALS));
    let first = bench.hear_until(|h| *h == alarm()).await;
    let told = |heard: &[Heard]| heard.iter().filter(|h| matches!(h, Heard::Lost(_))).count();
    assert_eq!(told(&first), 1, "{first:?}");
    let second = bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    assert_eq!(told(&second), 1, "the next episode is told again");
    assert_eq!(bench.counted(), [("nut_stale", 4)]);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 1);
}

/// Pieces of real answers in any order, and bytes; the same for the same seed (SplitMix64).
fn noise(seed: u64) -> Act {
    const OTHER: &str = "VAR other ups.status \"OB\"\n";
    const PIECES: [&str; 10] = [BEGIN, END, OB, OTHER, "VAR bat ", "\"", "\\", "\n", "ERR ", " "];
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
    };
    let mut bytes = Vec::new();
    for _ in 0..next() % 12 {
        match next() % 4 {
            0 => bytes.extend(next().to_le_bytes()),
            _ => bytes.extend(PIECES[(next() % PIECES.len() as u64) as usize].bytes()),
        }
    }
    Act::SayAndClose(bytes)
}

#[tokio::test]
async fn noise_is_never_a_reading() {
    let script: Vec<Act> = (0..60).flat_map(|seed| [noise(seed), Act::say(SOUND)]).collect();
    let peer = Peer::start(script).await;
    let mut bench = poll(source(&peer.address, &SIGNALS));
    let mut sound = 0;
    while sound < 60 {
        match bench.hear().await {
            Heard::Lost(_) => {}
            heard if heard == alarm() => sound += 1,
            heard => assert_eq!(heard, data()),
        }
    }
}
