//! How long it has really taken to save a workload in one way, in incidents and in drills, and what follows for the next time.

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::String,
    vec::Vec,
};

use crate::{Millis, Mode, RungKind};

/// Durations that are remembered of a way, of each mode: the older ones tell less and less of how it is today.
const KEPT: usize = 32;

/// With fewer live durations than this the declared time counts as well: the next one may well be longer than both.
const TRUSTED: usize = 3;

/// Ways that are remembered. A site of 65,535 workloads has at most twice as many in use.
const MAX_WAYS: usize = 1 << 17;

/// One way to save one workload. By names, so that it outlives an edited config; with another hook it is another way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Way {
    /// Workload id.
    pub workload: String,
    /// What the rung does.
    pub rung: RungKind,
    /// Hook id.
    pub hook: String,
    /// Where to.
    #[serde(default)]
    pub destination: Option<String>,
}

/// Durations of one way, oldest first. Milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct History {
    live: VecDeque<u32>,
    drill: VecDeque<u32>,
}

/// What is known of every way. Written as a list, because it goes into JSON as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "Vec<(Way, History)>", into = "Vec<(Way, History)>")]
pub struct Lessons(BTreeMap<Way, History>);

/// Nearest ranks of a history. Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ranks {
    /// Of so many; with none, all ranks are 0.
    pub count: u32,
    /// Half took no longer.
    pub p50_ms: u32,
    /// Three of four took no longer.
    pub p75_ms: u32,
    /// 19 of 20 took no longer; of fewer than 20, the longest.
    pub p95_ms: u32,
}

/// What one way of saving a workload is declared to take, and took.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WayView {
    /// Workload id.
    pub workload: String,
    /// What the rung does.
    pub rung: RungKind,
    /// Hook id.
    pub hook: String,
    /// Where to.
    pub destination: Option<String>,
    /// What the config says.
    pub declared_ms: Millis,
    /// What rungs are chosen by.
    pub needs_ms: Millis,
    /// In incidents.
    pub live: Ranks,
    /// In drills, which move nothing: it takes at least as long.
    pub drill: Ranks,
    /// One line where it is not what is declared.
    pub drift: Option<String>,
}

impl From<Vec<(Way, History)>> for Lessons {
    fn from(list: Vec<(Way, History)>) -> Self {
        let kept = list.into_iter().map(|(way, history)| (way, history.cut()));
        Self(kept.take(MAX_WAYS).collect())
    }
}

impl From<Lessons> for Vec<(Way, History)> {
    fn from(lessons: Lessons) -> Self {
        lessons.0.into_iter().collect()
    }
}

impl Lessons {
    /// Takes one more duration of a way.
    pub(crate) fn take(&mut self, way: &Way, mode: Mode, took_ms: u32) {
        if self.0.len() >= MAX_WAYS && !self.0.contains_key(way) {
            return;
        }
        let history = self.0.entry(way.clone()).or_default();
        let durations = match mode {
            Mode::Live => &mut history.live,
            Mode::Drill => &mut history.drill,
        };
        if durations.len() >= KEPT {
            durations.pop_front();
        }
        durations.push_back(took_ms);
    }

    pub(crate) fn of(&self, way: &Way) -> Option<&History> {
        self.0.get(way)
    }

    /// Whether nothing has been learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ranks {
    fn of(durations: &VecDeque<u32>) -> Self {
        let mut sorted: Vec<u32> = durations.iter().copied().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(at).copied().unwrap_or(0)
        };
        Self {
            count: sorted.len() as u32,
            p50_ms: rank(50),
            p75_ms: rank(75),
            p95_ms: rank(95),
        }
    }

    fn is_trusted(&self) -> bool {
        self.count as usize >= TRUSTED
    }
}

impl History {
    fn cut(mut self) -> Self {
        for durations in [&mut self.live, &mut self.drill] {
            let over = durations.len().saturating_sub(KEPT);
            durations.drain(..over);
        }
        self
    }

    /// In incidents, and in drills.
    pub(crate) fn ranks(&self) -> (Ranks, Ranks) {
        (Ranks::of(&self.live), Ranks::of(&self.drill))
    }

    /// The time by which a rung is chosen. Never shorter than declared before it has been so often enough for real: a drill
    /// moves nothing, so it only proves what it takes at least.
    pub(crate) fn needs(&self, declared: Millis) -> Millis {
        let (live, drill) = self.ranks();
        let lived = Millis::from(live.p95_ms);
        if live.is_trusted() {
            lived
        } else {
            declared.max(lived).max(drill.p95_ms.into())
        }
    }

    /// How long a step of this way runs before it is called stuck.
    pub(crate) fn stuck_after(&self, declared: Millis) -> Millis {
        let live = Ranks::of(&self.live);
        if live.is_trusted() {
            live.p75_ms.into()
        } else {
            self.needs(declared)
        }
    }

    /// One line where it takes longer than is declared, or has long taken much less.
    pub(crate) fn drift(&self, declared: Millis) -> Option<String> {
        let needs = self.needs(declared);
        let much_less = needs.saturating_mul(2) < declared;
        if needs <= declared && !much_less {
            return None;
        }
        let (live, drill) = self.ranks();
        let (what, durations) = if live.is_trusted() || Millis::from(live.p95_ms) >= drill.p95_ms.into() {
            ("took", &self.live)
        } else {
            ("drilled took", &self.drill)
        };
        let last: Vec<u32> = durations.iter().rev().take(5).copied().collect();
        let (least, most) = (last.iter().min()?, last.iter().max()?);
        Some(format!(
            "declared {} s; the last {} {what} {} to {} s, so {} s are reckoned with",
            declared / 1_000,
            last.len(),
            least / 1_000,
            most.div_ceil(1_000),
            needs / 1_000
        ))
    }
}
