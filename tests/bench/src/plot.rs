//! The ratios as a picture: one line for each load and peer, on a logarithmic scale around 1.

use std::fmt::Write as _;

use crate::compare::Comparison;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 56.0;
const ROW: f64 = 22.0;

/// An SVG document.
pub(crate) fn ratios(comparisons: &[Comparison]) -> String {
    let ratios = comparisons.iter().map(Comparison::ratio);
    let (least, most) = ratios.fold((0.5_f64, 2.0_f64), |(least, most), ratio| {
        (least.min(ratio.least), most.max(ratio.most))
    });
    let (least, most) = (least.log2().floor(), most.log2().ceil());
    let x = |ratio: f64| LEFT + (ratio.log2() - least) / (most - least) * (WIDTH - LEFT - RIGHT);
    let mut loads: Vec<String> = comparisons.iter().map(|one| one.load.to_string()).collect();
    loads.dedup();
    let height = TOP + ROW * (comparisons.len() + loads.len()) as f64 + 12.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"20\" font-weight=\"bold\">Lithe compared: median, and least to most, of \
         rounds in turn; right of 1 Lithe does more</text>\n"
    );
    let mut power = least;
    while power <= most {
        let (at, ratio) = (x(power.exp2()), power.exp2());
        let color = if ratio == 1.0 { "#333" } else { "#ddd" };
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{height}\" stroke=\"{color}\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{ratio}</text>",
            TOP - 8.0
        );
        power += 1.0;
    }
    let mut y = TOP;
    let mut shown = None;
    for comparison in comparisons {
        if shown != Some(comparison.load) {
            y += ROW;
            shown = Some(comparison.load);
            let load = comparison.load;
            let _ = writeln!(
                svg,
                "<text x=\"12\" y=\"{}\" font-weight=\"bold\">{load}</text>",
                y - 5.0
            );
        }
        y += ROW;
        let ratio = comparison.ratio();
        let (middle, name) = (y - 9.0, comparison.peer.name());
        let color = if ratio.median >= 1.0 { "#1a7f37" } else { "#b35900" };
        let _ = writeln!(
            svg,
            "<text x=\"28\" y=\"{}\">{name}</text>\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <circle cx=\"{:.1}\" cy=\"{middle}\" r=\"5\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.2}</text>",
            y - 5.0,
            x(ratio.least),
            x(ratio.most),
            x(ratio.median),
            LEFT - 16.0,
            y - 5.0,
            ratio.median,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
