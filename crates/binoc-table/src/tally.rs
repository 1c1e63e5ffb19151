//! Counts and first examples of the differences of matched and unmatched rows.

use binoc_sdk::{Example, show};

use crate::columns::Pair;
use crate::keys::Key;
use crate::source::{Cells, Table};

/// The first items by a number, of any number of items.
#[derive(Debug)]
pub(crate) struct First<T> {
    items: Vec<(u64, u64, T)>,
    limit: usize,
    pub(crate) count: u64,
}

impl<T> First<T> {
    fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, count: 0 }
    }

    /// Count an item, and keep it if it is one of the first by `number`. Items of the same number keep their order.
    fn push(&mut self, number: u64, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.limit == 0 || self.items.len() >= self.limit && self.items[self.limit - 1].0 <= number {
            return;
        }
        let place = self.items.partition_point(|other| (other.0, other.1) <= (number, self.count));
        self.items.insert(place, (number, self.count, item()));
        self.items.truncate(self.limit);
    }

    pub(crate) fn into_items(self) -> impl Iterator<Item = T> {
        self.items.into_iter().map(|(_, _, item)| item)
    }
}

/// The differences of the rows of two tables.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The number of matched rows that differ in a cell.
    pub(crate) changed_rows: u64,
    /// The number of changed cells in each common column.
    pub(crate) by_column: Vec<u64>,
    pub(crate) cells: First<Example>,
    /// Cells of a numeric key that are the same number, written differently.
    pub(crate) rewritten: First<Example>,
    /// Cells beyond the header that were removed, added or changed.
    pub(crate) beyond: [First<Example>; 3],
    pub(crate) removed: First<Example>,
    pub(crate) added: First<Example>,
}

impl Tally {
    pub(crate) fn new(columns: usize, limit: usize) -> Self {
        Self {
            changed_rows: 0,
            by_column: vec![0; columns],
            cells: First::new(limit),
            rewritten: First::new(limit),
            beyond: [First::new(limit), First::new(limit), First::new(limit)],
            removed: First::new(limit),
            added: First::new(limit),
        }
    }

    pub(crate) fn add_removed(&mut self, table: &dyn Table, row: u64, cells: Cells<'_>) {
        self.removed.push(row, || listed(table, row, cells));
    }

    pub(crate) fn add_added(&mut self, table: &dyn Table, row: u64, cells: Cells<'_>) {
        self.added.push(row, || listed(table, row, cells));
    }

    /// Compare two matched rows; `row` is the position in the older table.
    pub(crate) fn compare(
        &mut self,
        tables: [&dyn Table; 2],
        common: &[Pair],
        key: Option<&Key>,
        row: u64,
        rows: [Cells<'_>; 2],
    ) {
        let [old, new] = rows;
        let before = self.cells.count;
        for (place, pair) in common.iter().enumerate() {
            let (old_cell, new_cell) = (old.get(pair.old), new.get(pair.new));
            if old_cell == new_cell {
                continue;
            }
            let change = || {
                let (old, new) = show::clip_pair(&tables[0].show(old_cell), &tables[1].show(new_cell));
                let example = Example::change(old, new).with_column(column_name(tables[1], pair.new));
                at(example, tables[0], key, row, rows[0])
            };
            if key.is_some_and(|key| key.numeric && key.columns.contains(pair)) {
                self.rewritten.push(row, change);
            } else {
                self.by_column[place] += 1;
                self.cells.push(row, change);
            }
        }
        self.changed_rows += u64::from(self.cells.count > before);
        let widths = tables.map(|table| table.columns().len());
        let beyond = (old.len().saturating_sub(widths[0])).max(new.len().saturating_sub(widths[1]));
        for place in 0..beyond {
            let (old_cell, new_cell) = (old.get(widths[0] + place), new.get(widths[1] + place));
            if old_cell == new_cell {
                continue;
            }
            let (old, new) = show::clip_pair(&tables[0].show(old_cell), &tables[1].show(new_cell));
            let (kind, example) = match (old_cell.is_empty(), new_cell.is_empty()) {
                (_, true) => (0, Example::value(old)),
                (true, _) => (1, Example::value(new)),
                _ => (2, Example::change(old, new)),
            };
            self.beyond[kind].push(row, || example.with_at(format!("row {}", row + 1)));
        }
    }
}

/// Return the name of a column, or its number if it has none.
pub(crate) fn column_name(table: &dyn Table, place: usize) -> String {
    let column = &table.columns()[place];
    match (column.name.is_empty(), column.nth) {
        (true, _) => format!("column {}", place + 1),
        (false, 0) => show::clip(&show::bytes(&column.name)),
        (false, nth) => format!("{} ({})", show::clip(&show::bytes(&column.name)), nth + 1),
    }
}

/// Return a row as an example.
pub(crate) fn listed(table: &dyn Table, row: u64, cells: Cells<'_>) -> Example {
    Example::value(table.show_row(cells)).with_at(format!("row {}", row + 1))
}

/// Say where a change is: by the value of the key, or by the position of the row.
fn at(example: Example, table: &dyn Table, key: Option<&Key>, row: u64, cells: Cells<'_>) -> Example {
    let Some(key) = key else { return example.with_at(format!("row {}", row + 1)) };
    let values = key.columns.iter().map(|pair| show::clip(&table.show(cells.get(pair.old))));
    example.with_key(values.collect::<Vec<_>>().join(", "))
}
