//! What is done to the gateway, as its inputs.

use muster_core::{ChannelIx, Input, Millis, PrincipalIx, SourceIx, State, Target, Verb, ZoneIx};
use muster_sim::building::Dead;

use crate::event::Act;
use crate::fit::Fit;
use crate::play::Play;
use crate::rules::Rules;

impl Play<'_> {
    /// Does it.
    pub(crate) fn act(&mut self, act: Act) {
        let now = self.now;
        let ms = |s: f64| (s * 1_000.0) as Millis;
        match act {
            Act::Restart => self.restart(),
            Act::SickDisk(lasts_s) => self.peers.disk_well_at = self.peers.disk_well_at.max(now + ms(lasts_s)),
            Act::Bypass(what, lasts_s) => {
                if let Some(target) = target(self.fit, what) {
                    self.bypass(target, now + ms(lasts_s));
                }
            }
            Act::Work(lasts_s) => self.bypass(Target::Zone(ZoneIx(0)), now + ms(lasts_s)),
            Act::Cut(persons, in_s) => self.order(Verb::Cut { at: now + ms(in_s) }, persons),
            Act::Evacuate => self.order(Verb::Evacuate, 2),
            Act::Abort => self.order(Verb::Abort, 2),
            Act::Hold => self.order(Verb::Hold, 1),
        }
    }

    /// The same order by so many persons.
    pub(crate) fn order(&mut self, verb: Verb, persons: u8) {
        for by in 0..u16::from(persons) {
            let by = PrincipalIx(by);
            self.step(self.now, &Input::Order { by, verb, nonce: 0 });
        }
    }

    fn bypass(&mut self, target: Target, until: Millis) {
        let input = Input::Bypass {
            by: PrincipalIx(0),
            target,
            until: Some(until),
            reason: "as drawn".into(),
            nonce: 0,
        };
        self.step(self.now, &input);
    }

    /// Killed, and started again at once: what the disk had taken is all that is left.
    fn restart(&mut self) {
        self.told.reached.extend(self.rules.at_restart());
        if self.peers.untaken.take().is_some() {
            let (rules, known) = (&self.rules, self.journal.len());
            self.journal.retain(|entry| rules.is_stored(entry.seq));
            self.told
                .reached
                .extend((self.journal.len() < known).then_some("restart-loses"));
        }
        self.rules = Rules::folded(&self.journal, &self.fit.site);
        self.state = State::new();
        self.step(self.now, &Input::Config(self.fit.site.clone()));
        self.step(self.now, &Input::Restore(self.journal.clone()));
        self.heard.fill(self.now);
        self.check();
    }
}

fn target(fit: &Fit, what: Dead) -> Option<Target> {
    let source = |id: &str| {
        let at = fit.site.sources.iter().position(|s| s.id == id)?;
        Some(Target::Source(SourceIx(u16::try_from(at).ok()?)))
    };
    match what {
        Dead::Sensor(probe) => {
            let at = fit.probes.iter().position(|p| *p == probe)?;
            Some(Target::Channel(ChannelIx(u32::try_from(at).ok()?)))
        }
        Dead::Node(node) => source(&format!("node-{}", node + 1)),
        Dead::PanelBus => source("panel"),
        Dead::BatteryBus => source("bms"),
        Dead::Broker => None,
    }
}
