//! Matching of the rows of two tables: by a key if there is one, otherwise by content, never by position alone.

use std::collections::{HashMap, HashSet};

use super::read::Grid;
use crate::align::{Interner, align, digest, increasing};

/// The number of columns that are tried as a key.
const KEY_COLUMNS: usize = 64;
/// The number of candidate keys that are checked for renumbering.
const TRIES: usize = 4;
/// The smallest number of rows found elsewhere that shows that a column only numbers the rows.
const RENUMBERED: usize = 3;
/// The largest number of unmatched cells in which rows with one edited cell are searched.
const NEAR_CELLS: usize = 32 << 20;

/// A column that both tables have, as its position in each.
pub(super) type Common = (usize, usize);

/// The matched rows, in the order of the older table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) pairs: Vec<(usize, usize)>,
    /// The key by which they were matched; empty if matched by content.
    pub(super) key: Vec<Common>,
    /// The smallest set of rows whose move explains the new order, as positions in `pairs`.
    pub(super) moved: Vec<usize>,
}

impl Rows {
    fn new(mut pairs: Vec<(usize, usize)>, key: Vec<Common>) -> Self {
        pairs.sort_unstable();
        let order: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
        let mut stayed = increasing(&order).into_iter().peekable();
        let moved = (0..pairs.len()).filter(|place| stayed.next_if_eq(place).is_none()).collect();
        Self { pairs, key, moved }
    }
}

/// Match rows with the same value of `key`; `None` if a value is empty or repeated in a table.
pub(super) fn by_key(left: &Grid, right: &Grid, key: &[Common]) -> Option<Rows> {
    let old = keys(left, key.iter().map(|pair| pair.0))?;
    let new = keys(right, key.iter().map(|pair| pair.1))?;
    let pairs = old.iter().filter_map(|(key, row)| Some((*row, *new.get(key)?))).collect();
    Some(Rows::new(pairs, key.to_vec()))
}

/// Match rows by the best single column, or by content if no column is a key.
pub(super) fn match_rows(left: &Grid, right: &Grid, common: &[Common]) -> Rows {
    let enough = left.len().min(right.len()).div_ceil(2).max(1);
    let mut candidates = Vec::new();
    for column in common.iter().take(KEY_COLUMNS) {
        let old = keys(left, std::iter::once(column.0));
        // Keep only the count: the rows of 64 candidates need more memory than the tables.
        let shared = old.zip(keys(right, std::iter::once(column.1)));
        let shared = shared.map_or(0, |(old, new)| old.keys().filter(|key| new.contains_key(*key)).count());
        if shared >= enough {
            candidates.push((shared, *column));
        }
    }
    // Prefer the column that matches most rows, because edits in a column make it match fewer; then the leftmost.
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.0));
    let fit = |rows: &Rows| !is_renumbered(left, right, common, rows);
    let rows =
        candidates.iter().take(TRIES).filter_map(|(_, column)| by_key(left, right, &[*column])).find(fit);
    rows.unwrap_or_else(|| by_content(left, right, common))
}

fn keys(grid: &Grid, columns: impl Iterator<Item = usize> + Clone) -> Option<HashMap<u128, usize>> {
    let mut rows = HashMap::with_capacity(grid.len().min(1 << 10));
    for row in 0..grid.len() {
        let cells = || columns.clone().map(|column| grid.cell(row, column));
        if cells().any(<[u8]>::is_empty) || rows.insert(digest(cells()), row).is_some() {
            return None;
        }
    }
    Some(rows)
}

