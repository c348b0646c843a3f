//! A board in QEMU: the firmware as it would be flashed, with a hand on its power, its cable and its sensors. The one
//! launcher of suites, `muster sim --nodes` and `muster demo --firmware`.
//!
//! Every wait has a bound, and a board's process never outlives its [`Board`].

mod build;
mod command;
mod console;
mod hand;
mod image;
mod load;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::silicon::{Bridge, Bus, Surroundings};
use hand::Hand;

pub use build::BuildError;
pub use console::Console;
pub use image::{Image, ImageError};
pub use load::{Load, MeasureError};

/// Bytes of the board's memory.
const EEPROM_BYTES: usize = 4_096;
/// QEMU has opened its sockets within this, on a machine that starts twenty of them at once.
const START_WITHIN: Duration = Duration::from_secs(30);
/// It has carried out an order within this.
const ORDER_WITHIN: Duration = Duration::from_secs(15);
/// Pause between two attempts at a socket that QEMU has not opened yet.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// Why a board cannot be switched on, or does not obey.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is no QEMU.
    #[error("qemu-system-arm is not installed: apt install qemu-system-arm")]
    NoEmulator,
    /// The image is gone.
    #[error("there is no firmware image at {0}")]
    NoImage(PathBuf),
    /// Its folder cannot be made.
    #[error("cannot make a folder for the board's memory and sockets")]
    Folder(#[source] std::io::Error),
    /// The process cannot be started.
    #[error("cannot start qemu-system-arm")]
    Start(#[source] std::io::Error),
    /// The process ended, or did not open its sockets.
    #[error("qemu-system-arm did not start the board within {START_WITHIN:?}: {0}")]
    Ended(String),
    /// The process is gone, or did not carry out an order.
    #[error("qemu-system-arm did not carry out {order}: {why}")]
    Order {
        /// Which order.
        order: &'static str,
        /// What it said.
        why: String,
    },
}

/// A board that is switched on, and what is around it. Dropping it cuts its power.
#[derive(Debug)]
pub struct Board {
    process: Child,
    hand: Hand,
    said: watch::Receiver<Console>,
    folder: Arc<TempDir>,
    image: Image,
    /// Where its serial line ends.
    line: Option<u16>,
    /// What the chips of its room measure, if its settings say `room=yes`.
    pub around: Surroundings,
    chips: JoinHandle<()>,
}

impl Drop for Board {
    fn drop(&mut self) {
        self.chips.abort();
    }
}

impl Board {
    /// Switches on a new board with these settings, such as `node=n1 port=1883`.
    ///
    /// # Errors
    /// [`BoardError`]: QEMU or the image is missing, or QEMU does not start.
    pub async fn on(image: &Image, settings: &str) -> Result<Self, BoardError> {
        Self::wired(image, settings, None).await
    }

    /// As [`Board::on`]; its serial line ends at a TCP port of this machine.
    ///
    /// # Errors
    /// As [`Board::on`].
    pub async fn on_line(image: &Image, settings: &str, port: u16) -> Result<Self, BoardError> {
        Self::wired(image, settings, Some(port)).await
    }

    async fn wired(image: &Image, settings: &str, line: Option<u16>) -> Result<Self, BoardError> {
        let folder = tempfile::tempdir().map_err(BoardError::Folder)?;
        std::fs::write(folder.path().join(command::EEPROM), [0xFF; EEPROM_BYTES]).map_err(BoardError::Folder)?;
        Self::in_folder(Arc::new(folder), image.clone(), settings, line).await
    }

    /// Cuts the power, and switches the same board on again.
    ///
    /// # Errors
    /// As [`Board::on`].
    pub async fn again(mut self, settings: &str) -> Result<Self, BoardError> {
        self.process.kill().await.map_err(BoardError::Start)?;
        Self::in_folder(self.folder.clone(), self.image.clone(), settings, self.line).await
    }

    async fn in_folder(
        folder: Arc<TempDir>,
        image: Image,
        settings: &str,
        line: Option<u16>,
    ) -> Result<Self, BoardError> {
        let mut process = command::start(folder.path(), &image, settings, line)?;
        let (tell, said) = watch::channel(Console::default());
        if let Some(console) = process.stdout.take() {
            tokio::spawn(console::listen(console, tell));
        }
        let opened = async {
            let bus = socket(&folder.path().join(command::BUS)).await;
            (Hand::on(&folder.path().join(command::MONITOR)).await, bus)
        };
        let (hand, bus) = tokio::select! {
            opened = timeout(START_WITHIN, opened) => opened.map_err(|_| ended(folder.path()))?,
            _ = process.wait() => return Err(ended(folder.path())),
        };
        let around = Surroundings::default();
        let bridge = Bridge::new(bus, Bus::new(around.clone()));
        let chips = tokio::spawn(async move { drop(bridge.serve().await) });
        Ok(Self {
            hand: hand?,
            process,
            said,
            folder,
            image,
            line,
            around,
            chips,
        })
    }

    /// What it writes to its console, as it writes it.
    #[must_use]
    pub fn console(&self) -> watch::Receiver<Console> {
        self.said.clone()
    }

    /// Holds something warm, or cold, to the sensor on the board.
    ///
    /// # Errors
    /// [`BoardError::Order`].
    pub async fn warm_to(&mut self, celsius: f64) -> Result<(), BoardError> {
        self.hand.temperature(celsius).await
    }

    /// Pulls its network cable, or plugs it in again.
    ///
    /// # Errors
    /// [`BoardError::Order`].
    pub async fn cable(&mut self, plugged: bool) -> Result<(), BoardError> {
        self.hand.link(plugged).await
    }

    /// Stops it for good without a farewell, as fire does: its connection stands, and nothing will ever come over it.
    ///
    /// # Errors
    /// [`BoardError::Order`].
    pub async fn burn(&mut self) -> Result<(), BoardError> {
        self.hand.stop().await
    }

    /// The id of its process; 0 if that has ended.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }
}

/// Connects to a socket that QEMU opens when it starts; the caller bounds it.
async fn socket(path: &Path) -> UnixStream {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return stream,
            Err(_) => tokio::time::sleep(TRY_EVERY).await,
        }
    }
}

/// With the last line that QEMU wrote, which usually says what is wrong.
fn ended(folder: &Path) -> BoardError {
    let log = std::fs::read_to_string(folder.join(command::LOG)).unwrap_or_default();
    let last = log.lines().last().unwrap_or("it says nothing about why");
    BoardError::Ended(last.to_owned())
}
