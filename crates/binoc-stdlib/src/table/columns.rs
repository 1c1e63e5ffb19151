//! Matching of the columns of two tables.

use std::collections::{HashMap, HashSet};

use super::read::Grid;
use crate::align::{digest, increasing};

/// The positions of columns in both tables.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Columns with the same name, in the order of the older table.
    pub(super) common: Vec<(usize, usize)>,
    pub(super) removed: Vec<usize>,
    pub(super) added: Vec<usize>,
    /// Columns with different names and the same cells in all matched rows.
    pub(super) renamed: Vec<(usize, usize)>,
}

pub(super) fn match_names(left: &Grid, right: &Grid) -> Columns {
    let mut places: HashMap<_, usize> = right.columns.iter().zip(0..).collect();
    let mut columns = Columns::default();
    for (place, column) in left.columns.iter().enumerate() {
        match places.remove(column) {
            Some(other) => columns.common.push((place, other)),
            None => columns.removed.push(place),
        }
    }
    columns.added = places.into_values().collect();
    columns.added.sort_unstable();
    columns
}

impl Columns {
    /// Return the smallest set of columns whose move explains the new order, as positions in the older table.
    pub(super) fn moved(&self) -> Vec<usize> {
        let mut both = [&self.common[..], &self.renamed].concat();
        both.sort_unstable();
        let order: Vec<usize> = both.iter().map(|pair| pair.1).collect();
        let stayed: HashSet<usize> = increasing(&order).into_iter().collect();
        (0..order.len()).filter(|place| !stayed.contains(place)).map(|place| both[place].0).collect()
    }

    /// Find columns that were renamed: those with the same cells in all matched rows.
    ///
    /// A column does not count if all its cells are equal, or if another column has the same cells.
    pub(super) fn find_renames(&mut self, left: &Grid, right: &Grid, rows: &[(usize, usize)]) {
        let print = |grid: &Grid, column: usize, side: fn(&(usize, usize)) -> usize| {
            let cells = || rows.iter().map(|pair| grid.cell(side(pair), column));
            let first = cells().next()?;
            cells().any(|cell| cell != first).then(|| digest(cells()))
        };
        if self.removed.is_empty() || self.added.is_empty() {
            return;
        }
        let mut owners: HashMap<u128, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (old, new) in &self.common {
            // A column with the same cells and an unchanged name makes a rename ambiguous.
            let prints = [print(left, *old, |pair| pair.0), print(right, *new, |pair| pair.1)];
            for print in prints.into_iter().flatten() {
                owners.entry(print).or_default().0.extend([usize::MAX; 2]);
            }
        }
        for column in &self.removed {
            if let Some(print) = print(left, *column, |pair| pair.0) {
                owners.entry(print).or_default().0.push(*column);
            }
        }
        for column in &self.added {
            if let Some(print) = print(right, *column, |pair| pair.1) {
                owners.entry(print).or_default().1.push(*column);
            }
        }
        for (old, new) in owners.into_values() {
            if let ([old], [new]) = (&old[..], &new[..]) {
                self.renamed.push((*old, *new));
            }
        }
        self.renamed.sort_unstable();
        self.removed.retain(|column| !self.renamed.iter().any(|pair| pair.0 == *column));
        self.added.retain(|column| !self.renamed.iter().any(|pair| pair.1 == *column));
    }
}
