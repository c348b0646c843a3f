//! The state as people are shown it.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    ChannelIx, ChannelView, IncidentView, IntervalView, Millis, OrderView, RunwayView, SourceIx, State, StepView,
    TroubleView, Verb, View, VoteView, WorkloadIx, WorkloadView, ZoneIx, ZoneView, bypass,
    detect::quality,
    plan::{
        Doing, Plan, Stage, rung_of,
        schedule::{self, Slot},
    },
    policy::{Incident, Interval, Pending, Subject, orders::PAIR_WITHIN_MS, runway},
    settle::{describe, fault_in, is_shared},
    step,
};

impl State {
    /// The site at one moment.
    #[must_use]
    pub fn view(&self, now: Millis) -> View {
        let runway = runway::of(&self.site, &self.policy, &self.detect, now);
        View {
            site: self.site.id.clone(),
            now,
            armed: self.policy.armed,
            simulated: self.site.simulated,
            level: self.level(),
            why: self.why(),
            zones: self.zones(),
            votes: self.votes(),
            troubles: self.troubles(),
            runway: RunwayView {
                loss: runway.loss.map(interval),
                cut: runway.cut.map(interval),
            },
            racks: self.racks(now),
            incident: self.policy.incident.as_ref().map(|i| self.incident(i, now)),
            hosts: self.hosts_view(),
            drill: self.drill_view(now),
            last_drill: self.policy.drills.last.as_ref().map(|ended| self.drill_ended(ended)),
            unproven: self.policy.drills.unproven(&self.site).map(String::from).collect(),
            orders: self.orders(now),
            destinations: self.destinations(),
            drifts: self.drifts(),
            channels_good: (self.detect.channels.len() as u32).saturating_sub(self.detect.tally.faulty()),
            channels_total: self.detect.channels.len() as u32,
        }
    }

    /// Every channel at one moment.
    #[must_use]
    pub fn channels(&self, now: Millis) -> Vec<ChannelView> {
        self.channels_from(now, 0, usize::MAX)
    }

    /// At most `most` channels from the index `from` on, at one moment: a large site is shown piece by piece, so that
    /// nothing waits long for it.
    #[must_use]
    pub fn channels_from(&self, now: Millis, from: usize, most: usize) -> Vec<ChannelView> {
        let channels = self.site.channels.iter().zip(&self.detect.channels);
        channels
            .skip(from)
            .take(most)
            .map(|(channel, state)| ChannelView {
                id: channel.id.clone(),
                zone: self.zone_id(channel.zone),
                group: self.group_id(channel.group),
                source: self.site.sources[channel.source.at()].id.clone(),
                quantity: channel.quantity.as_str().into(),
                value: state.value.map(|v| format!("{v}")),
                unit: channel.quantity.unit().as_str().into(),
                quality: quality(state, self.site.simulated).as_str().into(),
                age_ms: state.value.map(|_| now.saturating_sub(state.good_at)),
                alarm: state.in_alarm(),
                watch: state.in_watch(),
            })
            .collect()
    }

    fn zones(&self) -> Vec<ZoneView> {
        let zones = (0u16..).zip(self.site.zones.iter().zip(&self.policy.zones));
        zones
            .map(|(ix, (zone, state))| {
                let (groups_healthy, groups_total) = self.detect.tally.protection(ZoneIx(ix));
                ZoneView {
                    id: zone.id.clone(),
                    level: state.level,
                    why: state.why.clone(),
                    groups_healthy,
                    groups_total,
                }
            })
            .collect()
    }

    fn votes(&self) -> Vec<VoteView> {
        let mut votes: Vec<VoteView> = self
            .policy
            .votes
            .iter()
            .map(|((zone, group), vote)| VoteView {
                zone: self.zone_id(*zone),
                group: self.group_id(*group),
                held: vote.held,
                onset: vote.onset,
                why: vote.why.clone(),
            })
            .collect();
        votes.sort_by_key(|v| v.onset);
        votes
    }

