//! Draining the doomed nodes, and taking back what we drained. Our reason says for which incident; a later one's is a fence.

use muster_core::HookOutcome;

use super::jobs::Node;
use super::step::{Halt, Step};

/// Begins our reasons.
const OURS: &str = "muster:";

impl Step {
    /// No doomed node is given a new job. One that somebody else drains stays theirs.
    pub(super) async fn drain(&self) -> Result<(), Halt> {
        for node in self.commands.nodes(&self.doomed).await? {
            match node.ours() {
                Some(incident) if number(incident) > number(&self.call.incident) => {
                    return Err(Halt::Outcome(HookOutcome::TokenRefused));
                }
                Some(incident) if node.drains && incident == self.call.incident => {}
                None if node.drains => {}
                _ => {
                    self.update(&node, &["State=DRAIN", &format!("Reason={OURS}{}", self.call.incident)])
                        .await?
                }
            }
        }
        Ok(())
    }

    /// Takes back what we drained and is not doomed any more. `UNDRAIN` and not `RESUME`: a node that was down before stays
    /// down.
    pub(super) async fn undrain(&self) -> Result<(), Halt> {
        let all: Vec<String> = self.commands.target.racks.values().flatten().cloned().collect();
        for node in self.commands.nodes(&all).await? {
            let still = self.call.doomed.is_some() && self.doomed.contains(&node.name);
            if node.drains && node.ours().is_some() && !still {
                self.update(&node, &["State=UNDRAIN"]).await?;
            }
        }
        Ok(())
    }

    /// The probe after it: no node of ours is drained by us any more.
    pub(super) async fn takes_jobs_again(&self) -> Result<HookOutcome, Halt> {
        let all: Vec<String> = self.commands.target.racks.values().flatten().cloned().collect();
        let nodes = self.commands.nodes(&all).await?;
        let drained = nodes.iter().find(|node| node.drains && node.ours().is_some());
        Ok(match drained.filter(|_| !self.is_drill()) {
            None => HookOutcome::Done,
            Some(node) => HookOutcome::Retry {
                cause: format!("{} is drained still", node.name),
            },
        })
    }

    async fn update(&self, node: &Node, what: &[&str]) -> Result<(), Halt> {
        if self.is_drill() {
            tracing::info!(node = node.name, ?what, "drill: it would be updated");
            return Ok(());
        }
        let name = format!("NodeName={}", node.name);
        let arguments = [&["update", name.as_str()], what].concat();
        Ok(self.commands.run("scontrol", &arguments).await.map(drop)?)
    }
}

impl Node {
    /// The incident that we drained it for.
    fn ours(&self) -> Option<&str> {
        self.reason.strip_prefix(OURS)
    }
}

/// n of `{site}-{n}`.
fn number(incident: &str) -> u64 {
    let n = incident.rsplit_once('-').and_then(|(_, n)| n.parse().ok());
    n.unwrap_or_default()
}
