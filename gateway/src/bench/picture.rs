//! The latencies as a picture: one line a chain from its median to its 99.9th percentile, on a logarithmic scale.

use std::fmt::Write as _;

use super::Report;
use super::stats::Quantiles;

/// Pixels.
const WIDTH: f64 = 920.0;
const LEFT: f64 = 430.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 64.0;
const ROW: f64 = 26.0;
/// The scale, in powers of ten of microseconds: 0.1 ms to 10 s.
const DECADES: std::ops::RangeInclusive<i32> = 2..=7;
/// What is ours, and what is not.
const OURS: &str = "#c2410c";
const THEIRS: &str = "#334155";

/// A line of the picture.
struct Line {
    name: String,
    times: Quantiles,
    ours: bool,
}

/// The picture of a report's latencies as SVG.
#[must_use]
pub(super) fn svg(report: &Report) -> String {
    let lines = lines(report);
    let height = TOP + ROW * lines.len() as f64 + 44.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\" fill=\"#111\">Condition raised to webhook received</text>\n\
         <text x=\"16\" y=\"46\" fill=\"#555\">Circle: p50. Bar: p99. Triangle: p99.9. Line to the longest. Logarithmic. {}.</text>\n",
        escaped(&report.machine.date)
    );
    let bottom = TOP + ROW * lines.len() as f64;
    for decade in DECADES {
        let (x, name) = (at(10_u64.pow(decade.unsigned_abs())), tick(decade));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{name}</text>",
            bottom + 20.0
        );
    }
    for (row, line) in lines.iter().enumerate() {
        draw(&mut svg, TOP + ROW * (row as f64 + 0.5), line);
    }
    svg.push_str("</svg>\n");
    svg
}

fn lines(report: &Report) -> Vec<Line> {
    let beside = |readings: usize, per_s: u64| match (per_s, readings) {
        (0, _) => "quiet".to_owned(),
        (per_s, readings) => format!("beside {:.0},000 readings/s by {readings}", per_s as f64 / 1_000.0),
    };
    let ours = report.latency.iter().flat_map(|row| {
        let beside = beside(row.beside_readings_a_message, row.beside_readings_per_s);
        let line = |what: &str, times| Line {
            name: format!("Muster{what}, {beside}"),
            times,
            ours: true,
        };
        [line("", row.total_us), line(" less its commit", row.less_commit_us)]
    });
    let theirs = report.peers.iter().filter_map(|row| {
        let (short, _) = row.settings.split_once([':', ';']).unwrap_or((row.settings, ""));
        let name = row.chain.split_once(':').map_or(row.chain, |(name, _)| name);
        let name = name.trim_start_matches("mosquitto, ");
        let beside = beside(row.beside_readings_a_message, row.beside_readings_per_s);
        let short = if name.contains("curl") {
            String::new()
        } else {
            format!(", {short}")
        };
        Some(Line {
            name: format!("{name}{short}, {beside}"),
            times: row.total_us?,
            ours: false,
        })
    });
    ours.chain(theirs).filter(|line| line.times.n > 0).collect()
}

fn draw(svg: &mut String, y: f64, line: &Line) {
    let (colour, times) = (if line.ours { OURS } else { THEIRS }, &line.times);
    let (middle, longest) = (at(times.p50), at(times.max));
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>\n\
         <line x1=\"{middle:.1}\" y1=\"{y}\" x2=\"{longest:.1}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-opacity=\"0.35\"/>\n\
         <circle cx=\"{middle:.1}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/>",
        LEFT - 16.0,
        y + 4.0,
        escaped(&line.name)
    );
    if let Some(p99) = times.p99().map(at) {
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"14\" fill=\"{colour}\"/>",
            p99 - 2.0,
            y - 7.0
        );
    }
    if let Some(x) = times.p999().map(at) {
        let (left, right, top, base) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.1} {base:.1} L{x:.1} {top:.1} L{right:.1} {base:.1} Z\" fill=\"{colour}\"/>"
        );
    }
}

/// Where a time stands.
fn at(us: u64) -> f64 {
    let (first, last) = (f64::from(*DECADES.start()), f64::from(*DECADES.end()));
    let share = ((us.max(1) as f64).log10() - first) / (last - first);
    LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

fn tick(decade: i32) -> String {
    match decade {
        ..3 => "0.1 ms".into(),
        3..6 => format!("{} ms", 10_u32.pow((decade - 3).unsigned_abs())),
        _ => format!("{} s", 10_u32.pow((decade - 6).unsigned_abs())),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decade_has_its_place_and_its_name() {
        let names: Vec<String> = DECADES.map(tick).collect();
        assert_eq!(names, ["0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert!((at(100) - LEFT).abs() < 0.1 && (at(10_000_000) - (WIDTH - RIGHT)).abs() < 0.1);
        assert!(
            (at(0) - LEFT).abs() < 0.1,
            "what is too short for the scale stands at its edge"
        );
    }

    #[test]
    fn without_figures_there_is_a_scale_all_the_same() {
        let svg = svg(&crate::bench::tests::empty());
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("<circle"));
    }
}