    /// Several channels of one source with the same fault are one line, with how many they are.
    fn troubles(&self) -> Vec<TroubleView> {
        let view = |subject: &str, since: Millis, line: &str| TroubleView {
            subject: subject.into(),
            since,
            line: line.into(),
        };
        let mut all: Vec<TroubleView> = Vec::new();
        all.extend(
            self.policy
                .own
                .iter()
                .map(|(part, (since, line))| view(part, *since, line)),
        );
        let mut alike: BTreeMap<(SourceIx, String), (usize, u32)> = BTreeMap::new();
        for (subject, (since, line)) in &self.policy.troubles {
            let id = self.subject_id(*subject);
            // In the words of now: what was said when it began may be another fault.
            let (source, fault) = match subject {
                Subject::Channel(ix) => (
                    self.site.channels[ix.at()].source,
                    self.fault_now(*ix, fault_in(line, id)),
                ),
                Subject::Source(_) => {
                    all.push(view(id, *since, line));
                    continue;
                }
            };
            let line = format!("{id}: {fault}");
            if !is_shared(&fault) {
                all.push(view(id, *since, &line));
                continue;
            }
            let (at, more) = alike.entry((source, fault)).or_insert((all.len(), 0));
            if *at == all.len() {
                all.push(view(id, *since, &line));
            } else {
                (*more, all[*at].since) = (*more + 1, all[*at].since.min(*since));
            }
        }
        for ((source, _), (at, more)) in alike.into_iter().filter(|(_, (_, more))| *more > 0) {
            let source = &self.site.sources[source.at()].id;
            all[at].line += &format!(", and {more} more of {source}");
        }
        all
    }

    fn fault_now(&self, ix: ChannelIx, said: &str) -> String {
        let unit = self.site.channels[ix.at()].quantity.unit();
        let fault = self.detect.channels[ix.at()].fault;
        fault.map_or_else(|| said.into(), |fault| describe(fault, unit.as_str()))
    }

    fn orders(&self, now: Millis) -> Vec<OrderView> {
        let mut orders: Vec<OrderView> = self.policy.pending.values().map(|first| self.waiting(first)).collect();
        let in_effect = |verb: Verb, until, line: &str| order(verb, until, line.into());
        let cut = self.policy.cut.map(|at| Verb::Cut { at });
        orders.extend(cut.map(|verb| in_effect(verb, None, "the power will be cut, as announced")));
        let hold = self.policy.hold_until.filter(|_| self.policy.holding(now));
        orders.extend(hold.map(|until| in_effect(Verb::Hold, Some(until), "hold: steps not yet begun wait")));
        let abort = self.policy.aborted.then_some(Verb::Abort);
        orders.extend(abort.map(|verb| in_effect(verb, None, "aborted: no further step begins until a new vote")));
        let returning = self.policy.returning.as_ref().map(|by| self.return_line(by));
        orders.extend(returning.map(|line| order(Verb::Return, None, line)));
        orders.extend(self.windows());
        orders.extend(self.bypasses());
        orders
    }

    fn return_line(&self, by: &str) -> String {
        let (home, away) = self.homeward();
        format!("return ordered by {by}: {home} at home, {away} away; one person aborts it")
    }

