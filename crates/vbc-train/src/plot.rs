//! Training curves as PNG files.

use std::path::Path;
use std::sync::Once;

use image::ImageEncoder;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::checkpoint::write_atomically;

/// A curve's name and points (x, y), in order of x. Points that are not finite are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// Its points, x being the step.
    pub points: Vec<(f64, f64)>,
}

/// Why a chart could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// No series has a finite point.
    #[error("nothing to draw")]
    Empty,
    /// Drawing failed.
    #[error("drawing: {0}")]
    Draw(String),
    /// The picture could not be packed.
    #[error("encoding: {0}")]
    Encode(#[from] image::ImageError),
    /// The file could not be written.
    #[error("writing: {0}")]
    Io(#[from] std::io::Error),
}

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 540);

/// Colours that are told apart with any kind of sight, after Okabe and Ito.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Draws curves over the step into a PNG file of 960 x 540 pixels.
///
/// The y range is that of all but the first tenth of the steps, since the first losses would
/// flatten the rest; what lies outside runs along the frame.
///
/// # Errors
/// Where there is nothing to draw or the file cannot be written.
pub fn loss_curve(
    path: &Path,
    title: &str,
    y_label: &str,
    series: &[Series],
) -> Result<(), PlotError> {
    let finite: Vec<Vec<(f64, f64)>> = series
        .iter()
        .map(|s| s.points.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite()).collect())
        .collect();
    let (x, y) = ranges(&finite).ok_or(PlotError::Empty)?;
    let mut pixels = vec![0; (SIZE.0 * SIZE.1 * 3) as usize];
    draw(&mut pixels, title, y_label, series, &finite, (x, y))
        .map_err(|e| PlotError::Draw(e.to_string()))?;
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png).write_image(
        &pixels,
        SIZE.0,
        SIZE.1,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(write_atomically(path, &png)?)
}

type Range = (f64, f64);

/// The x and y ranges to show; `None` without points.
fn ranges(series: &[Vec<(f64, f64)>]) -> Option<(Range, Range)> {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(None, |r: Option<Range>, v| {
            Some(r.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        })
    };
    let all = || series.iter().flatten();
    let (first, last) = range(&mut all().map(|p| p.0))?;
    let settled = first + 0.1 * (last - first);
    let (low, high) = range(&mut all().filter(|p| p.0 >= settled).map(|p| p.1))?;
    // A curve of one value still needs a range that is not empty.
    let margin = |low: f64, high: f64| {
        if high > low { 0.05 * (high - low) } else { 0.5f64.max(low.abs() * 0.05) }
    };
    let (mx, my) = (if last > first { 0.0 } else { 0.5 }, margin(low, high));
    Some(((first - mx, last + mx), (low - my, high + my)))
}

fn draw(
    pixels: &mut [u8],
    title: &str,
    y_label: &str,
    series: &[Series],
    points: &[Vec<(f64, f64)>],
    (x, y): (Range, Range),
) -> Result<(), Box<dyn std::error::Error>> {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // Without the font the drawing below fails and says so.
        let _ = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
    });
    let root = BitMapBackend::with_buffer(pixels, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
    chart
        .configure_mesh()
        .x_desc("step")
        .y_desc(y_label)
        .label_style(("sans-serif", 14))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .draw()?;
    for (i, (series, points)) in series.iter().zip(points).enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let inside = points.iter().map(|&(px, py)| (px, py.clamp(y.0, y.1)));
        chart
            .draw_series(LineSeries::new(inside, colour.stroke_width(2)))?
            .label(&series.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 14))
        .draw()?;
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_curves_with_text() {
        let folder = tempfile::tempdir().unwrap();
        // VBC_PLOT_TEST keeps the picture for a look at it.
        let path = std::env::var_os("VBC_PLOT_TEST")
            .map_or_else(|| folder.path().join("curve.png"), Into::into);
        let curve = |lift: f64, wave: f64| {
            (0..200)
                .map(|i| f64::from(i) * 50.0)
                .map(move |x| (x, lift + 4.0 * (-x / 700.0).exp() + wave * (x / 90.0).sin()))
        };
        let mut series = vec![
            Series { label: "training".to_owned(), points: curve(1.3, 0.02).collect() },
            Series { label: "validation".to_owned(), points: curve(1.35, 0.0).collect() },
        ];
        series[0].points[3].1 = f64::NAN;
        loss_curve(&path, "Code length while training", "bits a pixel", &series).unwrap();
        let picture = image::open(&path).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), SIZE);
        // Dark pixels above the plot are the title's, so the font was found.
        let dark = |p: &&image::Rgb<u8>| p.0.iter().all(|&c| c < 80);
        assert!(picture.pixels().take(40 * SIZE.0 as usize).filter(dark).count() > 200);
    }

    #[test]
    fn a_single_point_is_drawn_and_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curve.png");
        let mut series = [Series { label: "one".to_owned(), points: vec![(5.0, 2.0)] }];
        loss_curve(&path, "One point", "bits", &series).unwrap();
        series[0].points[0].1 = f64::INFINITY;
        assert!(matches!(loss_curve(&path, "None", "bits", &series), Err(PlotError::Empty)));
    }
}
