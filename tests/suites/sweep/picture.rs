//! The table as a picture: to the right false evacuations, upwards missed fires; the choice one wants is at the lower left.

use std::fmt::Write as _;

use crate::table::Row;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 240.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 70.0;
const COLOURS: [&str; 3] = ["#1b6ca8", "#c2571a", "#4a7c2c"];

/// Both scales go by the logarithm of one more, so that none has a place of its own at the corner.
fn place(value: f64, most: f64) -> f64 {
    libm::log(1.0 + value) / libm::log(1.0 + most)
}

fn x(row: &Row) -> f64 {
    LEFT + place(row.false_a_century(), 3_000.0) * (WIDTH - LEFT - RIGHT)
}

fn y(row: &Row) -> f64 {
    HEIGHT - BOTTOM - place(row.missed_percent(), 100.0) * (HEIGHT - TOP - BOTTOM)
}

/// An SVG file.
pub(crate) fn svg(rows: &[Row]) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LEFT}" y="26" font-size="17" font-weight="bold">Missed fires against false evacuations</text>
<text x="{LEFT}" y="45" fill="#555">down and left is better; filled: two votes needed, hollow: one; number: limits against the defaults</text>
"##
    );
    axes(&mut svg);
    let mut rooms: Vec<&str> = rows.iter().map(|row| row.room).collect();
    rooms.dedup();
    for (room, colour) in rooms.iter().zip(COLOURS) {
        for row in rows.iter().filter(|row| row.room == *room) {
            mark(&mut svg, row, colour);
        }
    }
    for (ix, (room, colour)) in rooms.iter().zip(COLOURS).enumerate() {
        let (cx, cy) = (WIDTH - RIGHT + 30.0, TOP + 20.0 + 24.0 * ix as f64);
        let _ = writeln!(
            svg,
            r#"<circle cx="{cx}" cy="{cy}" r="7" fill="{colour}"/><text x="{}" y="{}">{room}</text>"#,
            cx + 14.0,
            cy + 5.0
        );
    }
    svg + "</svg>\n"
}

fn axes(svg: &mut String) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in [0.0, 1.0, 10.0, 100.0, 1_000.0] {
        let at = LEFT + place(tick, 3_000.0) * (right - LEFT);
        let _ = writeln!(
            svg,
            r##"<path d="M{at:.1} {TOP}V{bottom}" stroke="#ddd"/><text x="{at:.1}" y="{}" text-anchor="middle">{tick}</text>"##,
            bottom + 18.0
        );
    }
    for tick in [0.0, 1.0, 3.0, 10.0, 30.0, 100.0] {
        let at = bottom - place(tick, 100.0) * (bottom - TOP);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{tick}</text>"##,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{}" text-anchor="middle">false evacuations of a site in 100 years</text>"#,
        f64::midpoint(LEFT, right),
        bottom + 44.0
    );
    let _ = writeln!(
        svg,
        r#"<text transform="translate(24 {:.1}) rotate(-90)" text-anchor="middle">missed, of 100 fires</text>"#,
        f64::midpoint(TOP, bottom)
    );
}

fn mark(svg: &mut String, row: &Row, colour: &str) {
    let lead_min = row.fires.all.lead_s(50).unwrap_or(0.0) / 60.0;
    let (radius, fill) = (4.0 + lead_min / 5.0, if row.votes == 2 { colour } else { "none" });
    let times = match row.limits {
        "half" => "½",
        "double" => "2",
        _ => "1",
    };
    let title = format!(
        "{}, {} votes, {} limits: {:.1} false a century, {:.1} of 100 missed, lead {lead_min:.1} min",
        row.room,
        row.votes,
        row.limits,
        row.false_a_century(),
        row.missed_percent()
    );
    let (x, y) = (x(row), y(row));
    let _ = writeln!(
        svg,
        r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{fill}" fill-opacity="0.6" stroke="{colour}" stroke-width="2"><title>{title}</title></circle><text x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="11">{times}</text>"#,
        y - radius - 3.0
    );
}
