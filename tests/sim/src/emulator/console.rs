//! What a board has written to its console.

use std::collections::VecDeque;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::watch;

/// Lines that are kept; older ones are dropped.
const KEPT: usize = 1_000;

/// The console, from power on.
#[derive(Debug, Default)]
pub struct Console {
    lines: VecDeque<String>,
    dropped: usize,
}

impl Console {
    /// The lines that are kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Those after the first `seen` of all, as far as they are kept; and how many there have been by now.
    pub(crate) fn since(&self, seen: usize) -> (impl Iterator<Item = &str>, usize) {
        let skip = seen.saturating_sub(self.dropped);
        (self.lines().skip(skip), self.dropped + self.lines.len())
    }

    fn push(&mut self, line: String) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}

/// Keeps what the console says until it ends.
pub(super) async fn listen(console: ChildStdout, tell: watch::Sender<Console>) {
    let mut lines = BufReader::new(console).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tell.send_modify(|console| console.push(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_are_dropped_and_none_is_told_twice() {
        let mut console = Console::default();
        (0..KEPT + 3).for_each(|n| console.push(n.to_string()));
        assert_eq!(console.lines().next(), Some("3"));
        let told = |seen| {
            let (lines, seen) = console.since(seen);
            (lines.count(), seen)
        };
        assert_eq!(told(0), (KEPT, KEPT + 3));
        assert_eq!(told(KEPT + 2), (1, KEPT + 3));
        assert_eq!(told(KEPT + 3), (0, KEPT + 3));
    }
}
