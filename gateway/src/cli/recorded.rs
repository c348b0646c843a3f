//! What `replay` and `explain` are given: incident files, or what a flight recorder wrote; and by which clock its times read.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::replay::recording;

/// Whether a file is an incident file rather than a segment or a folder.
pub(super) fn is_text(path: &Path) -> bool {
    path.is_file() && path.extension().is_none_or(|e| e != "seg")
}

/// The segments that these files and folders name; there is at least one.
///
/// # Errors
/// One line, without the command's name.
pub(super) fn segments(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut segments = Vec::new();
    for path in paths {
        let found = recording::segments_of(path);
        segments.extend(found.map_err(|error| format!("{}: {error}", path.display()))?);
    }
    if segments.is_empty() {
        let where_ = paths
            .first()
            .map_or_else(String::new, |path| path.display().to_string());
        return Err(format!("no segments in {where_}"));
    }
    Ok(segments)
}

/// Seconds east of Greenwich by which the times of a recording read that begins then: those of this machine's clock, as
/// `muster order cut` takes a time and the log writes one. An incident file has a zone of its own.
pub(super) fn offset_s(wall_ms: i64) -> i32 {
    offset_in(TimeZone::system(), wall_ms)
}

fn offset_in(zone: TimeZone, wall_ms: i64) -> i32 {
    let stamp = jiff::Timestamp::from_millisecond(wall_ms);
    stamp.map_or(0, |time| time.to_zoned(zone).offset().seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_reads_by_the_clock_of_its_day() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        assert_eq!(offset_in(berlin.clone(), at("2026-07-01T00:00:00Z")), 7_200);
        assert_eq!(offset_in(berlin, at("2026-12-01T00:00:00Z")), 3_600);
    }

    #[test]
    fn a_folder_without_segments_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let why = segments(&[folder.path().to_owned()]).unwrap_err();
        assert!(
            why.starts_with("no segments in ") && why.contains(folder.path().to_str().unwrap()),
            "{why}"
        );
        assert!(!is_text(folder.path()) && !is_text(Path::new("no.such")));
    }
}
