//! Curves as a picture: a chart for each, two in a row.

use std::fmt::Write as _;

/// A measure by what grows.
pub(crate) struct Chart {
    pub title: &'static str,
    /// Whether each step of what grows is a multiple of the one before.
    pub is_logarithmic: bool,
    pub lines: Vec<Line>,
}

/// Its points are in the order of what grows.
pub(crate) struct Line {
    /// Empty, where it is the only one.
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 430.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 44.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 30.0;
const COLORS: [&str; 3] = ["#1a7f37", "#b35900", "#a40e26"];

/// An SVG document.
pub(crate) fn document(charts: &[Chart]) -> String {
    let rows = charts.len().div_ceil(2) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        WIDTH * 2.0,
        HEIGHT * rows
    );
    for (number, chart) in charts.iter().enumerate() {
        let (x, y) = ((number % 2) as f64 * WIDTH, (number / 2) as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        chart.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

impl Chart {
    fn draw(&self, svg: &mut String) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let scale = |x: f64| if self.is_logarithmic { x.log10() } else { x };
        let least = points().map(|(x, _)| scale(*x)).fold(f64::INFINITY, f64::min);
        let most = points().map(|(x, _)| scale(*x)).fold(f64::NEG_INFINITY, f64::max);
        let top = round_up(points().map(|(_, y)| *y).fold(0.0, f64::max));
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let x = |value: f64| LEFT + (scale(value) - least) / (most - least) * (right - LEFT);
        let y = |value: f64| bottom - value / top * (bottom - TOP);

        let _ = writeln!(svg, "<text x=\"12\" y=\"20\" font-weight=\"bold\">{}</text>", self.title);
        for part in 0..=4 {
            let value = top * f64::from(part) / 4.0;
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {0:.1}H{right}\" stroke=\"{1}\"/>\
                 <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\" fill=\"#555\">{value}</text>",
                y(value),
                if part == 0 { "#333" } else { "#ddd" },
                LEFT - 6.0,
                y(value) + 4.0,
            );
        }
        for (value, _) in self.lines.iter().take(1).flat_map(|line| &line.points) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{value}</text>",
                x(*value),
                bottom + 18.0
            );
        }
        for (line, color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let path: Vec<_> = line
                .points
                .iter()
                .map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value)))
                .collect();
            let _ = writeln!(
                svg,
                "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                path.join("L")
            );
            for (at, value) in &line.points {
                let (x, y) = (x(*at), y(*value));
                let _ =
                    writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>");
            }
            if let Some((_, last)) = line.points.last() {
                let (x, y) = (right + 8.0, y(*last) + 4.0);
                let name = &line.name;
                let _ =
                    writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" fill=\"{color}\">{name}</text>");
            }
        }
    }
}

/// To a value of which a quarter is short to write.
fn round_up(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0];
    let step = steps.into_iter().find(|step| value <= step * unit);
    step.unwrap_or(10.0) * unit
}
