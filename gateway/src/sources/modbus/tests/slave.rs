//! Slaves of a serial line that nobody could buy: late, twice, of another unit, in pieces, in noise; by a seed, so that what
//! went wrong once goes wrong again. What a register holds follows from its unit, table and address.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crc::{CRC_16_MODBUS, Crc};
use muster_profiles::{Block, Table};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_serial::{SerialPort, SerialStream};

use crate::config::{Parity, Port, SerialLine};

/// What stands in a register; of a bit its lowest one.
pub(super) fn register(unit: u8, table: Table, address: u16) -> u16 {
    let seed = u64::from(unit) << 24 | (table as u64) << 16 | u64::from(address);
    let word = mixed(seed) as u16;
    if table.is_bits() { word & 1 } else { word }
}

/// SplitMix64.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 27)
}

/// Numbers from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mixed(self.0.wrapping_mul(0xD6E8_FEB8_6659_FD93)) % bound
    }
}

/// How a line's slaves behave.
#[derive(Clone)]
pub(super) struct Manners {
    pub(super) seed: u64,
    /// Out of a hundred answers so many are odd.
    pub(super) odd_percent: u64,
    /// A late answer is at most so late.
    pub(super) late: Duration,
    /// Registers and bits from here on do not exist.
    pub(super) end: u16,
    /// The adapter hears its own questions.
    pub(super) echo: bool,
    /// A unit that says nothing while this is set.
    pub(super) dead: (u8, Arc<AtomicBool>),
    /// Questions that have come.
    pub(super) asked: Arc<AtomicUsize>,
}

impl Manners {
    pub(super) fn good() -> Self {
        Self {
            seed: 0,
            odd_percent: 0,
            late: Duration::ZERO,
            end: u16::MAX,
            echo: false,
            dead: (0, Arc::default()),
            asked: Arc::default(),
        }
    }
}

/// A pseudo-terminal: a real tty, whose other end the slaves have. Its path stays the same when it is plugged in anew.
pub(super) struct Tty {
    folder: TempDir,
    slaves: Option<(JoinHandle<()>, File)>,
}

impl Tty {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, slaves: None }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ttyBMS")
    }

    pub(super) fn port(&self) -> Port {
        Port::Serial(SerialLine {
            path: self.path().display().to_string(),
            baud: 115_200,
            parity: Parity::None,
            stop_bits: 1,
        })
    }

    pub(super) fn plug_in(&mut self, manners: Manners) {
        let (master, slave) = SerialStream::pair().unwrap();
        let name = slave.name().unwrap();
        // Held open, so that nobody has hung up while nobody has opened it.
        let held = File::open(&name).unwrap();
        drop(slave);
        std::os::unix::fs::symlink(name, self.path()).unwrap();
        let task = tokio::spawn(async move { serve(master, manners).await });
        self.slaves = Some((task, held));
    }

    pub(super) async fn pull_out(&mut self) {
        std::fs::remove_file(self.path()).unwrap();
        if let Some((task, _)) = self.slaves.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

/// Answers until the other end has hung up. Answers leave in the order of their questions.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Send + 'static, manners: Manners) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (queue, mut queued) = mpsc::channel::<(Duration, Vec<u8>)>(1_024);
    let waiting = Arc::new(AtomicUsize::new(0));
    let left = waiting.clone();
    let sender = tokio::spawn(async move {
        while let Some((after, bytes)) = queued.recv().await {
            if !after.is_zero() {
                sleep(after).await;
            }
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
            left.fetch_sub(1, Ordering::SeqCst);
        }
    });
    let mut slaves = Slaves {
        dice: Dice::new(manners.seed),
        manners,
    };
    let mut request = [0; 8];
    while reader.read_exact(&mut request).await.is_ok() {
        let prompt = waiting.load(Ordering::SeqCst) == 0;
        for piece in slaves.answer(request, prompt) {
            waiting.fetch_add(1, Ordering::SeqCst);
            if queue.send(piece).await.is_err() {
                return;
            }
        }
    }
    drop(queue);
    let _ = sender.await;
}

