//! Emulated boards for the suites: the launcher that everybody uses, and waits that fail loudly.

use muster_sim::emulator::{Board, Console, Image};
use tokio::time::timeout;

use crate::stand::SOON;

/// The image that `tests/run` has built.
fn image() -> Image {
    Image::find(None).unwrap_or_else(|error| panic!("{error}"))
}

/// Switches on a new board with these settings.
pub(crate) async fn power(settings: &str) -> Board {
    Board::on(&image(), settings).await.unwrap()
}

/// Switches on a new board whose serial line ends at a TCP port of this machine.
pub(crate) async fn power_on_line(settings: &str, port: u16) -> Board {
    Board::on_line(&image(), settings, port).await.unwrap()
}

/// Waits until its console says so, at least `times`.
pub(crate) async fn until_said(board: &Board, words: &str, times: usize) {
    let mut said = board.console();
    let has = |console: &Console| console.lines().filter(|line| line.contains(words)).count() >= times;
    let found = timeout(3 * SOON, said.wait_for(has)).await.is_ok();
    assert!(found, "it never said {words:?}: {:#?}", board.console().borrow());
}
