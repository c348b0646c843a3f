//! What has been asked of a unit, and whose answer may still come.
//!
//! An answer on a serial line names unit, function and length, and neither its question nor its register. So the length is
//! the tag: of all questions whose answers may still be on their way no two that look alike are for different registers,
//! and where one would, the block is asked for with a few registers more, or fewer in front, and cut out of the answer. A
//! device answers in the order in which it was asked; so once an answer can only be the one to a question, everything that
//! was asked before it is settled. See decision 34.

use std::collections::{BTreeMap, BTreeSet};

use muster_profiles::Block;

use super::frame::{Question, Shape};

/// How many registers more, or bytes of bits, a block may be asked with, to each side.
const WIDEST: u16 = 4;

/// The questions of one unit.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The next question's number.
    next: u64,
    /// Questions whose answers may still come: late, or once more.
    open: BTreeMap<Question, Open>,
    /// Questions that have been answered with values before: they are never refused for their addresses.
    legal: BTreeSet<Question>,
    /// Questions that have been refused for their addresses.
    refused: BTreeSet<Question>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    first: u64,
    last: u64,
    /// One of them has had no answer.
    unanswered: bool,
}

impl Asked {
    /// How to ask for a block so that its answer can be told from all others that may come; none where there is no such way
    /// left.
    pub(super) fn tell_apart(&self, block: Block) -> Option<Question> {
        let exact = Question::Read(block);
        if self.is_fresh(exact) {
            return Some(exact);
        }
        let wider: Vec<Question> = wider(block).map(Question::Read).collect();
        let rank = |question: &Question| match question {
            known if self.legal.contains(known) => 0,
            known if self.refused.contains(known) => 2,
            _ => 1,
        };
        let fresh = wider.iter().copied().filter(|q| self.is_fresh(*q)).min_by_key(rank);
        // Of the same block the answer to an earlier try is at worst an old value: the oldest one is the least likely to come.
        // One that was refused would be so again, and for ever.
        let once_more = wider.iter().copied().filter(|q| !self.refused.contains(q));
        let all = std::iter::once(exact).chain(once_more);
        let own = |question: &Question| !self.others_look_like(*question);
        fresh.or_else(|| all.filter(own).min_by_key(|q| self.open.get(q).map_or(0, |o| o.last)))
    }

    /// It is being asked.
    pub(super) fn ask(&mut self, question: Question) {
        self.next += 1;
        let now = self.next;
        let open = self.open.entry(question).or_insert(Open {
            first: now,
            last: now,
            unanswered: false,
        });
        open.last = now;
        open.unanswered = true;
    }

    /// Values in the shape of its answer have come.
    pub(super) fn heard(&mut self, question: Question) {
        self.legal.insert(question);
        let shape = question.shape();
        self.settle(question, |_, other| other.shape() == shape);
    }

    /// An exception to its function has come; `address` says that it was for the registers asked for.
    pub(super) fn refused(&mut self, question: Question, address: bool) {
        if address && !self.legal.contains(&question) {
            self.refused.insert(question);
        }
        let function = question.function();
        self.settle(question, |asked, other| {
            other.function() == function && !(address && asked.legal.contains(&other))
        });
    }

    /// Whether something of this shape may come.
    pub(super) fn expects(&self, shape: Shape) -> bool {
        self.open.keys().any(|question| question.shape() == shape)
    }

    /// Nothing more is to be expected.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// What came was the answer to one of those that `could_be`: all that was asked before the first of them is settled.
    fn settle(&mut self, question: Question, could_be: impl Fn(&Self, Question) -> bool) {
        let candidates = self
            .open
            .iter()
            .filter(|(other, _)| could_be(self, **other) || **other == question);
        let Some(first) = candidates.map(|(_, open)| open.first).min() else {
            return;
        };
        self.open.retain(|_, open| open.last >= first);
        if let Some(open) = self.open.get_mut(&question)
            && open.first == open.last
        {
            open.unanswered = false;
        }
    }

    /// Nothing that may still come looks like its answer, except once more the same answer.
    fn is_fresh(&self, question: Question) -> bool {
        !self.others_look_like(question) && self.open.get(&question).is_none_or(|open| !open.unanswered)
    }

    fn others_look_like(&self, question: Question) -> bool {
        let shape = question.shape();
        self.open
            .keys()
            .any(|other| *other != question && other.shape() == shape)
    }
}