struct Slaves {
    manners: Manners,
    dice: Dice,
}

impl Slaves {
    /// What is sent for a question: pieces, and the wait before each. What is of another unit, function or length is only
    /// sent at once: together with being late it cannot be told from what it is not.
    fn answer(&mut self, request: [u8; 8], prompt: bool) -> Vec<(Duration, Vec<u8>)> {
        self.manners.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(checked(&request[..6]), request, "a question that is none");
        let now = Duration::ZERO;
        let mut sent = Vec::new();
        if self.manners.echo {
            sent.push((now, request.to_vec()));
        }
        let (dead, is_dead) = &self.manners.dead;
        if request[0] == *dead && is_dead.load(Ordering::SeqCst) {
            return sent;
        }
        let good = self.said(request, 0);
        if self.dice.below(100) >= self.manners.odd_percent {
            sent.push((now, good));
            return sent;
        }
        let late = Duration::from_micros(self.dice.below(1 + self.manners.late.as_micros() as u64));
        let noise: Vec<u8> = (0..=self.dice.below(6)).map(|_| self.dice.below(256) as u8).collect();
        match self.dice.below(if prompt { 12 } else { 8 }) {
            0..=2 => sent.push((late, good)),
            3 => {}
            4 => sent.extend([(now, good.clone()), (late, good)]),
            5 => sent.extend([(now, good.clone()), (now, good)]),
            6 => {
                let (head, tail) = good.split_at(1 + self.dice.below(good.len() as u64 - 1) as usize);
                sent.extend([(now, head.to_vec()), (Duration::from_millis(2), tail.to_vec())]);
            }
            7 => {
                let mut broken = good;
                let at = self.dice.below(broken.len() as u64) as usize;
                broken[at] ^= 1 << self.dice.below(8);
                sent.push((now, broken));
            }
            8 => sent.push((now, [noise, good].concat())),
            9 => sent.push((now, [good, noise].concat())),
            10 => sent.push((
                now,
                self.said(
                    [
                        request[0] ^ 1,
                        request[1],
                        request[2],
                        request[3],
                        request[4],
                        request[5],
                        0,
                        0,
                    ],
                    0,
                ),
            )),
            _ => sent.push((now, self.said(request, 1))),
        }
        sent
    }

    /// The right answer, with so many registers more.
    fn said(&self, request: [u8; 8], more: u16) -> Vec<u8> {
        let [unit, function, ..] = request;
        let start = u16::from_be_bytes([request[2], request[3]]);
        let count = u16::from_be_bytes([request[4], request[5]]) + more;
        let table = match function {
            1 => Table::Coil,
            2 => Table::Discrete,
            3 => Table::Holding,
            _ => Table::Input,
        };
        if u32::from(start) + u32::from(count - more) > u32::from(self.manners.end) {
            return checked(&[unit, function | 0x80, 2]);
        }
        let words = (0..count).map(|i| register(unit, table, start.wrapping_add(i)));
        let bytes: Vec<u8> = if table.is_bits() {
            let bits: Vec<u16> = words.collect();
            let byte = |bits: &[u16]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8);
            bits.chunks(8).map(byte).collect()
        } else {
            words.flat_map(u16::to_be_bytes).collect()
        };
        checked(&[&[unit, function, bytes.len() as u8][..], &bytes].concat())
    }
}

fn checked(body: &[u8]) -> Vec<u8> {
    let sum = Crc::<u16>::new(&CRC_16_MODBUS).checksum(body).to_le_bytes();
    [body, &sum].concat()
}

/// What a device would say that behaves.
pub(super) fn expected(unit: u8, block: Block) -> Vec<u16> {
    (0..block.count)
        .map(|i| register(unit, block.table, block.start + i))
        .collect()
}
