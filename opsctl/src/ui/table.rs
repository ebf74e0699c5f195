//! Tables for terminals: columns as wide as their widest cell.

/// A cell: its text, and the same text in its colours.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    plain: String,
    painted: String,
}

impl Cell {
    /// A cell without colour.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        let plain = text.into();
        Self {
            painted: plain.clone(),
            plain,
        }
    }

    /// A cell whose colours do not count as width.
    pub(crate) fn painted(text: impl Into<String>, paint: impl FnOnce(&str) -> String) -> Self {
        let plain = text.into();
        Self {
            painted: paint(&plain),
            plain,
        }
    }

    fn width(&self) -> usize {
        self.plain.chars().count()
    }
}

/// The rows, two spaces between columns, the last column not padded.
pub(crate) fn table(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(Cell::width)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(&cell.painted);
            if column + 1 < row.len() {
                line.push_str(&" ".repeat(widths[column] - cell.width() + 2));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_move_a_column() {
        let red = |text: &str| format!("\x1b[31m{text}\x1b[0m");
        let rows = [
            vec![Cell::painted("ab", red), Cell::plain("c")],
            vec![Cell::plain("abcd"), Cell::plain("d")],
        ];
        assert_eq!(table(&rows), "\x1b[31mab\x1b[0m    c\nabcd  d\n");
    }

    #[test]
    fn an_empty_last_cell_leaves_no_blanks() {
        assert_eq!(table(&[vec![Cell::plain("a"), Cell::plain("")]]), "a\n");
    }
}
