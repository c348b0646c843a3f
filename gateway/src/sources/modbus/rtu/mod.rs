//! Modbus RTU: frames over a serial line, or over a TCP connection to one. Own framing, because an answer here names no
//! question: see decision 34. Reads only.

mod asked;
mod frame;

use std::collections::BTreeMap;
use std::time::Duration;

use muster_profiles::Block;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_modbus::bytes::Bytes;
use tokio_modbus::{ExceptionCode, Response};

use super::failure::Failure;
use super::link::{Said, To};
use crate::clock::Stopwatch;
use asked::Asked;
use frame::{Cut, Frame, LONGEST, Question, cut};

/// After something odd the line has to be quiet for so long: adapters and serial servers deliver in pieces.
const RESYNC: Duration = Duration::from_millis(50);
/// A line that is not quiet within this belongs to somebody else.
const QUIET_WITHIN: Duration = Duration::from_secs(1);
/// A question has to be written within this.
const WRITE_WITHIN: Duration = Duration::from_secs(1);
/// A unit that has been left alone for so long has nothing more to say to what it was asked.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// Questions for one block: a wider one that is refused, and the block itself; and once more.
const TRIES: usize = 4;

/// What RTU frames go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A line that is open.
pub(super) struct Line {
    stream: Box<dyn Stream>,
    /// Time of one character on the line.
    character: Duration,
    /// Between two frames.
    silence: Duration,
    /// For so long it has to be quiet before the next question.
    distrust: Duration,
    /// Since the last byte went either way.
    spoken: Stopwatch,
}

/// What is known of the units of a line, whether it is open or not.
#[derive(Default)]
pub(super) struct Units {
    units: BTreeMap<u8, Unit>,
    /// Bytes that nobody was waiting for, since somebody asked.
    discarded: usize,
}

#[derive(Default)]
struct Unit {
    asked: Asked,
    /// It is being left alone since then.
    unsettled: Option<Stopwatch>,
}

/// Time of one character: 11 bits (Serial Line 1.02, 2.5.1).
pub(super) fn character(baud: u32) -> Duration {
    Duration::from_nanos(11 * 1_000_000_000 / u64::from(baud.max(1)))
}

/// Silence between two frames: 3.5 characters, above 19,200 baud 1.75 ms (Serial Line 1.02, 2.5.1.1).
pub(super) fn silence(baud: u32) -> Duration {
    if baud > 19_200 {
        Duration::from_micros(1_750)
    } else {
        character(baud) * 7 / 2
    }
}

/// How long a line of this rate is busy with one read and its answer.
pub(super) fn read_time(block: Block, baud: u32) -> Duration {
    let question = Question::Read(block);
    let characters = question.bytes(1).len() + question.answer_bytes();
    character(baud) * u32::try_from(characters).unwrap_or(u32::MAX) + silence(baud) * 2
}

impl Units {
    /// Bytes that came although nobody waited for them, since this was last called.
    pub(super) fn take_discarded(&mut self) -> usize {
        std::mem::take(&mut self.discarded)
    }

    fn unit(&mut self, unit: u8) -> &mut Unit {
        self.units.entry(unit).or_default()
    }

    /// Whether a frame can be a late or doubled answer to something of ours.
    fn expects(&self, frame: &Frame) -> bool {
        let unit = self.units.get(&frame.unit);
        unit.is_some_and(|unit| unit.asked.expects(frame.shape()))
    }
}

impl Unit {
    fn tell_apart(&mut self, block: Block) -> Result<Question, Failure> {
        if self.unsettled.is_some_and(|since| since.elapsed() >= SETTLED_AFTER) {
            self.unsettled = None;
            self.asked.forget();
        }
        let question = self.asked.tell_apart(block).filter(|_| self.unsettled.is_none());
        question.ok_or_else(|| {
            self.unsettled.get_or_insert_with(Stopwatch::start);
            Failure::Unsettled { wait: SETTLED_AFTER }
        })
    }
}

impl Line {
    pub(super) fn new(stream: Box<dyn Stream>, baud: u32) -> Self {
        Self {
            stream,
            character: character(baud),
            silence: silence(baud),
            distrust: silence(baud).max(RESYNC),
            spoken: Stopwatch::start(),
        }
    }

