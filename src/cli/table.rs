//! Tables of text: aligned columns, a heading, nothing that a pipe would choke on.

use std::fmt::{self, Write};

/// Between two columns.
const GAP: &str = "  ";

/// A table of text; `Display` writes a line for the heading and one for each row.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty one. A heading that begins with `>` stands, as its column, at the right: for numbers.
    pub(super) const fn new(heading: [&'static str; N]) -> Table<N> {
        Table { heading, rows: Vec::new() }
    }

    /// One row more.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| clean(&cell)));
    }

    /// Whether it has no rows.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = self.heading.map(|title| title.trim_start_matches('>'));
        let mut widths = titles.map(str::len);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut line = String::new();
        let mut write = |cells: [&str; N]| {
            line.clear();
            for ((cell, width), title) in cells.iter().zip(widths).zip(self.heading) {
                let gap = if line.is_empty() { "" } else { GAP };
                let _ = if title.starts_with('>') {
                    write!(line, "{gap}{cell:>width$}")
                } else {
                    write!(line, "{gap}{cell:width$}")
                };
            }
            writeln!(f, "{}", line.trim_end())
        };
        write(titles)?;
        self.rows.iter().try_for_each(|row| write(row.each_ref().map(String::as_str)))
    }
}

/// The text with its control characters made visible: what a backend said must not move the cursor.
pub(super) fn clean(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

/// `1 cluster`, `2 clusters`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A time in its two largest units: `3d 4h`.
pub(super) fn time(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// A hash as it is shown everywhere.
pub(super) fn hash(hash: u64) -> String {
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests;
