//! Another config, between two inputs: everything the engine has of the old one changes at once or not at all.

use std::sync::Arc;

use muster_core::{Input, PrincipalIx, Site};
use tokio::sync::oneshot;

use super::Engine;
use crate::counters::Cause;
use crate::epoch::{Epoch, Translation};
use crate::hooks::Hook;

/// Another config, as far as the engine has to do with it; all that can fail has been done before.
#[derive(Debug)]
pub struct Reload {
    /// What the decision needs.
    pub site: Arc<Site>,
    /// Whom the runner calls, by the index of `site.hooks`.
    pub hooks: Vec<Arc<Hook>>,
    /// Its indices from here on.
    pub epoch: Epoch,
    /// From the indices before it.
    pub translation: Translation,
    /// Gets why it was refused, or that it is in force.
    pub answer: oneshot::Sender<Result<(), String>>,
}

impl Engine {
    pub(super) fn reload(&mut self, reload: Reload) {
        let Reload {
            site,
            hooks,
            epoch,
            translation,
            answer,
        } = reload;
        let refused = self.state.refuses(&site);
        if refused.is_none() {
            // Before the step: what it calls is called by the new indices.
            self.parts.runner.call_by(hooks);
            self.epochs.advance(epoch, translation);
            self.step(&Input::Config(site));
            self.show();
        }
        // A gateway that stops meanwhile does not wait for it.
        let _ = answer.send(refused.map_or(Ok(()), Err));
    }

    /// Under the config in force; what has no place there is counted, never put in another's.
    pub(super) fn translate(&self, epoch: &Epoch, input: Input) -> Option<Input> {
        let translated = self.epochs.translate(epoch, input);
        if translated.is_none() {
            let what = "what it says belongs to another config";
            self.parts.counters.count(Cause::Reloaded, "engine", &what);
        }
        translated
    }

    /// Somebody whom a reload has taken out meanwhile is nobody; the core refuses him.
    pub(super) fn person(&self, id: &str) -> PrincipalIx {
        let at = self.state.site().principals.iter().position(|p| p.id == id);
        PrincipalIx(at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX))
    }
}
