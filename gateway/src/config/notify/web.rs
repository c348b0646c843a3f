//! Webhooks and heartbeats.

use std::path::Path;

use reqwest::Url;

use super::super::faults::{At, quoted};
use super::super::load::read_text;
use super::super::table::Table;
use super::super::{hook_url, secret};
use super::{Address, Beat, Message, Posted, Pulse, Way};

/// Between two heartbeats if the file does not say. Seconds.
const EVERY_S: i64 = 60;

pub(super) fn webhook(table: &Table<'_>, folder: &Path, simulated: bool, allow_loopback: bool) -> Option<Way> {
    let words = [("cloudevent", Message::CloudEvent), ("text", Message::Text)];
    let message = table.choice("body", &words);
    let secret = secret::read_if_given(table, folder, simulated);
    Some(Way::Webhook(Posted {
        url: need_address(table, folder, allow_loopback)?,
        secret,
        message: message.map_or(Message::CloudEvent, |m| m.value),
    }))
}

pub(super) fn heartbeat(table: &Table<'_>, folder: &Path, allow_loopback: bool) -> Option<Way> {
    let every_s = table.integer("every_s", 1..=3_600).map_or(EVERY_S, |n| n.value);
    let beat = table.choice("method", &[("POST", Beat::Post), ("GET", Beat::Get)]);
    let trouble_url = table.text("trouble_url");
    Some(Way::Heartbeat(Pulse {
        trouble_url: trouble_url.and_then(|text| address(table, &text, allow_loopback)),
        url: need_address(table, folder, allow_loopback)?,
        every_ms: every_s.unsigned_abs() * 1_000,
        beat: beat.map_or(Beat::Post, |b| b.value),
    }))
}

/// From `url`, or from the file that `url_file` names: whoever knows the URL of a chat may write there.
fn need_address(table: &Table<'_>, folder: &Path, allow_loopback: bool) -> Option<Address> {
    let text = match (table.text("url"), table.text("url_file")) {
        (Some(url), None) => url,
        (None, Some(file)) => from_file(table, folder, &file)?,
        (None, None) => {
            table.missing(
                "url",
                "where to call, such as \"https://chat.example/hooks/…\"; or `url_file`",
            );
            return None;
        }
        (Some(_), Some(file)) => {
            table
                .faults
                .error(file.at, "both `url` and `url_file`", "keep one of them");
            return None;
        }
    };
    address(table, &text, allow_loopback)
}

fn from_file(table: &Table<'_>, folder: &Path, file: &At<String>) -> Option<At<String>> {
    match read_text(&folder.join(&file.value)) {
        Ok(text) => Some(At::new(text.trim().to_owned(), file.at)),
        Err(cause) => {
            let what = format!("`url_file` {} cannot be read: {cause}", quoted(&file.value));
            let hint = "one line with the URL; the path is relative to the folder of the config";
            table.faults.error(file.at, what, cause.mend(hint));
            None
        }
    }
}

fn address(table: &Table<'_>, text: &At<String>, allow_loopback: bool) -> Option<Address> {
    hook_url::check_of("place", text, allow_loopback, table.faults);
    Url::parse(&text.value).ok().map(Address)
}
