//! `[[hook]]` of the kind `exec`: a fixed command line, which nothing is ever put into.

use std::path::Path;
use std::time::Duration;

use super::faults::{At, quoted};
use super::hook::Reached;
use super::table::Table;
use super::{ExecTarget, HookWay};

/// A program is ended after this if the file does not say: the longest evacuation on record had less than three hours,
/// and a step that no longer fits its runway is cancelled long before. Seconds.
const LIMIT_S: i64 = 3_600;
/// Longest limit: a day.
const LONGEST_LIMIT_S: i64 = 86_400;

/// Reads and checks it; none where there is no program.
pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Reached> {
    if table.place("argv").is_none() {
        table.missing(
            "argv",
            "the program's absolute path and its arguments: argv = [\"/usr/local/bin/evacuate\"]",
        );
    }
    let argv = table.texts("argv");
    let cwd = table.text("cwd");
    let limit = table.seconds("limit_s", 0..=LONGEST_LIMIT_S);
    if let Some(cwd) = &cwd {
        check_folder(table, cwd, &folder.join(&cwd.value));
    }
    let program = match argv.first() {
        Some(program) => program,
        None => {
            if let Some(at) = table.place("argv") {
                table
                    .faults
                    .error(at, "`argv` names no program", "its absolute path comes first");
            }
            return None;
        }
    };
    check_program(table, program);
    argv.iter().for_each(|word| check_word(table, word));
    Some(Reached {
        place: program.at,
        elsewhere: false,
        way: HookWay::Exec(ExecTarget {
            argv: argv.iter().map(|word| word.value.clone()).collect(),
            cwd: cwd.map_or_else(|| "/".into(), |cwd| folder.join(cwd.value)),
            limit: Duration::from_millis(limit.map_or(LIMIT_S * 1_000, |l| l.value).unsigned_abs()),
        }),
    })
}

pub(super) fn check_program(table: &Table<'_>, program: &At<String>) {
    let path = Path::new(&program.value);
    let error = |what: String, hint: &str| table.faults.error(program.at, what, hint);
    if !path.is_absolute() {
        let what = format!("the program {} is no absolute path", quoted(&program.value));
        return error(
            what,
            "such as \"/usr/local/bin/evacuate\": a search path would let others choose it",
        );
    }
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(cause) => {
            let what = format!("the program {} cannot be run: {cause}", quoted(&program.value));
            return error(
                what,
                "put it there, on the machine where Muster runs and where this check runs",
            );
        }
    };
    if !found.is_file() {
        return error(
            format!("{} is not a file", quoted(&program.value)),
            "name the program itself",
        );
    }
    check_mode(table, program, &found);
}

#[cfg(unix)]
fn check_mode(table: &Table<'_>, program: &At<String>, found: &std::fs::Metadata) {
    use std::os::unix::fs::PermissionsExt as _;
    const EXECUTE: u32 = 0o111;
    const OTHERS_WRITE: u32 = 0o002;
    let mode = found.permissions().mode();
    if mode & EXECUTE == 0 {
        let what = format!("the program {} is not executable", quoted(&program.value));
        table.faults.error(program.at, what, "chmod 755");
    }
    if mode & OTHERS_WRITE != 0 {
        let what = format!(
            "the program {} can be changed by everybody on this machine",
            quoted(&program.value)
        );
        table.faults.warning(program.at, what, "chmod 755");
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Table<'_>, _: &At<String>, _: &std::fs::Metadata) {}

/// Nothing is ever put into an argument; one that looks as if it waited for that is said.
fn check_word(table: &Table<'_>, word: &At<String>) {
    if word.value.contains('\0') {
        let what = "an argument has a NUL in it";
        table.faults.error(word.at, what, "remove it");
    }
    if word.value.contains(['$', '`']) || (word.value.contains('{') && word.value.contains('}')) {
        let what = format!("the argument {} is passed on as it stands", quoted(&word.value));
        let hint =
            "nothing is put into arguments; what a step is about comes as JSON on stdin and in MUSTER_… variables";
        table.faults.warning(word.at, what, hint);
    }
}

fn check_folder(table: &Table<'_>, cwd: &At<String>, folder: &Path) {
    if !folder.is_dir() {
        let what = format!("`cwd` {} is no folder", quoted(&cwd.value));
        table.faults.error(cwd.at, what, "leave it out to start in `/`");
    }
}
