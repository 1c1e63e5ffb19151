//! Matching of the columns of two tables: by name, and by content where names are repeated or changed.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::order::increasing;
use crate::source::{Column, Table};
use crate::unmatched::RowStore;

/// The smallest number of rows from which a part of the cells may differ in a renamed column.
const FEW_ROWS: usize = 5;
/// The largest number of columns on each side that are compared with each other.
const MOST: usize = 256;
/// The largest number of columns of the same name that are compared with each other; more are matched in their order.
const SAME_NAME: usize = 16;

/// A column of the older table and the same column of the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) old: usize,
    pub(crate) new: usize,
}

impl Pair {
    /// Return the position in the older table (side 0) or in the newer one (side 1).
    pub(crate) fn on(self, side: usize) -> usize {
        [self.old, self.new][side]
    }
}

/// The positions of columns in both tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    /// The columns of both tables, also the renamed ones, in the order of the older table.
    pub(crate) common: Vec<Pair>,
    /// Those of them whose name changed.
    pub(crate) renamed: Vec<Pair>,
    pub(crate) removed: Vec<usize>,
    pub(crate) added: Vec<usize>,
}

/// The first rows of both tables.
pub(crate) type Heads = [RowStore; 2];

impl Columns {
    /// Match the columns. `heads` decides where the names do not.
    pub(crate) fn new(tables: [&dyn Table; 2], heads: &Heads, seed: u64) -> Self {
        let [old, new] = tables.map(Table::columns);
        let repeated: HashSet<&[u8]> =
            old.iter().chain(new).filter(|column| column.nth > 0).map(|column| &column.name[..]).collect();
        let mut places: HashMap<_, usize> = new.iter().zip(0..).collect();
        let (mut columns, mut left, mut right) = (Self::default(), Vec::new(), Vec::new());
        for (place, column) in old.iter().enumerate() {
            if repeated.contains(&column.name[..]) {
                left.push(place);
            } else if let Some(other) = places.remove(column) {
                columns.common.push(Pair { old: place, new: other });
            } else {
                columns.removed.push(place);
            }
        }
        for (column, place) in places {
            if repeated.contains(&column.name[..]) { right.push(place) } else { columns.added.push(place) }
        }
        let evidence = Evidence::new(heads, &columns.common, seed);
        columns.match_repeated(old, new, left, right, &evidence);
        columns.find_renames(&evidence);
        columns.sort();
        columns
    }

    fn sort(&mut self) {
        self.common.sort_unstable();
        self.renamed.sort_unstable();
        self.removed.sort_unstable();
        self.added.sort_unstable();
    }

    /// Match columns with the same name by their cells, the most similar ones first.
    fn match_repeated(
        &mut self,
        old: &[Column],
        new: &[Column],
        mut left: Vec<usize>,
        mut right: Vec<usize>,
        evidence: &Evidence,
    ) {
        right.sort_unstable();
        let mut names: HashMap<&[u8], [Vec<usize>; 2]> = HashMap::new();
        left.iter().for_each(|place| names.entry(&old[*place].name).or_default()[0].push(*place));
        right.iter().for_each(|place| names.entry(&new[*place].name).or_default()[1].push(*place));
        let mut scored: Vec<(u64, usize, Pair)> = Vec::new();
        for [left, right] in names.values() {
            let few = left.len() <= SAME_NAME && right.len() <= SAME_NAME;
            for pair in product(left, right) {
                let distance = old[pair.old].nth.abs_diff(new[pair.new].nth);
                if few || distance == 0 {
                    let share = evidence.share(pair).map_or(0.0, |share| share.equal);
                    // As an integer, so that it can be ordered.
                    scored.push(((share * 1e6) as u64, distance, pair));
                }
            }
        }
        scored.sort_by_key(|(share, distance, pair)| (std::cmp::Reverse(*share), *distance, *pair));
        let (mut used_old, mut used_new) = (HashSet::new(), HashSet::new());
        for (_, _, pair) in scored {
            if !used_old.contains(&pair.old) && !used_new.contains(&pair.new) {
                used_old.insert(pair.old);
                used_new.insert(pair.new);
                self.common.push(pair);
            }
        }
        left.retain(|place| !used_old.contains(place));
        right.retain(|place| !used_new.contains(place));
        self.removed.extend(left);
        self.added.extend(right);
    }

    /// Find columns that were renamed: those with the same cells in almost all rows that both tables have.
    ///
    /// A column does not count if it agrees by chance, or if another column has the same cells.
    fn find_renames(&mut self, evidence: &Evidence) {
        if self.removed.len() > MOST || self.added.len() > MOST {
            return;
        }
        let mut shares: Vec<(Pair, f64)> = Vec::new();
        for pair in product(&self.removed, &self.added) {
            if let Some(share) = evidence.share(pair).filter(Share::is_evidence) {
                shares.push((pair, share.equal));
            }
        }
        let rival = |pair: Pair, equal: f64| {
            let one_end = |other: &(Pair, f64)| (other.0.old == pair.old) != (other.0.new == pair.new);
            shares.iter().filter(|other| one_end(other)).any(|other| other.1 > 0.9 * equal)
                || self.common.iter().take(MOST).any(|column| {
                    evidence.copies(0, pair.old, column.old) || evidence.copies(1, pair.new, column.new)
                })
        };
        let clear: Vec<Pair> =
            shares.iter().filter(|(pair, equal)| !rival(*pair, *equal)).map(|(pair, _)| *pair).collect();
        self.removed.retain(|place| clear.iter().all(|pair| pair.old != *place));
        self.added.retain(|place| clear.iter().all(|pair| pair.new != *place));
        self.common.extend(&clear);
        self.renamed.extend(clear);
    }

