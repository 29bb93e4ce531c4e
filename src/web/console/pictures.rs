//! Pictures as SVG, made here: no script, no style of their own. Each stands beside a table that says
//! the same, so it is hidden from whoever can't see it.

use std::fmt::Write;

/// A part of a whole: its name, how many, its tint.
pub struct Share {
    pub name: String,
    pub count: u64,
    pub tint: &'static str,
}

/// A line over time: points as (milliseconds, hundredths).
pub struct Line {
    pub points: Vec<(i64, f64)>,
}

/// Text that is safe inside SVG.
fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A bar of `percent`.
pub fn bar(percent: u64, tint: &str) -> String {
    let width = percent.min(100);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"fill-none\" width=\"100\" height=\"8\" rx=\"2\"/><rect class=\"fill-{tint}\" width=\"{width}\" \
         height=\"8\" rx=\"2\"/></svg>"
    )
}

/// Parts of a whole side by side, as wide as they are many.
pub fn depths(shares: &[Share]) -> String {
    let all: u64 = shares.iter().map(|share| share.count).sum();
    let mut svg = String::from(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"fill-none\" width=\"100\" height=\"8\" rx=\"2\"/>",
    );
    let mut at = 0.0;
    for share in shares.iter().filter(|share| share.count > 0) {
        let width = share.count as f64 * 100.0 / all as f64;
        let _ = write!(
            svg,
            "<rect class=\"fill-{}\" x=\"{at:.2}\" width=\"{width:.2}\" height=\"8\"/>",
            share.tint
        );
        at += width;
    }
    svg + "</svg>"
}

const WIDTH: f64 = 720.0;
/// Height of all bands together, the room between two, and the least room that a band's name needs.
const BANDS: f64 = 220.0;
const GAP: f64 = 8.0;
const LEAST: f64 = 18.0;

/// From one whole on the left to its parts on the right: a band each, as thick as it is many.
pub fn flow(whole: &str, count: u64, shares: &[Share]) -> String {
    let shares: Vec<&Share> = shares.iter().filter(|share| share.count > 0).collect();
    let total = shares.iter().map(|share| share.count).sum::<u64>().max(1) as f64;
    let rooms: Vec<f64> =
        shares.iter().map(|share| (share.count as f64 * BANDS / total).max(LEAST)).collect();
    let height = (rooms.iter().sum::<f64>() + GAP * shares.len().saturating_sub(1) as f64).max(60.0);
    let left = (height - BANDS).max(0.0) / 2.0;
    let trunk = BANDS.min(height);
    let mut svg = format!(
        "<svg class=\"picture\" viewBox=\"0 0 {WIDTH} {height:.0}\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"fill-ink\" x=\"0\" y=\"{left:.1}\" width=\"16\" height=\"{trunk:.1}\"/>\
         <text x=\"26\" y=\"{:.1}\" class=\"name\">{} {count}</text>",
        height / 2.0 + 5.0,
        safe(whole)
    );
    let (mut from, mut to) = (left, 0.0);
    for (share, room) in shares.iter().zip(&rooms) {
        let thick = share.count as f64 * trunk / total;
        let (middle, end) = (300.0, WIDTH - 250.0);
        let _ = write!(
            svg,
            "<path class=\"band fill-{tint}\" d=\"M16 {from:.1} C{middle} {from:.1} {middle} {to:.1} {end} {to:.1} \
             L{end} {lower:.1} C{middle} {lower:.1} {middle} {under:.1} 16 {under:.1} Z\"/>\
             <rect class=\"fill-{tint}\" x=\"{end}\" y=\"{to:.1}\" width=\"10\" height=\"{room:.1}\"/>\
             <text x=\"{name_at}\" y=\"{line:.1}\" class=\"name\">{count} {name}</text>",
            tint = share.tint,
            lower = to + room,
            under = from + thick,
            name_at = end + 18.0,
            line = to + room / 2.0 + 5.0,
            count = share.count,
            name = safe(&share.name),
        );
        from += thick;
        to += room + GAP;
    }
    svg + "</svg>"
}

/// Percentages over time, a line each; the tints repeat after six.
pub fn lines(lines: &[Line], from: i64, until: i64) -> String {
    let (left, top, wide, high) = (44.0, 10.0, WIDTH - 60.0, 180.0);
    let span = (until - from).max(1) as f64;
    let mut svg = format!(
        "<svg class=\"picture\" viewBox=\"0 0 {WIDTH} 210\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = top + high * (1.0 - percent / 100.0);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{left}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text class=\"tick\" x=\"0\" y=\"{}\">{percent} %</text>",
            left + wide,
            y + 4.0
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let place = |(at, percent): &(i64, f64)| {
            let x = left + wide * (at - from) as f64 / span;
            (x, top + high * (1.0 - percent / 100.0))
        };
        let points: Vec<(f64, f64)> = line.points.iter().map(place).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, "<polyline class=\"line-{}\" points=\"{}\"/>", number % 6, path.join(" "));
        if let Some((x, y)) = points.last() {
            let _ = write!(svg, "<circle class=\"dot-{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>", number % 6);
        }
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_as_thick_as_they_are_many_and_names_stay_text() {
        let share = |name: &str, count| Share { name: name.into(), count, tint: "success" };
        let picture = flow("<b>", 4, &[share("a&b", 3), share("none", 0), share("c", 1)]);
        assert!(picture.contains("&lt;b&gt; 4") && picture.contains("3 a&amp;b"), "{picture}");
        assert!(!picture.contains("none</text>") && !picture.contains("style="), "{picture}");
        assert_eq!(picture.matches("<path").count(), 2);
        assert!(flow("x", 0, &[]).ends_with("</svg>"));
    }

    #[test]
    fn a_line_goes_from_left_to_right() {
        let line = Line { points: vec![(0, 0.0), (10, 100.0)] };
        let picture = lines(&[line], 0, 10);
        assert!(picture.contains("points=\"44.0,190.0 704.0,10.0\""), "{picture}");
        assert!(depths(&[]).ends_with("</svg>") && bar(250, "primary").contains("width=\"100\""));
    }
}