/// The block within larger ones, the nearest first.
fn wider(block: Block) -> impl Iterator<Item = Block> {
    let step = if block.table.is_bits() { 8 } else { 1 };
    (1..=WIDEST).flat_map(move |n| {
        let more = n * step;
        let behind = Some(block.start);
        let before = block.start.checked_sub(more);
        [behind, before].into_iter().flatten().filter_map(move |start| {
            let count = block.count.checked_add(more)?;
            let fits = count <= block.table.most_per_read() && u32::from(start) + u32::from(count) <= 1 << 16;
            fits.then_some(Block { start, count, ..block })
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use muster_profiles::Table;
    use proptest::prelude::*;

    use super::*;

    fn one(start: u16) -> Block {
        let table = Table::Holding;
        Block { table, start, count: 1 }
    }

    fn ask(asked: &mut Asked, block: Block) -> Question {
        let question = asked.tell_apart(block).unwrap();
        asked.ask(question);
        question
    }

    #[test]
    fn two_blocks_of_one_length_are_not_asked_alike_one_after_the_other() {
        let mut asked = Asked::default();
        let first = ask(&mut asked, one(10));
        asked.heard(first);
        let second = ask(&mut asked, one(20));
        assert_eq!((first, second.shape().bytes), (Question::Read(one(10)), Some(4)));
        asked.heard(second);
        assert_eq!(ask(&mut asked, one(10)), first, "what lies between has settled it");
    }

    #[test]
    fn an_answer_that_did_not_come_is_not_awaited_by_the_same_question_again() {
        let mut asked = Asked::default();
        let shapes: Vec<_> = (0..5)
            .map(|_| ask(&mut asked, one(10)).shape().bytes.unwrap())
            .collect();
        assert_eq!(shapes, [2, 4, 6, 8, 10], "each try can be told from those before it");
        for _ in 0..100 {
            ask(&mut asked, one(10));
        }
        assert!(
            asked.open.len() <= 1 + 2 * usize::from(WIDEST),
            "bounded, however long it is silent"
        );
    }

    #[test]
    fn a_refused_wider_question_settles_the_line_as_well() {
        let mut asked = Asked::default();
        let a = ask(&mut asked, one(10));
        asked.heard(a);
        let wide = ask(&mut asked, one(20));
        asked.refused(wide, true);
        let exact = ask(&mut asked, one(20));
        assert_eq!(exact, Question::Read(one(20)));
        asked.heard(exact);
        let wide = ask(&mut asked, one(10));
        asked.heard(wide);
        let third = ask(&mut asked, one(20));
        assert_eq!(third, exact, "nothing like it may come any more");
        let again = ask(&mut asked, one(10));
        assert_eq!(again.shape().bytes, Some(4), "the legal one is known");
    }

    /// What a line does with an answer.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Prompt,
        Late,
        Lost,
        Doubled,
    }

    fn fates() -> impl Strategy<Value = Vec<(u16, Fate)>> {
        let fate = prop_oneof![
            4 => Just(Fate::Prompt), 2 => Just(Fate::Late), 1 => Just(Fate::Lost), 2 => Just(Fate::Doubled)
        ];
        proptest::collection::vec((0u16..6, fate), 1..300)
    }

    /// Answers in order, each at any time after its question or never, each perhaps two times; registers beyond 103 do not
    /// exist. The next in the queue that is due is heard.
    struct Line {
        queue: VecDeque<(Question, bool)>,
    }

    impl Line {
        const LAST: u16 = 103;

        fn ask(&mut self, question: Question, fate: Fate) {
            let due = !matches!(fate, Fate::Late);
            let times = [Fate::Lost, Fate::Prompt, Fate::Doubled];
            let count = times
                .iter()
                .position(|f| std::mem::discriminant(f) == std::mem::discriminant(&fate));
            self.queue
                .extend(std::iter::repeat_n((question, due), count.unwrap_or(1)));
            // What is due pushes out what is late before it.
            if due {
                self.queue.iter_mut().for_each(|(_, due)| *due = true);
            }
        }

        fn is_legal(question: Question) -> bool {
            let Question::Read(block) = question else { return true };
            block.start >= 98 && block.start + block.count - 1 <= Self::LAST
        }
    }

    proptest! {
        /// Invariant 16: whatever is late, lost, or comes two times, values are those of the registers asked for.
        #[test]
        fn no_answer_is_ever_taken_for_another_register(turns in fates()) {
            let (mut asked, mut line) = (Asked::default(), Line { queue: VecDeque::new() });
            for (register, fate) in turns {
                let block = one(98 + register);
                let Some(question) = asked.tell_apart(block) else { continue };
                asked.ask(question);
                line.ask(question, fate);
                while line.queue.front().is_some_and(|(_, due)| *due) {
                    let (origin, _) = line.queue.pop_front().unwrap();
                    if Line::is_legal(origin) {
                        if origin.shape() == question.shape() {
                            prop_assert_eq!(origin, question, "taken for another");
                            asked.heard(question);
                            break;
                        }
                    } else if origin.function() == question.function() {
                        asked.refused(question, true);
                        break;
                    }
                }
            }
        }

        /// A line that answers at once tells every register that there is, and refuses every other, within three turns; it
        /// never has to wait unless it refuses some.
        #[test]
        fn a_sound_line_tells_all_that_there_is(registers in proptest::collection::vec(0u16..12, 1..200)) {
            let (mut asked, mut refuses) = (Asked::default(), false);
            for register in registers {
                let block = one(94 + register);
                let mut answered = false;
                for _ in 0..3 * super::super::TRIES {
                    let question = asked.tell_apart(block).unwrap_or_else(|| {
                        assert!(refuses, "{block:?} has to wait");
                        asked.forget();
                        Question::Read(block)
                    });
                    asked.ask(question);
                    answered = Line::is_legal(question);
                    if answered {
                        asked.heard(question);
                        break;
                    }
                    refuses = true;
                    asked.refused(question, true);
                    if question == Question::Read(block) {
                        break;
                    }
                }
                prop_assert_eq!(answered, Line::is_legal(Question::Read(block)), "{}", block.start);
            }
        }
    }
}
