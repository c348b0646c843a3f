//! How large things may grow: hard limits, and a ratchet on what is usual. Functions written inside a macro call are
//! not seen; the limit on the file holds them.

use proc_macro2::Span;
use syn::visit::{self, Visit};

use super::tree::Source;
use super::{assert_none, tree};

/// Lines a function may have, from `fn` to its closing brace.
const FUNCTION_LIMIT: usize = 70;
/// Lines a file may have.
const FILE_LIMIT: usize = 600;
/// From here on a function counts as long.
const LONG: usize = 40;
/// How far each figure may rise above `ratchet.txt` before the test fails: one change should not have to move it.
const ALLOWANCE: Figures = Figures {
    median: 1,
    p90: 3,
    over_40: 2,
};

/// Where the accepted figures stand.
const ACCEPTED: &str = "tests/suites/walls/ratchet.txt";

/// One function.
struct Length {
    lines: usize,
    name: String,
    place: String,
}

/// What is usual, in lines, and how many functions are long.
#[derive(Debug, PartialEq)]
struct Figures {
    median: usize,
    p90: usize,
    over_40: usize,
}

/// Collects the functions of one file.
struct Lengths<'a> {
    path: &'a str,
    found: Vec<Length>,
}

impl Lengths<'_> {
    fn take(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = Span::end(&block.brace_token.span.close()).line;
        self.found.push(Length {
            lines: last - first + 1,
            name: signature.ident.to_string(),
            place: format!("{}:{first}", self.path),
        });
    }
}

impl<'ast> Visit<'ast> for Lengths<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.take(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.take(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn lengths_in(source: &Source) -> Vec<Length> {
    let file = syn::parse_file(&source.text).unwrap_or_else(|fault| panic!("{}: {fault}", source.path));
    let mut lengths = Lengths {
        path: &source.path,
        found: Vec::new(),
    };
    lengths.visit_file(&file);
    lengths.found
}

/// Every function of the repository, the longest first.
fn all_lengths() -> Vec<Length> {
    let mut all: Vec<Length> = tree::rust().iter().flat_map(lengths_in).collect();
    all.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.place.cmp(&b.place)));
    all
}

/// The figures of lengths sorted from the longest.
fn figures(longest_first: &[Length]) -> Figures {
    let rank_from_longest = |share_percent: usize| longest_first.len() * (100 - share_percent) / 100;
    let at = |rank: usize| longest_first.get(rank).map_or(0, |length| length.lines);
    Figures {
        median: at(rank_from_longest(50)),
        p90: at(rank_from_longest(90)),
        over_40: longest_first.iter().filter(|length| length.lines > LONG).count(),
    }
}

fn accepted(text: &str) -> Figures {
    let figure = |name: &str| {
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("ratchet.txt has no line `{name} NUMBER`"))
    };
    Figures {
        median: figure("median"),
        p90: figure("p90"),
        over_40: figure("over_40"),
    }
}

fn risen(measured: &Figures, accepted: &Figures) -> Vec<String> {
    let rows = [
        ("median", measured.median, accepted.median, ALLOWANCE.median),
        ("p90", measured.p90, accepted.p90, ALLOWANCE.p90),
        ("over_40", measured.over_40, accepted.over_40, ALLOWANCE.over_40),
    ];
    let worse = rows.iter().filter(|(_, now, then, allowance)| *now > then + allowance);
    worse
        .map(|(name, now, then, allowance)| format!("{name}: {now}, accepted {then} (+{allowance})"))
        .collect()
}

fn shown(lengths: &[Length]) -> Vec<String> {
    lengths
        .iter()
        .map(|length| format!("{} {}: {} lines", length.place, length.name, length.lines))
        .collect()
}

#[test]
fn no_function_and_no_file_is_beyond_the_limit() {
    let lengths = all_lengths();
    let mut found = shown(&lengths[..lengths.partition_point(|length| length.lines > FUNCTION_LIMIT)]);
    let sources = tree::rust();
    let sizes = sources.iter().map(|source| (&source.path, source.text.lines().count()));
    found.extend(
        sizes
            .filter(|(_, lines)| *lines > FILE_LIMIT)
            .map(|(path, lines)| format!("{path}: {lines} lines")),
    );
    let rule =
        format!("Limits are {FUNCTION_LIMIT} lines a function and {FILE_LIMIT} a file; split by what each part does:");
    assert_none(&rule, &found);
}

#[test]
fn functions_do_not_grow() {
    let (lengths, accepted) = (all_lengths(), accepted(&tree::read(ACCEPTED)));
    let measured = figures(&lengths);
    println!("measured {measured:?}, accepted {accepted:?}: where they are better, lower {ACCEPTED} to them");
    let rule = format!(
        "Functions have grown. Split some of the longest; if the growth is right, say so and raise {ACCEPTED}.\n\
         The longest:\n  {}\nRisen:",
        shown(&lengths[..lengths.len().min(10)]).join("\n  ")
    );
    assert_none(&rule, &risen(&measured, &accepted));
}

#[test]
fn planted_lengths_are_measured() {
    let text =
        "/// Not counted.\nfn a() {\n    fn b() {}\n}\ntrait T {\n    fn c() {\n        d();\n    }\n    fn e();\n}\n";
    let source = Source {
        path: "planted.rs".into(),
        text: text.into(),
    };
    let lines: Vec<usize> = lengths_in(&source).iter().map(|length| length.lines).collect();
    assert_eq!(lines, [3, 1, 3]);
    let ten = (1..=10).rev().map(|tens| Length {
        lines: tens * 10,
        name: String::new(),
        place: String::new(),
    });
    let ten: Vec<Length> = ten.collect();
    assert_eq!(
        figures(&ten),
        Figures {
            median: 50,
            p90: 90,
            over_40: 6
        }
    );
    assert_eq!(
        risen(&figures(&ten), &accepted("median 49\np90 80\nover_40 4\n")).len(),
        1
    );
}
