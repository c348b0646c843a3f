//! What a program prints: progress in JSON on stdout, and everything's last kilobytes.

use std::collections::VecDeque;

use muster_core::HookOutcome;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};

use crate::hooks::progress;

/// Bytes kept of stdout and of stderr each: the last of them, which say why.
const KEPT: usize = 8 * 1_024;
/// Read at a time.
const PIECE: usize = 4_096;

/// A line of stdout that says how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// 0 to 100, if it says.
    pub(super) percent: Option<u8>,
}

/// Both streams of one program.
#[derive(Debug)]
pub(super) struct Output {
    out: Stream<ChildStdout>,
    err: Stream<ChildStderr>,
    line: Vec<u8>,
    refused: bool,
    waiting: Option<Running>,
}

#[derive(Debug)]
struct Stream<R> {
    from: Option<R>,
    kept: VecDeque<u8>,
}

impl Output {
    pub(super) fn of(out: Option<ChildStdout>, err: Option<ChildStderr>) -> Self {
        Self {
            out: Stream::of(out),
            err: Stream::of(err),
            line: Vec::new(),
            refused: false,
            waiting: None,
        }
    }

    /// The next report; none once both streams are closed. It may be dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<Running> {
        let (mut out, mut err) = ([0; PIECE], [0; PIECE]);
        loop {
            if let Some(running) = self.waiting.take() {
                return Some(running);
            }
            tokio::select! {
                n = self.out.read(&mut out), if self.out.is_open() => self.take(&out[..n]),
                _ = self.err.read(&mut err), if self.err.is_open() => {}
                else => return None,
            }
        }
    }

    /// Reads on until both are closed.
    pub(super) async fn drain(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Whether it said `{"state":"refused"}`: its fence is higher than this step's token.
    pub(super) const fn refused(&self) -> bool {
        self.refused
    }

    /// The last line that is no report, of stderr if there is one.
    pub(super) fn last_line(&self) -> String {
        let of = |kept: &VecDeque<u8>| {
            let (a, b) = kept.as_slices();
            let text = String::from_utf8_lossy(&[a, b].concat()).into_owned();
            let words = text.lines().rev().map(str::trim);
            let mut words = words.filter(|line| !line.is_empty() && !line.starts_with("{\"state\""));
            words.next().unwrap_or_default().to_owned()
        };
        Some(of(&self.err.kept))
            .filter(|line| !line.is_empty())
            .unwrap_or_else(|| of(&self.out.kept))
    }

    /// What is kept of both.
    pub(super) fn tail(&self) -> String {
        let all: Vec<u8> = self.out.kept.iter().chain(&self.err.kept).copied().collect();
        String::from_utf8_lossy(&all).trim().to_owned()
    }

    /// Cuts stdout into lines; one that is longer than a report can be is none. Nothing read is its end, and the end of
    /// its last line.
    fn take(&mut self, piece: &[u8]) {
        let end: &[u8] = if piece.is_empty() { b"\n" } else { piece };
        for byte in end {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.understand(&line);
            } else if self.line.len() <= progress::MAX_BYTES {
                self.line.push(*byte);
            }
        }
    }

    fn understand(&mut self, line: &[u8]) {
        match progress::parse_answer(line) {
            // Of reports that nobody has had the time to hear, the last one counts.
            Ok(HookOutcome::Running { percent }) => self.waiting = Some(Running { percent }),
            Ok(HookOutcome::TokenRefused) => self.refused = true,
            // How it ends is said by its exit code; all other lines are for people.
            _ => {}
        }
    }
}

impl<R: AsyncRead + Unpin> Stream<R> {
    const fn of(from: Option<R>) -> Self {
        Self {
            from,
            kept: VecDeque::new(),
        }
    }

    const fn is_open(&self) -> bool {
        self.from.is_some()
    }

    async fn read(&mut self, into: &mut [u8]) -> usize {
        let Some(from) = &mut self.from else { return 0 };
        let n = from.read(into).await.unwrap_or(0);
        if n == 0 {
            self.from = None;
        }
        self.kept.extend(&into[..n]);
        let over = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..over);
        n
    }
}