    /// What one person can still abort.
    fn windows(&self) -> impl Iterator<Item = OrderView> + '_ {
        self.policy.windows.iter().map(|(zone, window)| {
            let line = format!(
                "{} evacuates unless one person aborts: {}",
                self.zone_id(*zone),
                window.why
            );
            order(Verb::Abort, Some(window.until), line)
        })
    }

    fn bypasses(&self) -> impl Iterator<Item = OrderView> + '_ {
        self.policy.bypasses.iter().map(|(target, bypass)| {
            let (what, id) = self.site.part(*target);
            OrderView {
                verb: bypass::verb(what).into(),
                waits: false,
                by: Some(bypass.by.clone()),
                at: None,
                until: Some(bypass.until),
                line: format!(
                    "{}: {}; alarm limits are lower there",
                    bypass::of(what, &id),
                    bypass.reason
                ),
            }
        })
    }

    fn waiting(&self, first: &Pending) -> OrderView {
        let (verb, by) = (first.verb, self.site.principals[first.by.at()].id.clone());
        let line = format!("{} by {by} waits for a second person", verb.as_str());
        OrderView {
            waits: true,
            by: Some(by),
            ..order(verb, Some(first.at + PAIR_WITHIN_MS), line)
        }
    }

    pub(crate) fn incident(&self, incident: &Incident, now: Millis) -> IncidentView {
        let within = now.clamp(-step::FAR, step::FAR);
        let open = incident.closed.is_none();
        let slots = open.then(|| schedule::slots(&self.site, &self.plan, within, &self.plan.scope));
        let slots = slots.unwrap_or_default();
        let latest = schedule::latest(&self.site, &self.plan, &slots, &self.plan.scope);
        let mut planned: Vec<Option<(&Slot, Option<Millis>)>> = alloc::vec![None; self.site.workloads.len()];
        for (slot, latest) in slots.iter().zip(latest) {
            planned[slot.work.at()] = Some((slot, latest));
        }
        IncidentView {
            id: self.incident_id(incident.n),
            opened: incident.opened,
            closed: incident.closed,
            mode: self.plan.book.mode,
            why: incident.why.clone(),
            evacuate_begun: incident.evacuate_begun,
            plan_end: open.then(|| schedule::end_of(&self.plan, within, &slots)).flatten(),
            workloads: self
                .plan
                .queue
                .iter()
                .map(|w| self.workload(*w, planned[w.at()]))
                .collect(),
            steps: steps(&self.plan, &self.site),
        }
    }

    /// One that waits is shown as it is planned now.
    fn workload(&self, ix: WorkloadIx, planned: Option<(&Slot, Option<Millis>)>) -> WorkloadView {
        let (workload, work) = (&self.site.workloads[ix.at()], &self.plan.book.works[ix.at()]);
        let rung = &workload.rungs[usize::from(planned.map_or(work.rung, |(slot, _)| slot.rung))];
        let kind = rung.kind;
        let passed = planned
            .and_then(|(slot, _)| slot.passed)
            .map(|place| self.passed_over(ix, place));
        let state = match work.stage {
            Stage::Waiting => "waiting",
            Stage::Moving => "moving",
            Stage::Verifying => "verifying",
            Stage::Safe if kind == crate::RungKind::Stop => "stopped",
            Stage::Safe => "moved",
            Stage::Stranded => "stranded",
            Stage::Skipped => "skipped",
            Stage::Returning | Stage::Arriving => "returning",
            Stage::Home => "home",
        };
        WorkloadView {
            id: workload.id.clone(),
            tier: workload.tier,
            state: state.into(),
            rung: kind,
            destination: rung.to.clone(),
            latest_start: planned.and_then(|(_, latest)| latest),
            why: passed.unwrap_or_else(|| work.why.clone()),
            safe_at: work.safe_at,
        }
    }
}

/// One in effect.
fn order(verb: Verb, until: Option<Millis>, line: String) -> OrderView {
    let at = match verb {
        Verb::Cut { at } => Some(at),
        _ => None,
    };
    OrderView {
        verb: verb.as_str().into(),
        waits: false,
        by: None,
        at,
        until,
        line,
    }
}

fn steps(plan: &Plan, site: &crate::Site) -> Vec<StepView> {
    let views = plan.book.steps().iter().map(|step| StepView {
        id: step.id.clone(),
        workload: site.workloads[step.work.at()].id.clone(),
        hook: site.hooks[rung_of(site, step.work, step.rung).1.at()].id.clone(),
        phase: step.phase,
        mode: step.mode,
        state: doing(step.doing).into(),
        attempts: step.attempts,
        percent: step.percent,
        begun: step.begun,
        ended: step.ended().map(|(_, at)| at),
        stuck: step.stuck,
        note: step.note.clone(),
    });
    views.collect()
}

fn doing(doing: Doing) -> &'static str {
    match doing {
        Doing::Intent { .. } => "intent",
        Doing::Called { .. } => "called",
        Doing::Accepted { .. } => "running",
        Doing::Backoff { .. } => "retry",
        Doing::Ended { end, .. } => end.as_str(),
    }
}

pub(crate) fn interval(interval: Interval) -> IntervalView {
    IntervalView {
        earliest: interval.earliest,
        likely: interval.likely,
        why: interval.why,
    }
}
