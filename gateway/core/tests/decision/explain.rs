//! What the levels rest on, as it is read out of a state.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]
use core::num::NonZeroU64;

use crate::stand::{ANN, MINUTE, SECOND, Stand, site, units};
use muster_core::{ChannelExplained, ChannelIx, GroupExplained, Input, Level, SourceIx, Target};
use muster_wire::Absence;

fn group(stand: &Stand, channel: usize) -> GroupExplained {
    let site = stand.state.site();
    let (zone, group) = (site.channels[channel].zone, site.channels[channel].group);
    let view = stand.state.explain(stand.now);
    let mut groups = view.zones[zone.at()].groups.iter();
    groups.find(|g| g.id == site.groups[group.at()].id).unwrap().clone()
}

fn channel(stand: &Stand, channel: usize) -> ChannelExplained {
    let id = &stand.state.site().channels[channel].id;
    group(stand, channel)
        .channels
        .into_iter()
        .find(|c| c.id == *id)
        .unwrap()
}

/// Everything in the room is well, and was heard.
fn stand() -> Stand {
    let mut s = site();
    s.channels[0].checks.rise = NonZeroU64::new(2_000_000);
    let mut stand = Stand::new(s);
    for channel in 0..stand.state.site().channels.len() as u32 {
        stand.sample(channel, Ok(units(0)));
    }
    stand
}

#[test]
fn a_channel_below_its_limit_says_by_how_much() {
    let mut stand = stand();
    assert!(channel(&stand, 0).cannot.is_none());
    stand.sample(0, Ok(units(7)));
    let c = channel(&stand, 0);
    assert_eq!(
        (c.value, c.short, c.beyond, c.k, c.n),
        (Some(units(7)), Some(units(3)), 0, 2, 3)
    );
    assert_eq!(c.rise.map(|r| (r.now, r.limit)), Some((None, units(2))));
    assert!(!c.alarm && !c.lowered && group(&stand, 0).can_vote);
    stand.sample(0, Ok(units(12)));
    let c = channel(&stand, 0);
    assert_eq!((c.short, c.beyond, c.alarm), (Some(units(-2)), 1, false));
    assert_eq!(group(&stand, 0).vote, None);
    stand.sample(0, Ok(units(12)));
    let g = group(&stand, 0);
    let vote = g.vote.unwrap();
    assert!(vote.held && !vote.died && vote.returns_at.is_none() && vote.onset == stand.now);
    assert!(g.channels[0].alarm && vote.why.starts_with(&g.channels[0].id));
}

#[test]
fn a_zone_names_those_beside_it_and_its_own_channels_alone() {
    let view = stand().state.explain(0);
    let of = |zone: usize| {
        (
            view.zones[zone].counts_with.clone(),
            view.zones[zone].without_limit.clone(),
        )
    };
    assert_eq!(of(0), (vec!["b".into()], vec!["ob".into(), "rt".into()]));
    assert_eq!(of(2), (vec![], vec![]));
    assert!(!channel(&stand(), 0).contact);
    let mut s = site();
    s.channels[0].quantity = muster_wire::Quantity::FireAlarm;
    assert!(channel(&Stand::new(s), 0).contact);
}

#[test]
fn what_cannot_vote_says_why_and_since_when() {
    let mut stand = stand();
    let since = stand.now;
    stand.sample(0, Err(Absence::Open));
    stand.wait(SECOND);
    let cannot = channel(&stand, 0).cannot.unwrap();
    assert_eq!((cannot.kind.as_str(), cannot.since), ("fault", since));
    assert!(cannot.line.contains("open"));
    let source = stand.state.site().channels[1].source;
    assert!(channel(&stand, 1).cannot.is_none());
    stand.input(&Input::Lost {
        source: SourceIx(source.0),
        why: "cut".into(),
    });
    assert_eq!(channel(&stand, 1).cannot.unwrap().kind, "fault");
    assert!(!group(&stand, 1).can_vote);
}

#[test]
fn a_bypass_says_who_and_the_room_beside_it_has_lower_limits() {
    let mut s = site();
    // A third group, so that one may be bypassed.
    let mut third = s.channels[1].clone();
    third.id = "third".into();
    third.group = muster_core::GroupIx(s.groups.len() as u16);
    s.groups.push(muster_core::Group { id: "third".into() });
    third.zone = s.channels[0].zone;
    s.channels.push(third);
    let mut stand = Stand::new(s);
    for channel in 0..stand.state.site().channels.len() as u32 {
        stand.sample(channel, Ok(units(0)));
    }
    let since = stand.now;
    stand.input(&Input::Bypass {
        by: ANN,
        target: Target::Channel(ChannelIx(0)),
        until: Some(since + 30 * MINUTE),
        reason: "being cleaned".into(),
        nonce: 1,
    });
    let cannot = channel(&stand, 0).cannot.unwrap();
    assert_eq!((cannot.kind.as_str(), cannot.since), ("bypass", since));
    assert!(cannot.line.contains("being cleaned"), "{}", cannot.line);
    let last = stand.state.site().channels.len() - 1;
    assert!(channel(&stand, last).lowered);
    assert!(!channel(&stand, 4).lowered, "nobody is at work there");
}

#[test]
fn looking_changes_nothing_and_levels_agree() {
    let mut stand = stand();
    for _ in 0..2 {
        stand.sample(0, Ok(units(12)));
    }
    let before = stand.state.digest();
    let view = stand.state.explain(stand.now);
    assert_eq!(stand.state.digest(), before);
    assert_eq!((view.level, &view.why), (stand.state.level(), &stand.state.why()));
    let levels: Vec<Level> = stand.state.zone_levels().collect();
    assert_eq!(levels, view.zones.iter().map(|z| z.level).collect::<Vec<_>>());
    assert!(
        view.zones
            .iter()
            .all(|z| z.groups.iter().all(|g| g.vote.is_some() || !g.channels.is_empty()))
    );
}
