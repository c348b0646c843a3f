//! That every fault is shown.

use muster_core::{Millis, State};

/// What is not heard, or not believed, is in trouble by itself, with its source, or as one of several alike: silence is never
/// nothing.
pub fn faults_are_shown(now: Millis, state: &State) {
    let (troubles, channels) = (state.view(now).troubles, state.channels(now));
    for c in &channels {
        let unheard = c.quality == "warmup" && c.value.is_none();
        let sound = unheard || ["good", "simulated"].contains(&c.quality.as_str());
        let beside = |id: &str| channels.iter().any(|other| other.id == id && other.source == c.source);
        let alike = format!("no value ({})", c.quality);
        let speaks = |t: &muster_core::TroubleView| {
            t.subject == c.id || t.subject == c.source || beside(&t.subject) && t.line.contains(&alike)
        };
        let shown = sound || troubles.iter().any(speaks);
        assert!(shown, "{} is {}, and nothing says so: {troubles:?}", c.id, c.quality);
    }
}
