//! Closing the doomed set, and opening again what we closed.

use muster_core::HookOutcome;
use serde_json::{Value, json};

use super::api::ApiError;
use super::ground::is_ours;
use super::kinds::{Node, mark};
use super::step::{Halt, Step};

/// Tries at an object that others change meanwhile.
const TRIES: u32 = 5;

impl Step {
    /// No doomed node takes anything new. One that somebody else has closed stays theirs.
    pub(super) async fn cordon(&self) -> Result<(), Halt> {
        let ground = self.ground();
        let open = |node: &&Node| ground.is_doomed(&node.metadata.name) && !node.spec.unschedulable;
        // One that cannot be closed keeps no other open.
        let mut whole = Ok(());
        for node in ground.nodes.iter().filter(open) {
            whole = whole.and(self.close(node.clone()).await);
        }
        whole
    }

    async fn close(&self, node: Node) -> Result<(), Halt> {
        let close = |node: &Node| (!node.spec.unschedulable).then(|| closed(node, &self.call.incident));
        self.change_node(node, close).await
    }

    /// Opens what we have closed, and what is not doomed any more.
    pub(super) async fn uncordon(&self) -> Result<(), Halt> {
        let ground = self.ground();
        let still = |node: &Node| self.call.doomed.is_some() && ground.is_doomed(&node.metadata.name);
        let ours = |node: &&Node| is_ours(&self.target, node) && !still(node);
        for node in ground.nodes.iter().filter(ours) {
            let open = |node: &Node| {
                node.metadata
                    .annotations
                    .contains_key(mark::CORDONED)
                    .then(|| opened(node))
            };
            self.change_node(node.clone(), open).await?;
        }
        Ok(())
    }

    /// Changes a node as long as there is something to change; where somebody else was first it is looked at again.
    async fn change_node(&self, mut node: Node, change: impl Fn(&Node) -> Option<Value>) -> Result<(), Halt> {
        let name = node.metadata.name.clone();
        let at = ["api", "v1", "nodes", name.as_str()];
        for _ in 0..TRIES {
            let Some(patch) = change(&node) else { return Ok(()) };
            match self.api.patch::<Node>(&at, &patch).await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some(409) => {}
                Err(error) => return gone(error),
            }
            match self.api.find(&at).await? {
                Some(now) => node = now,
                None => return Ok(()),
            }
        }
        let cause = format!("node {name} is changed by others all the time");
        Err(Halt::Outcome(HookOutcome::Retry { cause }))
    }
}

/// What is not there needs no closing.
fn gone(error: ApiError) -> Result<(), Halt> {
    if error.code() == Some(404) {
        Ok(())
    } else {
        Err(error.into())
    }
}

/// With the version that was seen, so that nobody else's cordon becomes ours.
fn closed(node: &Node, incident: &str) -> Value {
    json!({
        "metadata": {
            "resourceVersion": node.metadata.resource_version,
            "annotations": { mark::CORDONED: incident },
        },
        "spec": { "unschedulable": true },
    })
}

fn opened(node: &Node) -> Value {
    json!({
        "metadata": {
            "resourceVersion": node.metadata.resource_version,
            "annotations": { mark::CORDONED: null },
        },
        "spec": { "unschedulable": null },
    })
}
