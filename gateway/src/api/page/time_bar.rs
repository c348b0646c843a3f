//! Both clocks and the plan on one line of time. The scale is logarithmic and labelled: minutes matter near now, and hours
//! have to fit beside them.

use maud::{Markup, html};
use muster_core::{IntervalView, Millis};

use super::{Moment, span};

const MINUTE: Millis = 60_000;
/// The shortest stretch shown.
const SHORTEST_MS: Millis = 60 * MINUTE;
/// A clock's figure turns red below this.
const SOON_MS: Millis = 10 * MINUTE;
/// Labels, in minutes.
const TICKS: [(Millis, &str); 10] = [
    (1, "1 min"),
    (5, "5"),
    (15, "15"),
    (30, "30"),
    (60, "1 h"),
    (120, "2 h"),
    (240, "4 h"),
    (480, "8 h"),
    (1_440, "1 d"),
    (4_320, "3 d"),
];

/// The stretch of time that is shown, from now on.
struct Scale {
    now: Millis,
    reach_ms: Millis,
}

impl Scale {
    /// As SVG takes it: a share of the width, 0 to 100 %.
    fn at(&self, at: Millis) -> String {
        format!("{:.2}%", self.share(at - self.now) * 100.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn share(&self, left_ms: Millis) -> f64 {
        let minutes = |ms: Millis| (ms.max(0) as f64 / MINUTE as f64).ln_1p();
        (minutes(left_ms) / minutes(self.reach_ms)).clamp(0.0, 1.0)
    }
}

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    let runway = &moment.view.runway;
    let end = moment.view.incident.as_ref().and_then(|i| i.plan_end);
    html! {
        section #clocks data-part="" {
            h2 { "Time left" }
            @if runway.loss.is_none() && runway.cut.is_none() {
                p.none { "No hazard is known: no clock runs." }
            } @else {
                (figures(moment))
                (picture(moment, end))
            }
        }
    }
}

fn figures(moment: &Moment<'_>) -> Markup {
    let runway = &moment.view.runway;
    html! {
        div.figures {
            (figure(moment, "LOSS", "uncontrolled", runway.loss.as_ref()))
            (figure(moment, "CUT", "by order", runway.cut.as_ref()))
        }
    }
}

fn figure(moment: &Moment<'_>, name: &str, hint: &str, interval: Option<&IntervalView>) -> Markup {
    html! {
        div {
            h3 { (name) " " span.dim { (hint) } }
            @if let Some(interval) = interval {
                @let left = interval.earliest - moment.now;
                p.left.soon[left < SOON_MS] { @if left > 0 { (span(left)) } @else { "DUE " small { "for " (span(left)) } } }
                @if interval.earliest == interval.likely {
                    p { "at " b { (moment.day_and_time(interval.earliest)) } }
                } @else {
                    p { "earliest " b { (moment.day_and_time(interval.earliest)) } ", likely " b { (moment.day_and_time(interval.likely)) } }
                }
                p.reason { (interval.why) }
            } @else {
                p.left.dim { "–" }
            }
        }
    }
}

fn picture(moment: &Moment<'_>, end: Option<Millis>) -> Markup {
    let runway = &moment.view.runway;
    let both = [
        ("LOSS: from the line on, likely where bright", &runway.loss),
        ("CUT", &runway.cut),
    ];
    let known: Vec<_> = both
        .into_iter()
        .filter_map(|(n, i)| i.as_ref().map(|i| (n, i)))
        .collect();
    let farthest = known
        .iter()
        .map(|(_, i)| i.likely)
        .chain(end)
        .max()
        .unwrap_or(moment.now);
    let scale = Scale {
        now: moment.now,
        reach_ms: ((farthest - moment.now) / 10 * 11).max(SHORTEST_MS),
    };
    let deadline = known.iter().map(|(_, i)| i.earliest).min();
    let height = 24 + 42 * (known.len() + usize::from(end.is_some()));
    html! {
        svg.times width="100%" height=(height) role="img" aria-label=(said(moment, end, deadline)) {
            (ticks(&scale, height))
            @for (row, (name, interval)) in known.iter().enumerate() { (hazard(&scale, 24 + 42 * row, name, interval)) }
            @if let Some(end) = end { (plan(moment, &scale, 24 + 42 * known.len(), (end, deadline))) }
            line.now x1="1" x2="1" y1="14" y2=(height) {}
        }
    }
}

fn ticks(scale: &Scale, height: usize) -> Markup {
    let shown = TICKS.iter().filter(|(minutes, _)| minutes * MINUTE < scale.reach_ms);
    html! {
        text.tick x="0" y="11" { "now" }
        @for (minutes, label) in shown {
            @let x = scale.at(scale.now + minutes * MINUTE);
            line.tick x1=(x) x2=(x) y1="14" y2=(height) {}
            text class=(if *minutes == 1 { "tick first" } else { "tick" }) x=(x) y="11" text-anchor="middle" { (label) }
        }
    }
}

/// From the earliest on it may happen, from the likely time on it probably has.
fn hazard(scale: &Scale, y: usize, name: &str, interval: &IntervalView) -> Markup {
    let (earliest, likely) = (scale.at(interval.earliest), scale.at(interval.likely));
    html! {
        rect.may x=(earliest) y=(y + 16) width="100%" height="18" {}
        rect.will x=(likely) y=(y + 16) width="100%" height="18" {}
        line.edge x1=(earliest) x2=(earliest) y1=(y + 12) y2=(y + 38) {}
        text.name x="6" y=(y + 12) { (name) }
    }
}

fn plan(moment: &Moment<'_>, scale: &Scale, y: usize, (end, deadline): (Millis, Option<Millis>)) -> Markup {
    let late = deadline.is_some_and(|deadline| end > deadline);
    html! {
        rect class=(if late { "plan late" } else { "plan" }) x="0" y=(y + 16) width=(scale.at(end)) height="18" {}
        text.name x="6" y=(y + 12) { (verdict(moment, end, late)) }
    }
}

fn verdict(moment: &Moment<'_>, end: Millis, late: bool) -> String {
    let until = moment.time(end);
    let waits = moment
        .view
        .incident
        .as_ref()
        .is_some_and(|i| i.evacuate_begun.is_none());
    let begun = if waits { ", if it began now" } else { "" };
    if late {
        format!("PLAN{begun}: TOO LATE: moved by {until}, after the earliest end of power")
    } else {
        format!("PLAN{begun}: fits: all moved by {until}")
    }
}

/// The picture in words, for those who cannot see it.
fn said(moment: &Moment<'_>, end: Option<Millis>, deadline: Option<Millis>) -> String {
    let time = |at: Option<Millis>| at.map_or("unknown".to_owned(), |at| moment.time(at));
    format!("Power may end at {}; the plan ends at {}", time(deadline), time(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_rise_with_time_and_stay_inside() {
        let scale = Scale {
            now: 1_000,
            reach_ms: 180 * MINUTE,
        };
        let places = [-5, 0, 1, 8, 60, 180, 999].map(|m| scale.share(m * MINUTE));
        assert!(places.is_sorted(), "{places:?}");
        assert!(places[0] == 0.0 && places[5] == 1.0 && places[6] == 1.0);
        assert_eq!(scale.at(1_000), "0.00%");
    }
}