/// Return whether the key only numbers the rows, so that all rows after an inserted one would look edited.
///
/// This is so if at least half of the rows that differ under this key are the same when matched by all other columns.
fn is_renumbered(left: &Grid, right: &Grid, common: &[Common], rows: &Rows) -> bool {
    let rest: Vec<&Common> = common.iter().filter(|column| !rows.key.contains(column)).collect();
    if rest.is_empty() {
        return false;
    }
    let old_print = |row| digest(rest.iter().map(|column| left.cell(row, column.0)));
    let new_print = |row| digest(rest.iter().map(|column| right.cell(row, column.1)));
    let changed: Vec<_> = rows.pairs.iter().filter(|pair| old_print(pair.0) != new_print(pair.1)).collect();
    if changed.len() < RENUMBERED {
        return false;
    }
    // The row of each content; `None` if it occurs more than once.
    let unique = |prints: &mut dyn Iterator<Item = u128>| {
        let mut places: HashMap<u128, Option<usize>> = HashMap::new();
        for (row, print) in prints.enumerate() {
            places.entry(print).and_modify(|place| *place = None).or_insert(Some(row));
        }
        places
    };
    let old = unique(&mut (0..left.len()).map(old_print));
    let new = unique(&mut (0..right.len()).map(new_print));
    let once = |places: &HashMap<u128, Option<usize>>, print| matches!(places.get(&print), Some(Some(_)));
    let elsewhere = changed.iter().filter(|pair| {
        let print = old_print(pair.0);
        once(&old, print) && once(&new, print)
    });
    let elsewhere = elsewhere.count();
    elsewhere >= RENUMBERED && 2 * elsewhere >= changed.len()
}

fn by_content(left: &Grid, right: &Grid, common: &[Common]) -> Rows {
    let mut interner = Interner::default();
    let old_print = |row| digest(common.iter().map(|column| left.cell(row, column.0)));
    let old: Vec<u32> = (0..left.len()).map(|row| interner.id(old_print(row))).collect();
    let new_print = |row| digest(common.iter().map(|column| right.cell(row, column.1)));
    let new: Vec<u32> = (0..right.len()).map(|row| interner.id(new_print(row))).collect();
    // Without a common column all rows are equal, so an alignment is meaningless.
    let mut pairs = if common.is_empty() { Vec::new() } else { align(&old, &new) };
    let mut free = Free::new(left.len(), right.len(), &pairs);
    if !common.is_empty() {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        for row in free.right().into_iter().rev() {
            places.entry(new[row]).or_default().push(row);
        }
        for row in free.left() {
            if let Some(other) = places.get_mut(&old[row]).and_then(Vec::pop) {
                free.take(&mut pairs, row, other);
            }
        }
        one_cell_apart(left, right, common, &mut free, &mut pairs);
        in_gaps(left, right, common, &mut free, &mut pairs);
    } else if left.len() == right.len() {
        // Only used to find renamed columns, which must be equal in every row.
        pairs = (0..left.len()).map(|row| (row, row)).collect();
    }
    Rows::new(pairs, Vec::new())
}

/// The rows that are not matched yet.
struct Free {
    left: Vec<bool>,
    right: Vec<bool>,
}

impl Free {
    fn new(left: usize, right: usize, pairs: &[(usize, usize)]) -> Self {
        let mut free = Self { left: vec![true; left], right: vec![true; right] };
        for (old, new) in pairs {
            (free.left[*old], free.right[*new]) = (false, false);
        }
        free
    }

    fn left(&self) -> Vec<usize> {
        (0..self.left.len()).filter(|row| self.left[*row]).collect()
    }

    fn right(&self) -> Vec<usize> {
        (0..self.right.len()).filter(|row| self.right[*row]).collect()
    }

    fn take(&mut self, pairs: &mut Vec<(usize, usize)>, old: usize, new: usize) {
        (self.left[old], self.right[new]) = (false, false);
        pairs.push((old, new));
    }
}

