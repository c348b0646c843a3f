//! A recording as it plays: moments, each from its time on.

use std::sync::Arc;

use crate::StoryTime;

/// Moments in order of their time.
pub(crate) struct Tape<T> {
    moments: Arc<[(i64, T)]>,
    story: Arc<dyn StoryTime>,
}

impl<T> Clone for Tape<T> {
    fn clone(&self) -> Self {
        Self {
            moments: Arc::clone(&self.moments),
            story: Arc::clone(&self.story),
        }
    }
}

impl<T> Tape<T> {
    /// `moments` with their milliseconds since the recording began, which is the story's zero.
    pub(crate) fn of(moments: impl Iterator<Item = (u64, T)>, story: Arc<dyn StoryTime>) -> Self {
        let timed = |(at_ms, moment)| (i64::try_from(at_ms).unwrap_or(i64::MAX), moment);
        Self {
            moments: moments.map(timed).collect(),
            story,
        }
    }

    /// As it is now; the first moment before it begins, the last for ever after.
    pub(crate) fn now(&self) -> Option<&T> {
        let now_ms = self.story.now_ms();
        let past = self.moments.iter().rev().find(|(at_ms, _)| *at_ms <= now_ms);
        past.or(self.moments.first()).map(|(_, moment)| moment)
    }
}
