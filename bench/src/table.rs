//! Plain tables: the first column left, the others right.

use std::fmt::Write as _;

/// Lines of cells under a title.
pub(crate) fn table(title: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([heads[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = format!("{title}\n");
    let heads = heads.iter().map(|&head| head.to_owned()).collect();
    for row in std::iter::once(&heads).chain(rows) {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(text, "  {cell:<width$}")
            } else {
                write!(text, "  {cell:>width$}")
            };
        }
        text.push('\n');
    }
    text
}

/// `1.24 ms`, `310 ns`.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        value if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
        value if value >= 1e-6 => format!("{:.2} µs", value * 1e6),
        value => format!("{:.0} ns", value * 1e9),
    }
}

/// `4.1 kB`, in thousands.
pub(crate) fn bytes(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.1} MB", value / 1e6),
        size if size >= 1e3 => format!("{:.1} kB", value / 1e3),
        _ => format!("{value:.0} B"),
    }
}
