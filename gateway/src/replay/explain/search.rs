//! What would have changed the outcome: a bounded list of single changes, each of them played.

use std::ops::ControlFlow;
use std::sync::Arc;

use muster_core::{Channel, ChannelIx, Level, Limit, Millis, State, VoteView, ZoneExplained};
use muster_wire::{Micro, Unit};

use super::course::{held, levels_moved};
use super::{Course, Moment, Stepped, Tape, Twist};
use crate::recorder::ReadError;

/// Channels whose limits are tried, of a zone: the nearest ones.
const NEAREST: usize = 3;
/// Groups whose votes are tried, of a zone.
const GROUPS: usize = 8;
/// A limit is moved in neat steps, at most so many of them.
const STEPS: i64 = 128;
/// When a second vote could have come at the latest is looked for to this.
const FINE_MS: Millis = 1_000;

/// What was asked of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It did not evacuate: what would have made it?
    Evacuate,
    /// Nobody voted, so that no single change evacuates: what would have been the first vote?
    Vote,
    /// It evacuated: what would have prevented it?
    Prevent,
    /// It had evacuated before the tape begins.
    None,
}

/// What can be said of a zone.
#[derive(Clone, Debug)]
pub struct ZoneAnswer {
    /// What was asked.
    pub goal: Goal,
    /// When it evacuated as recorded, be it after the moment.
    pub evacuated: Option<Millis>,
    /// What would have changed the outcome, the smallest change first.
    pub what_ifs: Vec<WhatIf>,
    /// Replays that were made for it.
    pub tried: u32,
    /// There was more to try.
    pub cut_short: bool,
}

/// One change, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// In words of the config.
    pub change: Change,
    /// The same as it was played.
    pub twist: Twist,
    /// When the goal was reached; of a prevented evacuation, when it came after all. None: not at all.
    pub at: Option<Millis>,
    /// It opened an abort window that ends then.
    pub window_until: Option<Millis>,
}

/// One thing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another alarm limit.
    Limit {
        /// Channel.
        channel: String,
        /// Its unit.
        unit: String,
        /// The limit as it is.
        from: Micro,
        /// The one nearest to it that would have done.
        to: Micro,
    },
    /// One sample decides rather than `k` of `n`.
    OneSample {
        /// Channel.
        channel: String,
        /// Its count.
        k: u8,
        /// See `k`.
        n: u8,
    },
    /// One more group votes at the moment.
    OneMore {
        /// Zone.
        zone: String,
        /// Group.
        group: String,
    },
    /// A group never votes.
    Without {
        /// Zone.
        zone: String,
        /// Group.
        group: String,
    },
    /// The second vote comes as late as it can.
    AsLate {
        /// Zone.
        zone: String,
        /// Group.
        group: String,
        /// It would have counted to the end of the tape.
        to_the_end: bool,
    },
}

pub(super) struct Search<'a> {
    tape: &'a Tape<'a>,
    course: &'a Course,
    moment: &'a Moment,
    left: u64,
}

/// One zone at a time.
struct Asked<'z> {
    zone: &'z ZoneExplained,
    ix: usize,
    /// It and the zones it counts with.
    near: Vec<String>,
    answer: ZoneAnswer,
}

impl<'a> Search<'a> {
    pub(super) fn new(tape: &'a Tape<'a>, course: &'a Course, moment: &'a Moment, budget: u64) -> Self {
        Self {
            tape,
            course,
            moment,
            left: budget,
        }
    }

    pub(super) fn answer(&mut self, zone: &ZoneExplained) -> Result<ZoneAnswer, ReadError> {
        let state = &self.moment.state;
        let ix = state
            .site()
            .zones
            .iter()
            .position(|z| z.id == zone.id)
            .unwrap_or_default();
        let evacuated = self.course.evacuated.get(ix).cloned().flatten();
        let mut near = vec![zone.id.clone()];
        near.extend(zone.counts_with.iter().cloned());
        let mut asked = Asked {
            zone,
            ix,
            near,
            answer: ZoneAnswer {
                goal: Goal::None,
                evacuated: evacuated.as_ref().map(|e| e.at),
                what_ifs: Vec::new(),
                tried: 0,
                cut_short: false,
            },
        };
        match evacuated {
            Some(e) if zone.level == Level::Evacuate && e.before => {}
            Some(e) if zone.level == Level::Evacuate => self.prevent(&mut asked, &e.votes)?,
            _ => self.reach(&mut asked)?,
        }
        Ok(asked.answer)
    }

