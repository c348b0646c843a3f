//! Building the image where there is none, but everything it takes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::image::{THUMB, board_folder};
use super::{Image, ImageError};

/// A cold build on two slow cores.
const BUILD_WITHIN: Duration = Duration::from_secs(1_800);
/// What `rustc` says at once.
const ASK_WITHIN: Duration = Duration::from_secs(30);

/// Why there is still no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nothing was tried: something it takes is missing.
    #[error(transparent)]
    Missing(ImageError),
    /// Cargo did not start.
    #[error("cannot run cargo in {folder}")]
    Start {
        /// Where.
        folder: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Cargo said above what is wrong, or took too long.
    #[error("the firmware in {folder} did not build; try there:  cargo build --release")]
    Failed {
        /// Where.
        folder: PathBuf,
    },
}

impl Image {
    /// As [`Image::find`]; where it finds nothing, and was told of nothing, it builds the image if the source and the
    /// target's standard library are there. `say` is told before that begins: it takes minutes.
    ///
    /// # Errors
    /// [`BuildError`] with what to type.
    pub async fn find_or_build(named: Option<&Path>, say: impl FnOnce(&str)) -> Result<Self, BuildError> {
        let missing = match Self::find(named) {
            Ok(image) => return Ok(image),
            Err(missing @ ImageError::Named { .. }) => return Err(BuildError::Missing(missing)),
            Err(missing) => missing,
        };
        let folder = match board_folder() {
            Some(folder) if has_target().await => folder,
            _ => return Err(BuildError::Missing(missing)),
        };
        say(&format!(
            "building the firmware in {}, once: two or three minutes",
            folder.display()
        ));
        let mut cargo = Command::new("cargo");
        // Its words go to the error stream: what we print may be read by a program.
        cargo.args(["build", "--release", "--locked"]).current_dir(&folder);
        cargo.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let built = timeout(BUILD_WITHIN, cargo.status()).await;
        match built {
            Ok(Ok(status)) if status.success() => Self::find(None).map_err(BuildError::Missing),
            Ok(Err(source)) => Err(BuildError::Start { folder, source }),
            Ok(Ok(_)) | Err(_) => Err(BuildError::Failed { folder }),
        }
    }
}

/// Whether the compiler has the target's standard library.
async fn has_target() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", THUMB]);
    rustc.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(Ok(said)) = timeout(ASK_WITHIN, rustc.output()).await else {
        return false;
    };
    let folder = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    said.status.success() && folder.is_dir()
}
