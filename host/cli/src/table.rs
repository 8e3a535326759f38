//! Rows of text as columns.

use lithe_host::internals::log;

/// Aligns the rows in columns that are as wide as their widest cell, two spaces apart. Cells are
/// escaped.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let escaped = |row: &Vec<String>| row.iter().map(|cell| log::escape(cell)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(escaped).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let text = aligned(&[row(["M", "/", "c", "d", "e"]), row(["GET", "/abc", "x", "-", "-"])]);
        assert_eq!(text, "M    /     c  d  e\nGET  /abc  x  -  -\n");
    }

    #[test]
    fn a_cell_moves_no_other() {
        let text = aligned(&[vec!["\u{1b}[2Ja\nb".to_owned(), "c".to_owned()]]);
        assert_eq!(text, "\\u{1b}[2Ja\\nb  c\n");
    }
}
