//! A Modbus RTU device that misbehaves when it is told to. (One that does not is pymodbus.)

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;

/// How one question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Right,
    /// Not at all.
    None,
    /// Rightly, but after so long.
    Late(Duration),
    /// Rightly, and once more after so long.
    Twice(Duration),
    /// The answer to the last question comes once more, and then the right one.
    LastAgain,
    /// By the device with the next address.
    OtherUnit,
    /// As if another function had been asked for.
    OtherFunction,
    /// With a register more.
    Longer,
    /// With a bit turned.
    Damaged,
    /// With an exception.
    Exception(u8),
    /// Half of it.
    Half,
    /// Rightly, between bytes that mean nothing.
    InNoise,
}

/// The device: what its registers hold, by function and address.
pub(crate) struct Slave<S> {
    pub(crate) line: S,
    pub(crate) unit: u8,
    pub(crate) holds: fn(u8, u16) -> u16,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Slave<S> {
    /// Answers until the line ends; `how` is asked for each question, by its number.
    pub(crate) async fn serve(mut self, mut how: impl FnMut(usize) -> Answer) {
        let mut last = Vec::new();
        for number in 0.. {
            let mut question = [0; 8];
            if self.line.read_exact(&mut question).await.is_err() {
                return;
            }
            assert_eq!(&with_check(&question[..6]), &question, "the check sum of a question");
            assert_eq!(question[0], self.unit);
            assert!(
                (1..=4).contains(&question[1]),
                "only reads are ever asked for: {question:?}"
            );
            let right = self.answer(question);
            if self.speak(how(number), &right, &last).await.is_err() {
                return;
            }
            last = right;
        }
    }

    async fn speak(&mut self, how: Answer, right: &[u8], last: &[u8]) -> std::io::Result<()> {
        const NOISE: &[u8] = &[0x00, 0xFF, 0x55, 0x00];
        let body = &right[..right.len() - 2];
        let changed = |at: usize, by: u8| {
            let mut body = body.to_vec();
            body[at] ^= by;
            with_check(&body)
        };
        match how {
            Answer::Right => self.line.write_all(right).await,
            Answer::None => Ok(()),
            Answer::Late(after) => {
                sleep(after).await;
                self.line.write_all(right).await
            }
            Answer::Twice(after) => {
                self.line.write_all(right).await?;
                sleep(after).await;
                self.line.write_all(right).await
            }
            Answer::LastAgain => {
                self.line.write_all(last).await?;
                self.line.write_all(right).await
            }
            Answer::OtherUnit => self.line.write_all(&changed(0, 3)).await,
            Answer::OtherFunction => self.line.write_all(&changed(1, 7)).await,
            Answer::Longer => self.line.write_all(&longer(body)).await,
            Answer::Damaged => {
                let damaged = right
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| if at == 3 { byte ^ 0x10 } else { *byte });
                self.line.write_all(&damaged.collect::<Vec<_>>()).await
            }
            Answer::Exception(code) => self.line.write_all(&with_check(&[body[0], body[1] | 0x80, code])).await,
            Answer::Half => self.line.write_all(&right[..right.len() / 2]).await,
            Answer::InNoise => self.line.write_all(&[NOISE, right, NOISE].concat()).await,
        }
    }

    fn answer(&self, question: [u8; 8]) -> Vec<u8> {
        let [unit, function, a, b, c, d, ..] = question;
        let (start, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let words = (start..start + count).map(|address| (self.holds)(function, address));
        let values: Vec<u8> = if function <= 2 {
            let bits: Vec<u16> = words.collect();
            let byte = |eight: &[u16]| {
                (0_u8..)
                    .zip(eight)
                    .fold(0, |byte, (at, bit)| byte | (*bit as u8 & 1) << at)
            };
            bits.chunks(8).map(byte).collect()
        } else {
            words.flat_map(u16::to_be_bytes).collect()
        };
        with_check(&[&[unit, function, values.len() as u8], &values[..]].concat())
    }
}

/// With a register more.
fn longer(body: &[u8]) -> Vec<u8> {
    let mut longer = [body, &[0x12, 0x34]].concat();
    longer[2] += 2;
    with_check(&longer)
}

/// With CRC-16/MODBUS behind it, low byte first (Modbus over Serial Line 1.02, 6.2.2).
fn with_check(bytes: &[u8]) -> Vec<u8> {
    let crc = bytes.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xA001 }
        })
    });
    [bytes, &crc.to_le_bytes()].concat()
}