    /// Whether another replay fits; its result if it does.
    fn play(
        &mut self,
        asked: &mut Asked<'_>,
        twist: &Twist,
        until: Millis,
    ) -> Result<Option<Option<Millis>>, ReadError> {
        if self.left == 0 {
            asked.answer.cut_short = true;
            return Ok(None);
        }
        asked.answer.tried += 1;
        let (goal, ix, id) = (asked.answer.goal, asked.ix, asked.zone.id.as_str());
        let (mut found, mut inputs) = (None, 0);
        self.tape.run(twist, until, &mut |stepped| {
            inputs += 1;
            if reached(goal, ix, id, stepped) {
                found = Some(stepped.at);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        self.left = self.left.saturating_sub(inputs);
        Ok(Some(found))
    }

    // --- It evacuated -------------------------------------------------------------------------------------------------

    fn prevent(&mut self, asked: &mut Asked<'_>, votes: &[VoteView]) -> Result<(), ReadError> {
        asked.answer.goal = Goal::Prevent;
        let near: Vec<&VoteView> = votes.iter().filter(|v| asked.near.contains(&v.zone)).collect();
        for vote in near.iter().take(GROUPS) {
            let channels = self.voters(&vote.zone, &vote.group);
            let twist = Twist::without(channels.iter().copied(), self.has_died(vote));
            let Some(at) = self.play(asked, &twist, Millis::MAX)? else {
                return Ok(());
            };
            if asked.answer.evacuated == at {
                continue;
            }
            let (zone, group) = (vote.zone.clone(), vote.group.clone());
            asked.answer.what_ifs.push(WhatIf {
                change: Change::Without { zone, group },
                twist: twist.clone(),
                at,
                window_until: None,
            });
            let newest = near.iter().all(|other| other.onset <= vote.onset);
            if at.is_none() && newest && near.len() > 1 {
                self.as_late(asked, vote, &twist, &channels)?;
            }
        }
        // What prevents it says more than what delays it.
        asked
            .answer
            .what_ifs
            .sort_by_key(|w| (matches!(w.change, Change::AsLate { .. }), w.at.is_some()));
        Ok(())
    }

    /// How late the newest vote could have come and still have been the second one.
    fn as_late(
        &mut self,
        asked: &mut Asked<'_>,
        vote: &VoteView,
        without: &Twist,
        channels: &[ChannelIx],
    ) -> Result<(), ReadError> {
        let (Some(channel), Some(begun)) = (channels.first(), asked.answer.evacuated) else {
            return Ok(());
        };
        let end = self.tape.span().1;
        let twist = |at| without.clone().and_alarm(at, *channel);
        let (mut good, mut bad) = (begun, end.saturating_add(FINE_MS));
        let mut next = end;
        let mut came = None;
        while bad - good > FINE_MS {
            let Some(at) = self.play(asked, &twist(next), Millis::MAX)? else {
                return Ok(());
            };
            match at {
                Some(_) => (good, came) = (next, at),
                None => bad = next,
            }
            next = good.midpoint(bad);
        }
        if came.is_some() {
            let (zone, group) = (vote.zone.clone(), vote.group.clone());
            asked.answer.what_ifs.push(WhatIf {
                change: Change::AsLate {
                    zone,
                    group,
                    to_the_end: good == end,
                },
                twist: twist(good),
                at: came,
                window_until: None,
            });
        }
        Ok(())
    }

    /// It was cast because a channel died.
    fn has_died(&self, vote: &VoteView) -> bool {
        let view = self.moment.state.explain(0);
        let zone = view.zones.into_iter().find(|z| z.id == vote.zone);
        let group = zone.and_then(|z| z.groups.into_iter().find(|g| g.id == vote.group));
        group.and_then(|g| g.vote).is_some_and(|v| v.died)
    }

    // --- It did not ---------------------------------------------------------------------------------------------------

    fn reach(&mut self, asked: &mut Asked<'_>) -> Result<(), ReadError> {
        let view = self.moment.state.explain(self.moment.at);
        let near = |id: &String| asked.near.contains(id);
        let voted: Vec<String> = view
            .zones
            .iter()
            .filter(|z| near(&z.id))
            .flat_map(|z| z.groups.iter().filter(|g| g.vote.is_some()).map(|g| g.id.clone()))
            .collect();
        let alone = view.single_group && voted.is_empty();
        asked.answer.goal = if voted.is_empty() && !alone {
            Goal::Vote
        } else {
            Goal::Evacuate
        };
        if asked.answer.goal == Goal::Evacuate {
            self.one_more(asked, &view.zones, &voted);
        }
        let candidates = self.candidates(asked, &voted);
        for (ix, channel) in candidates {
            self.one_sample(asked, ix, &channel)?;
            self.limit(asked, ix, &channel)?;
        }
        asked.answer.what_ifs.sort_by_key(size);
        Ok(())
    }

    /// From the very state of the moment: nothing before it changes.
    fn one_more(&mut self, asked: &mut Asked<'_>, zones: &[ZoneExplained], voted: &[String]) {
        let at = self.moment.at;
        let here = zones.iter().filter(|z| asked.near.contains(&z.id));
        let groups = here.flat_map(|z| z.groups.iter().map(move |g| (z, g)));
        let able: Vec<_> = groups.filter(|(_, g)| g.can_vote && !voted.contains(&g.id)).collect();
        for (zone, group) in able.into_iter().take(GROUPS) {
            let channel = group.channels.iter().find(|c| c.cannot.is_none());
            let Some(channel) = channel.and_then(|c| self.ix(&c.id)) else {
                continue;
            };
            asked.answer.tried += 1;
            let twist = Twist::default().and_alarm(at, channel);
            let mut state = self.moment.state.clone();
            for (at, input) in twist.given(&Arc::new(state.site().clone())) {
                muster_core::step(&mut state, at, &input, &mut Vec::new());
            }
            let after = state.explain(at).zones.into_iter().nth(asked.ix);
            let window_until = after.as_ref().and_then(|z| z.window_until);
            let evacuates = after.is_some_and(|z| z.level == Level::Evacuate);
            if evacuates || window_until.is_some() && asked.zone.window_until.is_none() {
                asked.answer.what_ifs.push(WhatIf {
                    change: Change::OneMore {
                        zone: zone.id.clone(),
                        group: group.id.clone(),
                    },
                    twist,
                    at: evacuates.then_some(at),
                    window_until: window_until.filter(|_| !evacuates),
                });
            }
        }
    }

    /// Channels that could have been the vote that was missing, the nearest to their limits first.
    fn candidates(&self, asked: &Asked<'_>, voted: &[String]) -> Vec<(ChannelIx, Channel)> {
        let site = self.moment.state.site();
        let mut all: Vec<(i64, ChannelIx)> = Vec::new();
        for (ix, channel) in (0u32..).map(ChannelIx).zip(&site.channels) {
            let zone = &site.zones[channel.zone.at()].id;
            let counts = match asked.answer.goal {
                Goal::Vote => *zone == asked.zone.id,
                _ => asked.near.contains(zone),
            };
            if !counts || voted.contains(&site.groups[channel.group.at()].id) {
                continue;
            }
            all.extend(self.shortfall(ix, channel).map(|short| (short, ix)));
        }
        all.sort();
        let nearest = all.into_iter().take(NEAREST);
        nearest.map(|(_, ix)| (ix, site.channels[ix.at()].clone())).collect()
    }

    /// How much of the way from the lowest sensible limit to its limit its extreme was short of, in thousandths.
    fn shortfall(&self, ix: ChannelIx, channel: &Channel) -> Option<i64> {
        let (limit, extreme) = (channel.alarm?, self.extreme(ix, channel)?);
        let way = limit.set.0.abs_diff(lowest(channel, limit).0).max(1);
        let short = if limit.above {
            limit.set.0.saturating_sub(extreme.0)
        } else {
            extreme.0.saturating_sub(limit.set.0)
        };
        let part = i128::from(short.max(0)) * 1_000 / i128::from(way);
        (part < 1_000).then_some(i64::try_from(part).ok()?)
    }

    fn extreme(&self, ix: ChannelIx, channel: &Channel) -> Option<Micro> {
        let peak = self.moment.peaks.get(&ix.0)?;
        Some(if channel.alarm?.above { peak.high } else { peak.low })
    }

    fn one_sample(&mut self, asked: &mut Asked<'_>, ix: ChannelIx, channel: &Channel) -> Result<(), ReadError> {
        if channel.k <= 1 || self.shortfall(ix, channel) != Some(0) {
            return Ok(());
        }
        let twist = Twist::one_sample(ix);
        let at = self.play(asked, &twist, self.moment.at)?.flatten();
        if at.is_some() {
            asked.answer.what_ifs.push(WhatIf {
                change: Change::OneSample {
                    channel: channel.id.clone(),
                    k: channel.k,
                    n: channel.n,
                },
                twist,
                at,
                window_until: None,
            });
        }
        Ok(())
    }

    /// The limit nearest to the one there is that would have done, on a grid of neat steps.
    fn limit(&mut self, asked: &mut Asked<'_>, ix: ChannelIx, channel: &Channel) -> Result<(), ReadError> {
        let Some(limit) = channel.alarm.filter(|_| channel.quantity.unit() != Unit::Contact) else {
            return Ok(());
        };
        let way = i64::try_from(limit.set.0.abs_diff(lowest(channel, limit).0)).unwrap_or(i64::MAX);
        let step = neat(way / STEPS);
        let set = |steps: i64| {
            Micro(if limit.above {
                limit.set.0 - steps * step
            } else {
                limit.set.0 + steps * step
            })
        };
        let (mut bad, mut good) = (0, way / step);
        let mut found = None;
        let mut next = good;
        while good > bad {
            let twist = Twist::limit(ix, set(next));
            let Some(at) = self.play(asked, &twist, self.moment.at)? else {
                break;
            };
            match at {
                Some(at) => (good, found) = (next, Some((twist, at, set(next)))),
                None if found.is_none() => return Ok(()),
                None => bad = next,
            }
            if good - bad <= 1 {
                break;
            }
            next = good.midpoint(bad);
        }
        if let Some((twist, at, to)) = found {
            asked.answer.what_ifs.push(WhatIf {
                change: Change::Limit {
                    channel: channel.id.clone(),
                    unit: channel.quantity.unit().as_str().into(),
                    from: limit.set,
                    to,
                },
                twist,
                at: Some(at),
                window_until: None,
            });
        }
        Ok(())
    }

    fn voters(&self, zone: &str, group: &str) -> Vec<ChannelIx> {
        let site = self.moment.state.site();
        let all = (0u32..).map(ChannelIx).zip(&site.channels);
        let theirs = all.filter(|(_, c)| {
            c.alarm.is_some() && site.zones[c.zone.at()].id == zone && site.groups[c.group.at()].id == group
        });
        theirs.map(|(ix, _)| ix).collect()
    }

    fn ix(&self, id: &str) -> Option<ChannelIx> {
        let at = self.moment.state.site().channels.iter().position(|c| c.id == id)?;
        u32::try_from(at).ok().map(ChannelIx)
    }
}

fn reached(goal: Goal, ix: usize, zone: &str, stepped: &Stepped<'_>) -> bool {
    match goal {
        Goal::Vote => stepped.effects.iter().filter_map(held).any(|(z, ..)| z == zone),
        Goal::Evacuate | Goal::Prevent => levels_moved(stepped.effects) && evacuates(stepped.state, ix),
        Goal::None => false,
    }
}

fn evacuates(state: &State, zone: usize) -> bool {
    state.zone_levels().nth(zone) == Some(Level::Evacuate)
}

/// No limit is sought below where the channel only watches, or where it clears if it does not.
fn lowest(channel: &Channel, limit: Limit) -> Micro {
    let watch = channel.watch.filter(|w| w.above == limit.above);
    watch.map_or(limit.clear, |w| w.set)
}

/// The next 1, 2 or 5 with zeros.
fn neat(least: i64) -> i64 {
    let mut step = 1;
    while step < least {
        let leading = step.to_string().starts_with('2');
        step = if leading { step / 2 * 5 } else { step * 2 };
    }
    step
}

/// One vote more is what happens; a limit is what somebody sets: the smaller the move, the better.
fn size(what_if: &WhatIf) -> i64 {
    match &what_if.change {
        Change::Limit { from, to, .. } => {
            let part = i128::from(from.0.abs_diff(to.0)) * 1_000 / i128::from(from.0.unsigned_abs().max(1));
            i64::try_from(part).unwrap_or(i64::MAX)
        }
        Change::OneSample { .. } => -1,
        Change::OneMore { .. } | Change::Without { .. } | Change::AsLate { .. } => i64::MAX,
    }
}
