//! A core and a recorder, without anything around them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_core::{ChannelIx, Input, Millis, Site, State};
use muster_wire::Micro;

use super::super::{Bounds, Moment, Piece, Place, Report, Segment, Tape, read, segments_in, start};
use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::counters::Counters;

pub(super) const SITE: &str = include_str!("../../../examples/pangyo-recommended.toml");

/// The channel of an id in that config.
pub(super) fn channel(site: &Site, id: &str) -> u32 {
    let at = site.channels.iter().position(|c| c.id == id).unwrap();
    u32::try_from(at).unwrap()
}

pub(super) fn site() -> Site {
    Site::clone(&config::parse(SITE, Path::new("site.toml")).unwrap().0.site)
}

/// A site of very many channels, to flood.
pub(super) fn wide(channels: u32) -> Site {
    let mut site = site();
    let model = site.channels[channel(&site, "node-1.smoke") as usize].clone();
    site.channels = (0..channels)
        .map(|i| muster_core::Channel {
            id: format!("c{i}"),
            ..model.clone()
        })
        .collect();
    site
}

pub(super) struct Rig {
    pub(super) folder: PathBuf,
    pub(super) state: State,
    pub(super) now: Millis,
    clock: Clock,
    tape: Tape,
}

impl Rig {
    pub(super) fn start(folder: &Path, site: Site, bounds: Bounds) -> Self {
        Self::start_at(folder, site, bounds, 0, Box::new(|trouble| panic!("{trouble:?}")))
    }

    pub(super) fn start_at(folder: &Path, site: Site, bounds: Bounds, now: Millis, report: Report) -> Self {
        let place = Place {
            folder: folder.to_owned(),
            site: "s".into(),
        };
        let clock = Clock::starting_at(now);
        let tape = start(place, bounds, clock.clone(), Counters::default(), report).unwrap();
        let mut rig = Self {
            folder: folder.to_owned(),
            state: State::new(),
            now,
            clock,
            tape,
        };
        rig.tape.begin(&rig.state);
        rig.input(&Input::Config(Arc::new(site)));
        rig.input(&Input::Restore(Vec::new()));
        rig
    }

    pub(super) fn input(&mut self, input: &Input) {
        let mut effects = Vec::new();
        muster_core::step(&mut self.state, self.now, input, &mut effects);
        self.tape.take(self.now, input, &effects);
    }

    /// Engine time goes on.
    pub(super) fn pass(&mut self, ms: Millis) {
        self.now += ms;
        self.clock.advance_ms(ms);
    }

    pub(super) fn hand_over(&mut self) -> Option<Input> {
        self.tape.hand_over(&self.state)
    }

    pub(super) fn read(&mut self, channel: u32, units: i64) {
        self.input(&reading(channel, units));
    }

    /// Two groups vote: an incident with hooks.
    pub(super) fn fire(&mut self) {
        let site = self.state.site();
        let (smoke, alarm) = (channel(site, "node-1.smoke"), channel(site, "fire-panel.fire_alarm"));
        for _ in 0..3 {
            self.read(smoke, 50);
            self.read(alarm, 1);
            self.pass(100);
        }
        self.hand_over();
    }

    /// Lets the thread write what waits.
    pub(super) fn catch_up(&self) {
        let since = Stopwatch::start();
        while self.tape.waiting() > 64 << 10 {
            assert!(since.elapsed() < std::time::Duration::from_secs(30));
            std::thread::yield_now();
        }
    }

    /// Everything good and clear for longer than half an hour, then two persons, and another half an hour.
    pub(super) fn reset(&mut self) {
        let channels = u32::try_from(self.state.site().channels.len()).unwrap();
        for turn in 0..=400 {
            self.pass(10_000);
            for channel in 0..channels {
                self.read(channel, 0);
            }
            if turn == 200 {
                for by in [0, 1] {
                    let (by, verb) = (muster_core::PrincipalIx(by), muster_core::Verb::Reset);
                    self.input(&Input::Order { by, verb, nonce: 0 });
                }
                assert!(self.state.level() < muster_core::Level::Prepare);
            }
            self.hand_over();
            self.catch_up();
        }
    }

    pub(super) fn stop(mut self) -> Vec<PathBuf> {
        self.hand_over();
        self.tape.stop();
        segments_in(&self.folder).unwrap()
    }
}

pub(super) fn reading(channel: u32, units: i64) -> Input {
    Input::Reading {
        channel: ChannelIx(channel),
        value: Ok(Micro(units * 1_000_000)),
        simulated: true,
        age_ms: 40,
    }
}

/// Everything a segment holds, and whether it ended in a tear.
pub(super) fn moments(path: &Path) -> (Vec<Moment>, bool) {
    all_of(read(path).unwrap())
}

/// As [`moments`], of a segment that was read.
pub(super) fn all_of(mut segment: Segment) -> (Vec<Moment>, bool) {
    let (mut all, mut torn) = (Vec::new(), false);
    while let Some(piece) = segment.next_piece() {
        match piece {
            Piece::Batch(batch) => all.extend(batch.moments),
            Piece::Tear(_) => torn = true,
        }
    }
    (all, torn)
}
