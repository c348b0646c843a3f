//! Rung `stop`: what stands on doomed nodes ends cleanly, with its own grace. Where that is all of it, it is scaled to
//! nothing, so that nothing begins to start while the power goes; what stands elsewhere is never touched.

use muster_core::HookOutcome;
use serde_json::json;

use super::kinds::{Scaled, mark};
use super::object::Object;
use super::step::{Halt, Step, Work, cannot, retry};

impl Step {
    pub(super) async fn stop(&self) -> Result<HookOutcome, Halt> {
        let mut most = 0;
        loop {
            self.fence().await?;
            let work = self.look().await?;
            if most == 0 {
                self.check_found(&work)?;
            }
            let left = self.left(&work);
            if left.is_empty() {
                return Ok(HookOutcome::Done);
            }
            let nobody_else = work.elsewhere(self).next().is_none();
            match &work.scaled {
                Some(scaled) if nobody_else => self.scale_to_nothing(scaled).await?,
                _ => {
                    for pod in left.iter().filter(|pod| !pod.is_ending()) {
                        match self.api.delete(pod, self.grace_s(pod)).await {
                            Err(error) if !matches!(error.code(), Some(404 | 409)) => return Err(error.into()),
                            _ => {}
                        }
                    }
                }
            }
            if self.is_drill() {
                return Ok(HookOutcome::Done);
            }
            most = most.max(left.len());
            self.pause(left.len(), most).await;
        }
    }

    /// Labels that no pod has are a mistake in the config, and no workload that has been stopped.
    fn check_found(&self, work: &Work) -> Result<(), Halt> {
        match &self.object {
            Object::Pods { namespace, labels } if work.pods.is_empty() => {
                Err(cannot(format!("{namespace} has no pod with {labels}")))
            }
            _ => Ok(()),
        }
    }

    /// In one write with what it was, so that the way back is known whatever becomes of us.
    async fn scale_to_nothing(&self, scaled: &Scaled) -> Result<(), Halt> {
        if scaled.wanted() == 0 {
            return Ok(());
        }
        let change = json!({
            "metadata": {
                "resourceVersion": scaled.metadata.resource_version,
                "annotations": { mark::REPLICAS: scaled.wanted().to_string() },
            },
            "spec": { "replicas": 0 },
        });
        self.change_scaled(&change).await
    }

    /// Changed by others meanwhile: the next round looks again.
    pub(super) async fn change_scaled(&self, change: &serde_json::Value) -> Result<(), Halt> {
        let at = self.object.place().unwrap_or_default();
        match self.api.patch::<Scaled>(&at, change).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(409) => Err(retry("it was changed by others at the same time".into())),
            Err(error) => Err(error.into()),
        }
    }
}
