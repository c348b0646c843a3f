//! An upsd of our own, where a proper one would not do: its answers are set, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster::clock::Stopwatch;
use muster_core::Level;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{source, trouble};
use crate::stand::{Room, SOON, Stand};

/// Answers the n-th `LIST VAR bat`, over all connections, by a function of n. How many it has answered.
async fn answering(answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let (answer, counting) = (Arc::new(answer), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, counting) = (Arc::clone(&answer), Arc::clone(&counting));
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    assert_eq!(line, "LIST VAR bat");
                    let bytes = answer(counting.fetch_add(1, Ordering::SeqCst));
                    if write.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, asked)
}

fn status(ups: &str, status: &str) -> Vec<u8> {
    format!(
        "BEGIN LIST VAR {ups}\nVAR {ups} battery.charge \"92\"\nVAR {ups} ups.status \"{status}\"\nEND LIST VAR {ups}\n"
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sample_decides_nothing_and_two_of_three_do() {
    let (port, asked) = answering(|n| status("bat", if n == 2 || n >= 7 { "OB LB FSD" } else { "OL" })).await;
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", port, "bat", ""))).await;
    let mut highest_before = Level::Normal;
    stand
        .within(SOON, "the second time", |v| {
            // The answer to the request before the one that is counted last may still be on its way.
            if asked.load(Ordering::SeqCst) < 8 {
                highest_before = highest_before.max(v.level);
            }
            v.level == Level::Prepare
        })
        .await;
    assert!(highest_before <= Level::Watch, "one sample decided");
    assert!(asked.load(Ordering::SeqCst) >= 9, "two samples are needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsd_that_never_says_one_true_word_is_trouble_and_nothing_else() {
    let (port, asked) = answering(|n| match n % 4 {
        0 => status("bat2", "OB LB FSD"),
        1 => b"BEGIN LIST VAR bat\nVAR bat ups.status \"OB LB".repeat(500),
        2 => b"VAR bat ups.status \"OB LB FSD\"\n".repeat(3),
        _ => [&status("bat", "OB")[..30], &status("bat2", "OB")].concat(),
    })
    .await;
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", port, "bat", ""))).await;
    assert!(trouble(&stand, "ups").await.contains("upsd"));
    let since = Stopwatch::start();
    while asked.load(Ordering::SeqCst) < 8 {
        assert!(since.elapsed() < SOON, "it is not asked again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stand.assert_undecided("lies");
    assert!(stand.api.channel("ups.on_battery").await.value.is_none());
    assert!(stand.api.count("nut_answer").await >= 6);
}
