//! What is promised, in the words of the report.

/// Never broken, in any state.
pub(crate) const GROUNDS: &str = "no irreversible step without two counting votes, two people, a cut or a window over";
pub(crate) const TWO_GROUPS: &str = "one channel or one group never evacuates, but by a window that nobody aborted";
pub(crate) const SILENCE: &str = "silence, faults and garbage alone never evacuate";
pub(crate) const ALARMED: &str = "a vote has an alarm behind it, or a death beside one";
pub(crate) const PEOPLE: &str = "an order has the people that it needs";
pub(crate) const OBEYED: &str = "an order with the people that it needs is obeyed";
pub(crate) const ABORT: &str = "an abort stands until a new vote or a new order";
pub(crate) const LATCHED: &str = "a vote falls by a reset alone, also over a restart";
pub(crate) const RESET: &str = "no reset while a vote is held";
pub(crate) const INTENT: &str = "an intent is on disk before its act, or the disk has not answered for 500 ms";
pub(crate) const ONCE: &str = "no effect is made twice";
pub(crate) const FENCED: &str = "nothing of an older intent is done after a younger one";
pub(crate) const RISING: &str = "tokens rise with every intent";
pub(crate) const LEFT: &str = "a rung that was answered with 422 is not called again, as long as there is one below it";
pub(crate) const RETURNED: &str = "a vote returns only after 30 min in which its detectors were really clear";
pub(crate) const PROMPT: &str = "two seconds after the grounds nothing waits";
pub(crate) const ENDS: &str = "when the runway is over every ladder has ended or is on its last rung";
pub(crate) const HOME: &str = "nothing returns without an order of two people, and nothing in an incident";
pub(crate) const SINGLY: &str = "nothing is brought home twice at once";
pub(crate) const AWAY: &str = "nothing that is away is evacuated again";
pub(crate) const SOUND: &str = "the core finds no fault of its own, and never spins";

/// Comes to be on every way.
pub(crate) const COMES: &str = "in the end every ladder has ended or is on its last rung, unless nothing is to be done";

/// All that are never broken.
pub(crate) const ALWAYS: &[&str] = &[
    GROUNDS, TWO_GROUPS, SILENCE, ALARMED, PEOPLE, OBEYED, ABORT, LATCHED, RESET, INTENT, ONCE, FENCED, RISING, LEFT,
    RETURNED, PROMPT, ENDS, HOME, SINGLY, AWAY, SOUND,
];