/// Match rows that differ in one cell, if neither has another candidate.
fn one_cell_apart(
    left: &Grid,
    right: &Grid,
    common: &[Common],
    free: &mut Free,
    pairs: &mut Vec<(usize, usize)>,
) {
    let (old, new) = (free.left(), free.right());
    let cells = (old.len() + new.len()).saturating_mul(common.len());
    if common.len() < 2 || old.is_empty() || new.is_empty() || cells > NEAR_CELLS {
        return;
    }
    // Each row has the sum of the digests of its cells, from which the digest of a cell can be subtracted.
    let number = |place: usize| (place as u64).to_le_bytes();
    let print = |cell: &[u8], place: usize| digest([&number(place)[..], cell]);
    let all = |grid: &Grid, row, side: fn(&Common) -> usize| {
        let cells = common.iter().map(|column| grid.cell(row, side(column)));
        let prints = cells.enumerate().map(|(place, cell)| print(cell, place));
        prints.fold(0u128, u128::wrapping_add)
    };
    let old_sums: Vec<u128> = old.iter().map(|row| all(left, *row, |column| column.0)).collect();
    let new_sums: Vec<u128> = new.iter().map(|row| all(right, *row, |column| column.1)).collect();
    // `None`: more than one candidate.
    let mut partner: HashMap<usize, Option<usize>> = HashMap::new();
    let mut back: HashMap<usize, Option<usize>> = HashMap::new();
    for (place, (old_column, new_column)) in common.iter().enumerate() {
        let mut groups: HashMap<u128, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (row, sum) in old.iter().zip(&old_sums) {
            let rest = sum.wrapping_sub(print(left.cell(*row, *old_column), place));
            groups.entry(rest).or_default().0.push(*row);
        }
        for (row, sum) in new.iter().zip(&new_sums) {
            let rest = sum.wrapping_sub(print(right.cell(*row, *new_column), place));
            if let Some(group) = groups.get_mut(&rest) {
                group.1.push(*row);
            }
        }
        let note = |map: &mut HashMap<usize, Option<usize>>, row: usize, other: Option<usize>| {
            let agree = |known: &mut Option<usize>| *known = known.filter(|known| Some(*known) == other);
            map.entry(row).and_modify(agree).or_insert(other);
        };
        for (old, new) in groups.into_values().filter(|group| !group.1.is_empty()) {
            for row in &old {
                note(&mut partner, *row, (new.len() == 1).then_some(new[0]));
            }
            for row in &new {
                note(&mut back, *row, (old.len() == 1).then_some(old[0]));
            }
        }
    }
    for row in old {
        if let Some(Some(other)) = partner.get(&row)
            && back.get(other) == Some(&Some(row))
            && common.len() - agreeing(left, right, common, row, *other) == 1
        {
            free.take(pairs, row, *other);
        }
    }
}

/// Match unmatched rows between two matched ones, in order.
///
/// Both tables must have the same number of rows there, and each pair must agree in at least half of the cells.
fn in_gaps(left: &Grid, right: &Grid, common: &[Common], free: &mut Free, pairs: &mut Vec<(usize, usize)>) {
    pairs.sort_unstable();
    let order: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
    let mut fences: Vec<(usize, usize)> = increasing(&order).into_iter().map(|place| pairs[place]).collect();
    fences.push((left.len(), right.len()));
    let (mut old_start, mut new_start) = (0, 0);
    for (old_fence, new_fence) in fences {
        let old: Vec<usize> = (old_start..old_fence).filter(|row| free.left[*row]).collect();
        let new: Vec<usize> = (new_start..new_fence).filter(|row| free.right[*row]).collect();
        let alike = |(old_row, new_row): (&usize, &usize)| {
            let same = agreeing(left, right, common, *old_row, *new_row);
            same > 0 && 2 * same >= common.len()
        };
        if old.len() == new.len() && old.iter().zip(&new).all(alike) {
            for (old_row, new_row) in old.into_iter().zip(new) {
                free.take(pairs, old_row, new_row);
            }
        }
        (old_start, new_start) = (old_fence + 1, new_fence + 1);
    }
}

/// Return the number of cells that are the same in both rows.
fn agreeing(left: &Grid, right: &Grid, common: &[Common], old_row: usize, new_row: usize) -> usize {
    common.iter().filter(|column| left.cell(old_row, column.0) == right.cell(new_row, column.1)).count()
}

/// Return the unmatched rows of the older and of the newer table.
pub(super) fn unmatched(rows: &Rows, left: &Grid, right: &Grid) -> (Vec<usize>, Vec<usize>) {
    let old: HashSet<usize> = rows.pairs.iter().map(|pair| pair.0).collect();
    let new: HashSet<usize> = rows.pairs.iter().map(|pair| pair.1).collect();
    let missing = |len, matched: &HashSet<usize>| (0..len).filter(|row| !matched.contains(row)).collect();
    (missing(left.len(), &old), missing(right.len(), &new))
}
