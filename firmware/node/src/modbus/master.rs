//! Asks, hears, and tells what was heard.

use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use muster_wire::{Absence, Micro};

use super::frame::{ANSWER_BYTES, BadAnswer, HEAD_BYTES, Question, Words};
use super::map;
use super::{LineSettings, LineTrace, Map, Values};
use crate::clock;

/// A line that is not quiet within this, and what it takes to be, is another's.
const QUIET_WITHIN: Duration = Duration::from_secs(1);
/// A question has to be written within this.
const WRITE_WITHIN: Duration = Duration::from_secs(1);
/// After something odd the line has to be quiet for so long: a converter may deliver an answer in pieces.
const RESYNC: Duration = Duration::from_millis(50);

/// The master of one line with one device. Reads of the stream must lose nothing when they are given up.
#[derive(Debug)]
pub struct Master<'t, S> {
    line: S,
    settings: LineSettings,
    map: &'static Map,
    trace: &'t LineTrace,
    /// For so long the line has to be quiet before the next question.
    distrust: Duration,
}

/// Why a cycle told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed(Absence);

impl<'t, S: Read + Write> Master<'t, S> {
    /// On this line; `None` if the settings name no device.
    pub fn new(line: S, settings: LineSettings, trace: &'t LineTrace) -> Option<Self> {
        Some(Self {
            line,
            map: settings.map?,
            settings,
            trace,
            distrust: RESYNC,
        })
    }

    /// Reads the device for ever, and tells each cycle's values in the order of [`Map::channels`]. A cycle that failed makes
    /// all of them absent: a value that was not read now is none.
    pub async fn run(mut self, mut tell: impl FnMut(&[Result<Micro, Absence>])) -> ! {
        let period = Duration::from_millis(self.settings.poll_ms.max(self.map.min_poll_ms));
        let mut next = clock::now();
        loop {
            let values = match self.cycle().await {
                Ok(values) => values,
                Err(Failed(why)) => self.map.absent(why),
            };
            tell(&values);
            next = (next + period).max(clock::now());
            Timer::at(next).await;
        }
    }

    /// Every block, then the canary.
    async fn cycle(&mut self) -> Result<Values, Failed> {
        self.trace.count(|c| &mut c.cycles, 1);
        let map = self.map;
        let mut values = Values::new();
        for block in map.blocks {
            let words = self.ask(block.read).await?;
            // Refused: no words, no values.
            let words = words.as_deref().unwrap_or_default();
            // No map has more signals than that.
            values.extend(block.signals.iter().map(|signal| signal.decode(words)));
        }
        if let Some(canary) = &map.canary {
            let words = self.ask(canary.read).await?;
            if !words.is_some_and(|words| map.canary_holds(&words)) {
                self.trace.count(|c| &mut c.canary, 1);
                self.distrust = RESYNC;
                return Err(Failed(Absence::Config));
            }
        }
        self.trace.count(|c| &mut c.good, 1);
        Ok(values)
    }

    /// One question; `None` if the device refuses it, which disturbs no other.
    async fn ask(&mut self, read: map::Read) -> Result<Option<Words>, Failed> {
        self.quiet().await?;
        let (question, bytes) = Question::new(self.settings.unit, read);
        self.distrust = RESYNC;
        if self.send(&bytes).await.is_none() {
            self.trace.count(|c| &mut c.busy, 1);
            return Err(Failed(Absence::Bus));
        }
        match self.hear(&question).await {
            Ok(words) => {
                self.distrust = self.silence();
                Ok(Some(words))
            }
            Err(Some(BadAnswer::Refused)) => {
                self.distrust = self.silence();
                self.trace.count(|c| &mut c.exceptions, 1);
                Ok(None)
            }
            Err(why) => Err(self.failed(why)),
        }
    }

    fn silence(&self) -> Duration {
        Duration::from_micros(self.settings.silence_us())
    }

    fn failed(&mut self, why: Option<BadAnswer>) -> Failed {
        if why.is_none() {
            // It may still come.
            self.distrust = RESYNC.max(Duration::from_millis(self.map.timeout_ms));
        }
        self.trace.count(
            |c| match why {
                None => &mut c.timeouts,
                Some(BadAnswer::Unit) => &mut c.wrong_unit,
                Some(BadAnswer::Function) => &mut c.wrong_function,
                Some(BadAnswer::Length) => &mut c.wrong_length,
                Some(BadAnswer::Checksum) => &mut c.checksum,
                Some(BadAnswer::Refused) => &mut c.exceptions,
            },
            1,
        );
        Failed(if why == Some(BadAnswer::Checksum) {
            Absence::Crc
        } else {
            Absence::Bus
        })
    }

    async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        let line = &mut self.line;
        let sent = with_timeout(WRITE_WITHIN, async {
            line.write_all(bytes).await.ok()?;
            line.flush().await.ok()
        });
        sent.await.ok().flatten()
    }

    /// Waits until nobody has spoken for as long as the line is not trusted. What comes meanwhile is nobody's answer: one
    /// that is late, or came twice, or the noise of a driver that lets go of the line.
    async fn quiet(&mut self) -> Result<(), Failed> {
        let until = clock::now() + self.distrust + QUIET_WITHIN;
        let mut buf = [0; 64];
        while let Ok(read) = with_timeout(self.distrust, self.line.read(&mut buf)).await {
            let bytes = read.unwrap_or(0);
            self.trace.count(|c| &mut c.discarded, bytes);
            self.distrust = self.distrust.max(RESYNC);
            if clock::now() >= until || bytes == 0 {
                self.trace.count(|c| &mut c.busy, 1);
                // A stream that has ended says so at once: nobody else may be kept from running.
                Timer::after(RESYNC).await;
                return Err(Failed(Absence::Bus));
            }
        }
        Ok(())
    }

    /// The answer, or why it is none; `None` if there was none in time.
    async fn hear(&mut self, question: &Question) -> Result<Words, Option<BadAnswer>> {
        let sending_us = self.settings.bytes_us(question.answer_bytes() as u64 + 8);
        let within = Duration::from_millis(self.map.timeout_ms) + Duration::from_micros(sending_us);
        let line = &mut self.line;
        let heard = with_timeout(within, async {
            let mut answer = [0; ANSWER_BYTES];
            let mut head = [0; HEAD_BYTES];
            line.read_exact(&mut head).await.map_err(|_| None)?;
            let whole = question.judge(head).map_err(Some)?;
            answer[..HEAD_BYTES].copy_from_slice(&head);
            line.read_exact(&mut answer[HEAD_BYTES..whole])
                .await
                .map_err(|_| None)?;
            question.parse(&answer[..whole]).map_err(Some)
        });
        heard.await.unwrap_or(Err(None))
    }
}