    /// Regard a renamed column as removed and added.
    pub(crate) fn forget_rename(&mut self, pair: Pair) {
        self.common.retain(|other| *other != pair);
        self.renamed.retain(|other| *other != pair);
        self.removed.push(pair.old);
        self.added.push(pair.new);
        self.sort();
    }

    /// Return the smallest set of columns whose move explains the new order, as positions in the older table.
    pub(crate) fn moved(&self) -> Vec<usize> {
        let order: Vec<usize> = self.common.iter().map(|pair| pair.new).collect();
        let mut stayed = increasing(&order).into_iter().peekable();
        let moved = (0..order.len()).filter(|place| stayed.next_if_eq(place).is_none());
        moved.map(|place| self.common[place].old).collect()
    }
}

fn product<'a>(left: &'a [usize], right: &'a [usize]) -> impl Iterator<Item = Pair> + 'a {
    left.iter().flat_map(|old| right.iter().map(|new| Pair { old: *old, new: *new }))
}

/// How often the cells of two columns are equal.
struct Share {
    /// The part of the rows with equal cells.
    equal: f64,
    /// The part that would be equal by chance.
    chance: f64,
    rows: usize,
    /// Whether the rows were matched. Otherwise only the values of the columns were compared, regardless of rows.
    matched: bool,
    /// The number of different values in the older column.
    values: usize,
}

impl Share {
    /// Return whether the columns are the same, beyond what chance and constant columns explain.
    fn is_evidence(&self) -> bool {
        if self.chance >= 1.0 || self.rows < 2 {
            return false;
        }
        let lift = (self.equal - self.chance) / (1.0 - self.chance);
        match (self.matched, self.rows < FEW_ROWS) {
            (true, true) => self.equal >= 1.0,
            (true, false) => lift >= 0.5,
            (false, _) => self.equal >= 0.8 && 2 * self.values > self.rows.min(40),
        }
    }
}

/// The rows of both heads that are the same in the columns that surely correspond.
struct Evidence<'a> {
    heads: &'a Heads,
    /// Indices into the heads; `None` if too few rows can be distinguished.
    pairs: Option<Vec<(usize, usize)>>,
    seed: u64,
}

impl<'a> Evidence<'a> {
    fn new(heads: &'a Heads, sure: &[Pair], seed: u64) -> Self {
        let print = |side: usize, index: usize| {
            let cells = heads[side].row(index);
            let places = sure.iter().map(|pair| pair.on(side));
            places.fold(seed, |hash, place| xxh3_64_with_seed(cells.get(place), hash))
        };
        let once = |side: usize| {
            let mut rows: HashMap<u64, Option<usize>> = HashMap::new();
            for index in 0..heads[side].len() {
                rows.entry(print(side, index)).and_modify(|row| *row = None).or_insert(Some(index));
            }
            rows
        };
        let (old, new) = (once(0), once(1));
        let mut pairs: Vec<(usize, usize)> =
            old.iter().filter_map(|(print, row)| Some(((*row)?, (*new.get(print)?)?))).collect();
        pairs.sort_unstable();
        let rows = heads[0].len().min(heads[1].len());
        let enough = !sure.is_empty() && pairs.len() >= 2.min(rows) && pairs.len() >= (rows / 100).min(20);
        Self { heads, pairs: enough.then_some(pairs), seed }
    }

    fn share(&self, pair: Pair) -> Option<Share> {
        let value = |side: usize, index: usize| {
            let place = pair.on(side);
            xxh3_64_with_seed(self.heads[side].row(index).get(place), self.seed)
        };
        let mut counts: HashMap<u64, [u64; 2]> = HashMap::new();
        let (mut equal, rows) =
            (0, self.pairs.as_ref().map_or(self.heads[0].len().max(self.heads[1].len()), Vec::len));
        if let Some(pairs) = &self.pairs {
            for (old, new) in pairs {
                let (old, new) = (value(0, *old), value(1, *new));
                equal += usize::from(old == new);
                counts.entry(old).or_default()[0] += 1;
                counts.entry(new).or_default()[1] += 1;
            }
        } else {
            for side in [0, 1] {
                (0..self.heads[side].len())
                    .for_each(|index| counts.entry(value(side, index)).or_default()[side] += 1);
            }
            equal = counts.values().map(|count| count[0].min(count[1])).sum::<u64>() as usize;
        }
        let total = |side: usize| counts.values().map(|count| count[side]).sum::<u64>() as f64;
        let product = total(0) * total(1);
        if product == 0.0 {
            return None;
        }
        let chance = counts.values().map(|count| (count[0] * count[1]) as f64).sum::<f64>() / product;
        let values = counts.values().filter(|count| count[0] > 0).count();
        Some(Share { equal: equal as f64 / rows as f64, chance, rows, matched: self.pairs.is_some(), values })
    }

    /// Return whether two columns of the same table have the same cells.
    fn copies(&self, side: usize, one: usize, other: usize) -> bool {
        let head = &self.heads[side];
        head.len() > 0 && (0..head.len()).all(|index| head.row(index).get(one) == head.row(index).get(other))
    }
}
