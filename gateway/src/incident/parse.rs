//! From text to an [`Incident`], or to every fault in it.

use std::path::Path;

use muster_core::{Millis, Verb};
use muster_wire::{Absence, is_id};

use super::expect::{self, Expect};
use super::lines::{Statement, split, statements};
use super::{
    Every, Fact, FactKind, Heard, HookLine, Incident, Mark, OrderLine, Point, ServiceLine, Shows, SiteRef, SourceEnd,
    Version, words,
};
use crate::config::{Finding, Severity};

/// Largest file that is read: 1 MiB.
pub const MAX_BYTES: u64 = crate::config::MAX_BYTES;

/// A line `TIME every …` happens at most so often.
const MAX_TIMES: Millis = 10_000;

/// First line of every file of this version.
const FIRST: &str = "muster incident 1";
const MARKED: &str = "end the line with ` | recorded: SOURCE` or ` | assumed: WHY`";
const TIMES: &str = "a time of day such as 15:19, 15:19:00 or 15:19:00.250";

/// Reads and checks a file.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(path: &Path) -> Result<Incident, Vec<Finding>> {
    let text = crate::config::read_text(path).map_err(|why| {
        let hint = "give an incident file, which is text, or a recording: the folder beside the journal, such as muster.db.flight".into();
        vec![finding(
            &path.display().to_string(),
            1,
            format!("it cannot be read: {why}"),
            hint,
        )]
    })?;
    parse(&text, path)
}

/// As [`load`], of text that stands in `path`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, path: &Path) -> Result<Incident, Vec<Finding>> {
    let mut parser = Parser {
        file: path.display().to_string(),
        folder: path.parent().unwrap_or(Path::new("")),
        incident: Incident {
            file: path.into(),
            ..Incident::default()
        },
        begin: None,
        found: Vec::new(),
    };
    let all = statements(text);
    match all.split_first() {
        Some((first, rest)) if first.text == FIRST => parser.read(rest),
        _ => parser.fault(
            1,
            "it does not begin as an incident file",
            format!("its first line is `{FIRST}`"),
        ),
    }
    parser.found.sort_by_key(|f| f.line);
    if parser.found.is_empty() {
        Ok(parser.incident)
    } else {
        Err(parser.found)
    }
}

pub(super) fn finding(file: &str, line: usize, what: String, hint: String) -> Finding {
    Finding {
        file: file.into(),
        line,
        column: 1,
        severity: Severity::Error,
        what,
        hint,
    }
}

struct Parser<'a> {
    file: String,
    folder: &'a Path,
    incident: Incident,
    /// Time of day at which it begins.
    begin: Option<Millis>,
    found: Vec<Finding>,
}

