//! Where a channel's value stands in the messages of other people's sensors, and what it says.

use muster_wire::{MICRO, Micro, Quantity, Unit};

use super::faults::{At, Faults, quoted};
use super::sensor::{MAX_TEXT, Meaning, Word, topic};
use super::table::Table;

/// What only a channel of such a source has.
pub(super) struct PickRow {
    pub(super) topic: Option<At<String>>,
    scale: Option<At<Micro>>,
    offset: Option<At<Micro>>,
    on: Option<At<Word>>,
    off: Option<At<Word>>,
}

/// A pick that has no channel yet.
pub(super) struct Picked {
    pub(super) topic: String,
    pub(super) pointer: String,
    pub(super) meaning: Meaning,
}

impl PickRow {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let scale = table.number("scale");
        if let Some(zero) = scale.as_ref().filter(|s| s.value.0 == 0) {
            table
                .faults
                .error(zero.at, "`scale` is 0", "the factor from the message's unit to ours");
        }
        Self {
            topic: topic(table, "topic"),
            scale,
            offset: table.number("offset"),
            on: table.word("on"),
            off: table.word("off"),
        }
    }

    /// Of any other source they mean nothing.
    pub(super) fn check_unused(&self, faults: &Faults<'_>) {
        let given = [
            ("topic", self.topic.as_ref().map(|k| k.at)),
            ("scale", self.scale.as_ref().map(|k| k.at)),
            ("offset", self.offset.as_ref().map(|k| k.at)),
            ("on", self.on.as_ref().map(|k| k.at)),
            ("off", self.off.as_ref().map(|k| k.at)),
        ];
        for (key, at) in given {
            if let Some(at) = at {
                let what = format!("`{key}` means nothing for a channel of this source");
                faults.error(at, what, "remove it: only a source of kind \"mqtt-json\" has it");
            }
        }
    }

    pub(super) fn meaning(&self, quantity: Quantity, faults: &Faults<'_>) -> Meaning {
        let contact = quantity.unit() == Unit::Contact;
        let unused: [(&str, Option<usize>); 2] = if contact {
            [
                ("scale", self.scale.as_ref().map(|k| k.at)),
                ("offset", self.offset.as_ref().map(|k| k.at)),
            ]
        } else {
            [
                ("on", self.on.as_ref().map(|k| k.at)),
                ("off", self.off.as_ref().map(|k| k.at)),
            ]
        };
        for (key, at) in unused {
            if let Some(at) = at {
                let what = format!("`{key}` means nothing for {}", quantity.as_str());
                let hint = "numbers have `scale` and `offset`, contacts `on` and `off`";
                faults.error(at, what, hint);
            }
        }
        if contact {
            return self.contact(faults);
        }
        let number = |given: &Option<At<Micro>>, usual| given.as_ref().map_or(usual, |n| n.value);
        Meaning::Number {
            scale: number(&self.scale, Micro(MICRO)),
            offset: number(&self.offset, Micro(0)),
        }
    }

    /// A word that nobody has explained must be neither an alarm nor its absence, hence both are named.
    fn contact(&self, faults: &Faults<'_>) -> Meaning {
        let (on, off) = match (&self.on, &self.off) {
            (None, None) => (Word::Flag(true), Word::Flag(false)),
            (Some(on), Some(off)) => {
                if on.value == off.value {
                    faults.error(off.at, "`on` and `off` are the same", "name what it sends for each");
                }
                (on.value.clone(), off.value.clone())
            }
            (Some(one), None) | (None, Some(one)) => {
                if !matches!(one.value, Word::Flag(_)) {
                    let what = "one of `on` and `off` only";
                    faults.error(
                        one.at,
                        what,
                        "name both: any other word is then no value, and neither of them",
                    );
                }
                let other = Word::Flag(one.value != Word::Flag(true));
                if self.on.is_some() {
                    (one.value.clone(), other)
                } else {
                    (other, one.value.clone())
                }
            }
        };
        Meaning::Contact { on, off }
    }
}

pub(super) fn check_pointer(signal: &At<String>, faults: &Faults<'_>) {
    let text = &signal.value;
    let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if text.len() <= MAX_TEXT && escaped && (text.is_empty() || text.starts_with('/')) {
        return;
    }
    let what = format!("{} is not a JSON pointer", quoted(text));
    let hint = "such as \"/temperature\" or \"/ENERGY/Power\"; \"\" is the whole message (RFC 6901)";
    faults.error(signal.at, what, hint);
}
