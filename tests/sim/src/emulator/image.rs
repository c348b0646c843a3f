//! Where the firmware's image is.

use std::path::{Path, PathBuf};

/// Names the image, for whoever built it elsewhere.
const VARIABLE: &str = "MUSTER_BOARD_QEMU";
/// What it is built for.
pub(super) const THUMB: &str = "thumbv7em-none-eabihf";
/// What cargo builds, below its target folder.
const BUILT: &str = "thumbv7em-none-eabihf/release/board-qemu";
/// The board, below the source tree.
const BOARD: &str = "firmware/boards/qemu";

/// The image of the emulated board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(PathBuf);

/// There is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// One was named, and is not there.
    #[error("there is no firmware image at {path}, where {named_by} says")]
    Named {
        /// Where.
        path: PathBuf,
        /// Who named it.
        named_by: &'static str,
    },
    /// Nowhere.
    #[error(
        "there is no firmware image: {}\n  build it:  rustup target add thumbv7em-none-eabihf && \
         (cd {BOARD} && cargo build --release)\n  or say where it is:  --image FILE, or {VARIABLE}=FILE",
        looked_at(.0)
    )]
    Nowhere(Vec<PathBuf>),
}

fn looked_at(places: &[PathBuf]) -> String {
    let places: Vec<_> = places
        .iter()
        .map(|place| format!("not at {}", place.display()))
        .collect();
    places.join(", ")
}

impl Image {
    /// Finds it: the file that was named, or that `MUSTER_BOARD_QEMU` names; else what cargo has built, in the boards' own
    /// target folder or in that of this program.
    ///
    /// # Errors
    /// [`ImageError`] with what to type.
    pub fn find(named: Option<&Path>) -> Result<Self, ImageError> {
        let variable = std::env::var_os(VARIABLE).map(PathBuf::from);
        for (file, named_by) in [(named, "--image"), (variable.as_deref(), VARIABLE)] {
            let Some(file) = file else { continue };
            let path = file.to_owned();
            return if file.is_file() {
                Ok(Self(path))
            } else {
                Err(ImageError::Named { path, named_by })
            };
        }
        let places: Vec<_> = targets().iter().map(|target| target.join(BUILT)).collect();
        match places.iter().find(|place| place.is_file()) {
            Some(found) => Ok(Self(found.clone())),
            None => Err(ImageError::Nowhere(places)),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Target folders in which cargo may have built it.
fn targets() -> Vec<PathBuf> {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    // This program is …/target/release/muster, or …/target/release/deps/suites.
    let program = std::env::current_exe().ok();
    let own = program.iter().flat_map(|file| file.ancestors().skip(2).take(2));
    let own = own.filter(|folder| folder.file_name().is_some_and(|name| name == "target"));
    let boards = board_folder().map(|board| board.with_file_name("target"));
    boards.into_iter().chain(given).chain(own.map(Path::to_owned)).collect()
}

/// The board's folder in the source tree: below the current folder, or where this program was built from.
pub(super) fn board_folder() -> Option<PathBuf> {
    let here = PathBuf::from(BOARD);
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(BOARD);
    [here, built_from]
        .into_iter()
        .find(|board| board.join("Cargo.toml").is_file())
}