    /// Something was odd.
    pub(super) fn distrust(&mut self) {
        self.distrust = self.distrust.max(RESYNC);
    }

    /// Somebody else may have asked before.
    pub(super) fn distrust_for(&mut self, quiet: Duration) {
        self.distrust = self.distrust.max(quiet);
    }

    /// One read: as many words as were asked for, bits in whole bytes, or an exception.
    pub(super) async fn read(&mut self, units: &mut Units, to: To, block: Block) -> Result<Said, Failure> {
        let mut refused = None;
        for _ in 0..TRIES {
            let question = units.unit(to.unit).tell_apart(block)?;
            let said = self.ask(units, to, question).await?;
            let Question::Read(asked) = question else { break };
            match said {
                Ok(response) => return Ok(Ok(within(response, asked, block))),
                // A device that is busy is so for any width.
                Err(code) if asked == block || !is_of_address(code) => return Ok(Err(code)),
                // The refusal has mostly settled what was open, so that the block itself can be asked for.
                Err(code) => refused = Some(code),
            }
        }
        // Whatever may still come, no value has: a refusal is nobody else's register.
        refused.map(Err).ok_or(Failure::Unsettled { wait: SETTLED_AFTER })
    }

    /// Who it says it is.
    pub(super) async fn identity(&mut self, units: &mut Units, to: To) -> Result<Said, Failure> {
        self.ask(units, to, Question::Identity).await
    }

    async fn ask(&mut self, units: &mut Units, to: To, question: Question) -> Result<Said, Failure> {
        self.quiet(units).await?;
        let bytes = question.bytes(to.unit);
        // Whatever happens from here on, its answer may come.
        units.unit(to.unit).asked.ask(question);
        self.send(&bytes).await?;
        let frames = u32::try_from(bytes.len() + question.answer_bytes()).unwrap_or(u32::MAX);
        let within = to.within + self.character * frames;
        let heard = timeout(within, self.hear(units, to.unit, question, &bytes)).await;
        let said = heard.unwrap_or(Err(Failure::Timeout { within: to.within }));
        if said.is_err() {
            self.distrust();
        }
        said
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // No flush: of a serial line it waits in the kernel, on our thread, and for ever where an adapter does not drain. That
        // the characters take their time is in the time that the answer has.
        let sent = timeout(WRITE_WITHIN, self.stream.write_all(bytes));
        let sent = sent.await.map_err(|_| Failure::Timeout { within: WRITE_WITHIN });
        self.spoken = Stopwatch::start();
        sent?.map_err(Failure::Broken)
    }

    /// Waits until nobody has spoken for as long as the line is not trusted. What comes meanwhile is nobody's answer now.
    async fn quiet(&mut self, units: &mut Units) -> Result<(), Failure> {
        let (began, mut buf) = (Stopwatch::start(), [0; LONGEST]);
        let wait = |line: &Self| line.distrust.saturating_sub(line.spoken.elapsed());
        // At least a moment, so that what has come already is seen.
        let mut left = wait(self).max(Duration::from_millis(1));
        while let Ok(read) = timeout(left, self.stream.read(&mut buf)).await {
            units.discarded += self.received(read)?;
            self.distrust();
            if began.elapsed() > QUIET_WITHIN + self.distrust {
                // Nobody whom we might have asked talks for so long: one glitch a second must not hold the line for ever.
                self.distrust = RESYNC.max(self.silence);
                return Err(Failure::Busy { within: QUIET_WITHIN });
            }
            left = wait(self);
        }
        Ok(())
    }

