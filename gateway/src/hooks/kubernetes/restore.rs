//! The way back: open what we closed, bring back what we scaled to nothing, and see it ready. Nothing is brought home: it
//! runs where it is, and the scheduler fills the nodes again by and by.

use muster_core::HookOutcome;
use serde_json::json;

use super::kinds::mark;
use super::step::{Halt, Step};

impl Step {
    pub(super) async fn restore(&self) -> Result<HookOutcome, Halt> {
        self.uncordon().await?;
        loop {
            self.fence().await?;
            let work = self.look().await?;
            let Some(scaled) = &work.scaled else {
                return Ok(HookOutcome::Done);
            };
            let before = scaled
                .metadata
                .annotations
                .get(mark::REPLICAS)
                .and_then(|n| n.parse::<i64>().ok());
            if let Some(before) = before {
                // Somebody who has started it meanwhile knows better how many.
                let replicas = if scaled.wanted() == 0 { before } else { scaled.wanted() };
                let change = json!({
                    "metadata": {
                        "resourceVersion": scaled.metadata.resource_version,
                        "annotations": { mark::REPLICAS: null },
                    },
                    "spec": { "replicas": replicas },
                });
                self.change_scaled(&change).await?;
            }
            let ready = work.pods.iter().filter(|pod| pod.is_ready()).count();
            let wanted = usize::try_from(scaled.wanted()).unwrap_or(0);
            if self.is_drill() || before.is_none() && ready >= wanted {
                return Ok(HookOutcome::Done);
            }
            self.pause(wanted.saturating_sub(ready), wanted).await;
        }
    }
}