impl Parser<'_> {
    fn fault(&mut self, line: usize, what: impl Into<String>, hint: impl Into<String>) {
        self.found.push(finding(&self.file, line, what.into(), hint.into()));
    }

    /// What times and versions hang on comes first, wherever it stands.
    fn read(&mut self, all: &[Statement]) {
        let (frame, rest): (Vec<_>, Vec<_>) = all
            .iter()
            .partition(|s| matches!(s.split().0, "date" | "begin" | "version" | "site"));
        let (mut midnight_ms, mut dated) = (0, false);
        for statement in frame {
            let (word, rest) = statement.split();
            match word {
                "date" => match split(rest) {
                    (day, offset) if words::date(day, offset).is_some() => {
                        let (ms, offset_s) = words::date(day, offset).unwrap_or_default();
                        (midnight_ms, self.incident.offset_s, dated) = (ms, offset_s, true);
                    }
                    _ => self.fault(statement.line, "no date", "such as `date 2022-10-15 +09:00`"),
                },
                "begin" => match words::time_of_day(rest) {
                    Some(time) => self.begin = Some(time),
                    None => self.fault(statement.line, "no time", TIMES),
                },
                "version" => self.version(statement.line, rest),
                _ => self.site(statement.line, rest),
            }
        }
        if !dated || self.begin.is_none() || self.incident.sites.is_empty() {
            let what = "it does not say when or where it is";
            self.fault(1, what, "it needs `date`, `begin` and at least one `site`");
        }
        self.incident.begin_wall_ms = midnight_ms + self.begin.unwrap_or_default();
        rest.into_iter().for_each(|statement| self.statement(statement));
        self.round_off();
    }

    fn version(&mut self, line: usize, rest: &str) {
        let (name, text) = split(rest);
        if !is_id(name) || text.is_empty() || name == "all" {
            return self.fault(line, "no version", "such as `version operator what the operator says`");
        }
        let (name, text) = (name.to_owned(), text.to_owned());
        self.incident.versions.push(Version { name, text });
    }

    fn site(&mut self, line: usize, rest: &str) {
        let (name, path) = split(rest);
        if !is_id(name) || path.is_empty() {
            return self.fault(line, "no site", "such as `site as-built pangyo-as-built.toml`");
        }
        self.incident.sites.push(SiteRef {
            line,
            name: name.into(),
            path: self.folder.join(path),
        });
    }

    fn statement(&mut self, statement: &Statement) {
        let (word, rest) = statement.split();
        let line = statement.line;
        match word {
            "title" => rest.clone_into(&mut self.incident.title),
            "proves" => rest.clone_into(&mut self.incident.proves),
            "zero" => self.incident.zero = self.time(line, rest),
            "end" => self.incident.end = self.time(line, rest),
            "every" => self.every(line, rest),
            "hook" => self.hook(statement, rest),
            "expect" => self.expect(line, rest),
            _ if words::time_of_day(word).is_some() => {
                let at = self.time(line, word);
                match rest.strip_prefix("every ") {
                    Some(again) => self.again(statement, at, again),
                    None => self.timed(statement, at, rest),
                }
            }
            _ => self.fault(
                line,
                format!("`{word}` begins no statement"),
                "a time of day, or one of title proves date begin zero end site version every hook expect",
            ),
        }
    }

    /// Milliseconds since `begin`.
    fn time(&mut self, line: usize, word: &str) -> Millis {
        match words::time_of_day(word) {
            Some(time) => words::after(self.begin.unwrap_or_default(), time),
            None => {
                self.fault(line, format!("`{word}` is no time"), TIMES);
                0
            }
        }
    }

    fn every(&mut self, line: usize, rest: &str) {
        let (source, period) = split(rest);
        match words::duration(period) {
            Some(ms) => self.incident.every.push(Every {
                line,
                source: source.into(),
                ms,
            }),
            None => self.fault(line, "no period", "such as `every bms 10s`"),
        }
    }

    fn hook(&mut self, statement: &Statement, rest: &str) {
        let (id, answer) = split(rest);
        let takes_ms = match split(answer) {
            ("cannot", "") => Some(None),
            ("takes", time) => words::duration(time).map(Some),
            _ => None,
        };
        self.mark(statement);
        match takes_ms {
            Some(takes_ms) => self.incident.hooks.push(HookLine {
                line: statement.line,
                id: id.into(),
                takes_ms,
            }),
            None => self.fault(
                statement.line,
                "no answer of a hook",
                "such as `hook relocate takes 45s | assumed: …`",
            ),
        }
    }

    fn expect(&mut self, line: usize, rest: &str) {
        let (first, after) = split(rest);
        let named = self.incident.sites.iter().any(|s| s.name == first);
        let (site, text) = if named {
            (Some(first.to_owned()), after)
        } else {
            (None, rest)
        };
        let begin = self.begin.unwrap_or_default();
        let time = |word: &str| words::time_of_day(word).map(|time| words::after(begin, time));
        match expect::promise(text, time) {
            Some(promise) => self.incident.expects.push(Expect {
                line,
                text: rest.to_owned(),
                site,
                promise,
            }),
            None => self.fault(
                line,
                "nothing that can be expected",
                "such as `expect recommended first vote by 15:19:30`; see `muster replay --help`",
            ),
        }
    }

    /// The mark that every fact needs.
    fn mark(&mut self, statement: &Statement) -> Mark {
        let mark = statement.mark.as_deref().and_then(words::mark);
        if mark.is_none() {
            self.fault(statement.line, "a fact without its source", MARKED);
        }
        mark.unwrap_or_else(|| Mark::Assumed(String::new()))
    }

    /// `40s until 11:00 node-1 silent`: from `at` on, again and again.
    fn again(&mut self, statement: &Statement, at: Millis, text: &str) {
        let (period, rest) = split(text);
        let (until, rest) = split(rest);
        let (end, what) = split(rest);
        let known = words::duration(period).zip(words::time_of_day(end));
        let Some((period_ms, _)) = known.filter(|_| until == "until" && !what.is_empty()) else {
            let hint = "such as `10:00 every 40s until 11:00 node-1 silent | assumed: …`";
            return self.fault(statement.line, "nothing that happens again and again", hint);
        };
        let last = (self.time(statement.line, end) - at) / period_ms;
        if !(0..MAX_TIMES).contains(&last) {
            let hint = format!("until after its first time, and at most {MAX_TIMES} times");
            return self.fault(statement.line, "it happens never, or too often", hint);
        }
        let before = self.found.len();
        for time in 0..=last {
            self.timed(statement, at + time * period_ms, what);
            if self.found.len() > before {
                return;
            }
        }
    }

    fn timed(&mut self, statement: &Statement, at: Millis, rest: &str) {
        let line = statement.line;
        let (subject, what) = split(rest);
        match subject {
            "order" => return self.order(line, at, what),
            "people" | "note" | "loss" | "cut" => return self.fact(statement, at, (subject, what)),
            _ => {}
        }
        self.mark(statement);
        if let Some(heard) = heard(what) {
            self.incident.ends.push(SourceEnd {
                line,
                at,
                source: subject.into(),
                heard,
            });
            return;
        }
        let shows = match split(what) {
            ("ramp", value) => words::value(value).map(Shows::Ramp),
            ("absent", why) => Absence::from_word(why).map(Shows::Absent),
            (value, "") => words::value(value).map(Shows::Value),
            _ => None,
        };
        match shows {
            Some(shows) => self.incident.points.push(Point {
                line,
                at,
                channel: subject.into(),
                shows,
            }),
            None => self.fault(
                line,
                format!("`{what}` is nothing that {subject} can show"),
                "a number, `ramp` and a number, `absent` and a reason, `silent`, `lost` or `heard`",
            ),
        }
    }

    fn fact(&mut self, statement: &Statement, at: Millis, (subject, what): (&str, &str)) {
        let mark = self.mark(statement);
        let (kind, text) = match subject {
            "people" => {
                let (version, text) = split(what);
                let known = version == "all" || self.incident.versions.iter().any(|v| v.name == version);
                if !known {
                    let hint = "`all`, or a name that a line `version NAME …` gives";
                    self.fault(statement.line, format!("`{version}` is no version"), hint);
                }
                (FactKind::People((version != "all").then(|| version.into())), text)
            }
            "loss" => (FactKind::Loss, what),
            "cut" => (FactKind::Cut, what),
            _ => (FactKind::Note, what),
        };
        if text.is_empty() {
            self.fault(statement.line, "a fact without words", "say what happened");
        }
        let text = text.to_owned();
        self.incident.facts.push(Fact { at, kind, text, mark });
    }

    fn order(&mut self, line: usize, at: Millis, what: &str) {
        if matches!(split(what).0, "work" | "bypass") {
            return self.service(line, at, what);
        }
        let hint = "such as `16:40 order cut 16:52 by anna ben`";
        let Some((verb, by)) = what.split_once(" by ") else {
            return self.fault(line, "an order by nobody", hint);
        };
        let verb = match split(verb.trim()) {
            ("cut", time) => Some(Verb::Cut {
                at: self.time(line, time),
            }),
            (word, "") => [
                Verb::Evacuate,
                Verb::Hold,
                Verb::Abort,
                Verb::Arm,
                Verb::Disarm,
                Verb::Reset,
                Verb::Return,
            ]
            .into_iter()
            .find(|v| v.as_str() == word),
            _ => None,
        };
        match verb {
            Some(verb) => self.incident.orders.push(OrderLine {
                line,
                at,
                verb,
                by: by.split_whitespace().map(str::to_owned).collect(),
            }),
            None => self.fault(line, "no such order", hint),
        }
    }

    fn service(&mut self, line: usize, at: Millis, what: &str) {
        match ServiceLine::parse((line, at), what) {
            Some(order) => self.incident.service.push(order),
            None => self.fault(
                line,
                "no bypass and no planned work",
                "such as `08:00 order work battery-room for 240min by anna because a string is exchanged`, or `12:00 order \
                 bypass node-1.smoke over by anna`",
            ),
        }
    }

    fn round_off(&mut self) {
        let (zero, end) = (self.incident.zero, self.incident.end);
        if self.incident.title.is_empty() || self.incident.proves.is_empty() {
            self.fault(1, "it does not say what it shows", "it needs `title` and `proves`");
        }
        if end <= zero {
            self.fault(1, "it ends before it begins", "`begin`, then `zero`, then `end`");
        }
        self.incident.points.sort_by_key(|p| p.at);
        self.incident.ends.sort_by_key(|e| e.at);
        self.incident.facts.sort_by_key(|f| f.at);
    }
}

/// `silent`, `heard`, `lost`, `lost upsd says DATA-STALE`.
fn heard(what: &str) -> Option<Heard> {
    match split(what) {
        ("silent", "") => Some(Heard::Silent),
        ("heard", "") => Some(Heard::Again),
        ("lost", "") => Some(Heard::Lost("its connection ended".into())),
        ("lost", why) => Some(Heard::Lost(why.into())),
        _ => None,
    }
}