    /// The answer. Late and doubled answers before it are passed over; anything that is nobody's ends the waiting.
    async fn hear(&mut self, units: &mut Units, unit: u8, question: Question, sent: &[u8]) -> Result<Said, Failure> {
        let (mut came, mut buf, mut echoed) = (Vec::new(), [0; LONGEST], false);
        loop {
            let read = self.stream.read(&mut buf).await;
            let n = self.received(read)?;
            came.extend_from_slice(&buf[..n]);
            loop {
                units.discarded += drop_glitches(&mut came);
                if !echoed && sent.starts_with(&came[..came.len().min(sent.len())]) {
                    // Adapters of two wires hear themselves; what begins like an echo is one, or is not needed.
                    if came.len() < sent.len() {
                        break;
                    }
                    came.drain(..sent.len());
                    echoed = true;
                    continue;
                }
                let Some(frame) = next_frame(&mut came)? else { break };
                if let Some(said) = judge(units, unit, question, &frame)? {
                    units.discarded += came.len();
                    self.trust(came.is_empty());
                    return Ok(said);
                }
            }
        }
    }

    fn trust(&mut self, clean: bool) {
        if clean {
            self.distrust = self.silence;
        } else {
            self.distrust();
        }
    }

    fn received(&mut self, read: std::io::Result<usize>) -> Result<usize, Failure> {
        self.spoken = Stopwatch::start();
        match read {
            Ok(0) => Err(Failure::Gone),
            Ok(n) => Ok(n),
            Err(error) => Err(Failure::Broken(error)),
        }
    }
}

/// Drivers that take hold of the line, or let go of it, are heard as bytes of zeros or ones. No unit has such a number, so no
/// frame begins with them.
fn drop_glitches(came: &mut Vec<u8>) -> usize {
    let glitches = came.iter().take_while(|byte| matches!(byte, 0x00 | 0xFF)).count();
    came.drain(..glitches);
    glitches
}

fn next_frame(came: &mut Vec<u8>) -> Result<Option<Frame>, Failure> {
    match cut(came) {
        Cut::More => Ok(None),
        Cut::Frame(length) => Ok(Frame::of(&came.drain(..length).collect::<Vec<_>>())),
        Cut::Broken(_) => Err(Failure::Checksum),
        Cut::Noise => Err(Failure::Noise),
    }
}

/// Whether an exception is about the registers that were asked for, rather than about the device.
pub(super) fn is_of_address(code: ExceptionCode) -> bool {
    matches!(
        code,
        ExceptionCode::IllegalDataAddress | ExceptionCode::IllegalDataValue
    )
}

/// What a frame says to a question; none where it is a late or doubled answer to another one.
fn judge(units: &mut Units, unit: u8, question: Question, frame: &Frame) -> Result<Option<Said>, Failure> {
    let asked = &mut units.unit(unit).asked;
    if frame.unit == unit {
        if let Some(code) = frame.exception(question.function()) {
            let code = ExceptionCode::new(code);
            asked.refused(question, is_of_address(code));
            return Ok(Some(Err(code)));
        }
        if frame.shape() == question.shape() {
            let response = Response::try_from(Bytes::from(frame.pdu.clone())).map_err(Failure::Garbled)?;
            asked.heard(question);
            return Ok(Some(Ok(response)));
        }
    }
    if units.expects(frame) {
        units.discarded += frame.pdu.len() + 3;
        return Ok(None);
    }
    Err(if frame.unit == unit {
        Failure::Header(format!(
            "of {} bytes to function {}",
            frame.pdu.len(),
            frame.shape().function
        ))
    } else {
        Failure::Header(format!("from unit {}, unit {unit} was asked", frame.unit))
    })
}

/// The part of an answer that belongs to a block within what was asked for; bits of a whole number of bytes.
fn within(response: Response, asked: Block, block: Block) -> Response {
    let from = usize::from(block.start - asked.start);
    let words = |words: Vec<u16>| words.into_iter().skip(from).take(block.count.into()).collect();
    let bits = |bits: Vec<bool>| {
        let mut bits: Vec<bool> = bits.into_iter().skip(from).take(block.count.into()).collect();
        bits.resize(usize::from(block.count).next_multiple_of(8), false);
        bits
    };
    match response {
        Response::ReadHoldingRegisters(all) => Response::ReadHoldingRegisters(words(all)),
        Response::ReadInputRegisters(all) => Response::ReadInputRegisters(words(all)),
        Response::ReadCoils(all) => Response::ReadCoils(bits(all)),
        Response::ReadDiscreteInputs(all) => Response::ReadDiscreteInputs(bits(all)),
        other => other,
    }
}
