//! Matching of rows without a key: rows that differ in one cell, and rows between the same neighbours.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::columns::{Heads, Pair};
use crate::keys;
use crate::order::Runs;
use crate::unmatched::RowStore;

/// The largest number of cells in which rows with one edited cell are searched.
const NEAR_CELLS: usize = 32 << 20;

/// The rows of two stores that are not matched yet.
pub(crate) struct Free {
    pub(crate) old: Vec<bool>,
    pub(crate) new: Vec<bool>,
    pub(crate) pairs: Vec<(usize, usize)>,
}

impl Free {
    pub(crate) fn new(stores: [&RowStore; 2]) -> Self {
        Self { old: vec![true; stores[0].len()], new: vec![true; stores[1].len()], pairs: Vec::new() }
    }

    pub(crate) fn take(&mut self, old: usize, new: usize) {
        (self.old[old], self.new[new]) = (false, false);
        self.pairs.push((old, new));
    }

    pub(crate) fn old(&self) -> Vec<usize> {
        (0..self.old.len()).filter(|row| self.old[*row]).collect()
    }

    pub(crate) fn new_rows(&self) -> Vec<usize> {
        (0..self.new.len()).filter(|row| self.new[*row]).collect()
    }
}

/// Match rows that differ in one cell, if neither has another candidate, and if that is not a coincidence.
pub(crate) fn one_cell_apart(
    stores: [&RowStore; 2],
    common: &[Pair],
    free: &mut Free,
    heads: &Heads,
    seed: u64,
) {
    let (old, new) = (free.old(), free.new_rows());
    let cells = (old.len() + new.len()).saturating_mul(common.len());
    if common.len() < 2 || old.is_empty() || new.is_empty() || cells > NEAR_CELLS {
        return;
    }
    // Each row has the sum of the hashes of its cells, from which the hash of a cell can be subtracted.
    let print = |cell: &[u8], place: usize| xxh3_128_with_seed(cell, seed.wrapping_add(place as u64));
    let cell = |side: usize, row: usize, place: usize| stores[side].row(row).get(common[place].on(side));
    let sum = |side: usize, row: usize| {
        let prints = (0..common.len()).map(|place| print(cell(side, row, place), place));
        prints.fold(0u128, u128::wrapping_add)
    };
    let old_sums: Vec<u128> = old.iter().map(|row| sum(0, *row)).collect();
    let new_sums: Vec<u128> = new.iter().map(|row| sum(1, *row)).collect();
    // `None`: more than one candidate.
    let mut partner: HashMap<usize, Option<usize>> = HashMap::new();
    let mut back: HashMap<usize, Option<usize>> = HashMap::new();
    for place in 0..common.len() {
        let mut groups: HashMap<u128, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (row, sum) in old.iter().zip(&old_sums) {
            groups.entry(sum.wrapping_sub(print(cell(0, *row, place), place))).or_default().0.push(*row);
        }
        for (row, sum) in new.iter().zip(&new_sums) {
            if let Some(group) = groups.get_mut(&sum.wrapping_sub(print(cell(1, *row, place), place))) {
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
    let mut pairs_by_place: Vec<Vec<(usize, usize)>> = vec![Vec::new(); common.len()];
    for row in &old {
        if let Some(Some(other)) = partner.get(row)
            && back.get(other) == Some(&Some(*row))
            && let Some(place) =
                (0..common.len()).find(|place| cell(0, *row, *place) != cell(1, *other, *place))
        {
            pairs_by_place[place].push((*row, *other));
        }
    }
    let chances = keys::chances([&heads[0], &heads[1]], common, seed);
    for (place, pairs) in pairs_by_place.into_iter().enumerate() {
        let others = chances.iter().enumerate().filter(|(other, _)| *other != place);
        let by_chance = (old.len() * new.len()) as f64 * others.map(|(_, chance)| chance).product::<f64>();
        if is_beyond_chance(pairs.len() as f64, by_chance) {
            pairs.into_iter().for_each(|(old, new)| free.take(old, new));
        }
    }
}

/// Return whether so many pairs are clearly more than the number that is expected by chance: three standard deviations
/// above twice that number.
pub(crate) fn is_beyond_chance(pairs: f64, expected: f64) -> bool {
    pairs >= 2.0 * expected + 3.0 * expected.sqrt()
}

/// Match unmatched rows between two matched ones, in order.
///
/// Both tables must have the same number of rows there, and each pair must agree in at least half of the cells.
pub(crate) fn in_gaps(
    stores: [&RowStore; 2],
    common: &[Pair],
    free: &mut Free,
    runs: &mut Runs,
    rows: [u64; 2],
) {
    let alike = |(old, new): (&usize, &usize)| {
        let (old, new) = (stores[0].row(*old), stores[1].row(*new));
        let same = common.iter().filter(|pair| old.get(pair.old) == new.get(pair.new)).count();
        same > 0 && 2 * same >= common.len()
    };
    let (old, new) = (free.old(), free.new_rows());
    let (mut old_rest, mut new_rest) = (&old[..], &new[..]);
    for fence in runs.fences(rows[0], rows[1]) {
        let split =
            |rest: &[usize], store: &RowStore, end: u64| rest.partition_point(|row| store.number(*row) < end);
        let (old_gap, rest) = old_rest.split_at(split(old_rest, stores[0], fence.old));
        old_rest = rest;
        let (new_gap, rest) = new_rest.split_at(split(new_rest, stores[1], fence.new));
        new_rest = rest;
        if old_gap.len() == new_gap.len() && old_gap.iter().zip(new_gap).all(alike) {
            for (old, new) in old_gap.iter().zip(new_gap) {
                free.take(*old, *new);
            }
        }
    }
}
