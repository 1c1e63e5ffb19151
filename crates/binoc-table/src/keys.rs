//! The search for a key: the smallest set of columns that identifies rows, and under which the other cells agree.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use binoc_sdk::Result;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::columns::{Columns, Heads, Pair};
use crate::merge::spill_error;
use crate::partition::{Numbers, PARTITIONS, Partitions};
use crate::source::{Cells, RowHasher, Table};
use crate::unmatched::RowStore;

/// The number of columns that are combined in pairs.
const PAIR_COLUMNS: usize = 64;
/// The number of columns that are combined in threes.
const TRIPLE_COLUMNS: usize = 24;
/// The largest number of columns of a key.
const LONGEST: usize = 12;
/// The largest number of candidates.
const CANDIDATES: usize = 24;

/// The columns that identify a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) columns: Vec<Pair>,
    /// Whether values that are the same number are the same, such as `1` and `1.0`.
    pub(crate) numeric: bool,
}

impl Key {
    /// Return the hash of the value of a row; `None` if a part is missing. `buffer` is scratch memory.
    pub(crate) fn value(
        &self,
        table: &dyn Table,
        side: usize,
        cells: Cells<'_>,
        seed: u64,
        buffer: &mut Vec<u8>,
    ) -> Option<u128> {
        buffer.clear();
        for column in &self.columns {
            let place = column.on(side);
            let cell = &*table.key_part(place, cells.get(place));
            if cell.is_empty() {
                return None;
            }
            let start = buffer.len();
            match self.numeric.then(|| number(table.plain(cell))).flatten() {
                Some(number) => number.write(buffer),
                None if self.numeric => buffer.extend_from_slice(table.plain(cell)),
                None => buffer.extend_from_slice(cell),
            }
            buffer.extend_from_slice(&((buffer.len() - start) as u64).to_le_bytes());
        }
        Some(xxh3_128_with_seed(buffer, seed))
    }
}

/// A decimal number, without its sign, leading zeros, and zeros at the end of its fraction.
#[derive(Debug, PartialEq, Eq)]
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl Number<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        let sign: &[u8] = if self.negative { b"-" } else { b"+" };
        for part in [sign, self.whole, b".", self.fraction] {
            buffer.extend_from_slice(part);
        }
    }
}

fn number(cell: &[u8]) -> Option<Number<'_>> {
    let cell = cell.trim_ascii();
    let (negative, digits) = match cell.first()? {
        b'-' => (true, &cell[1..]),
        b'+' => (false, &cell[1..]),
        _ => (false, cell),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = point.map_or((digits, &digits[..0]), |at| (&digits[..at], &digits[at + 1..]));
    let all_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
    let end = fraction.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last + 1);
    let (whole, fraction) = (&whole[zeros..], &fraction[..end]);
    Some(Number { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
}

/// The number of rows of a table whose value of a key is missing or repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flaws {
    pub(crate) missing: u64,
    pub(crate) repeated: u64,
}

impl Flaws {
    /// Return whether so few rows are affected that the others still have a key.
    pub(crate) fn are_few(self, rows: u64) -> bool {
        self.missing + self.repeated <= few(rows)
    }

    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Return the number of rows without a unique value that a key may have.
fn few(rows: u64) -> u64 {
    if rows < 8 { 0 } else { (rows / 8).max(2) }
}

/// A set of columns that identifies the rows of both heads.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) key: Key,
    /// Whether a column contains numbers with a fraction, like a measurement.
    pub(crate) measured: bool,
    /// Whether it is at the beginning of the table, has the name of an identifier, or increases from row to row.
    pub(crate) identifier_like: bool,
}

impl Candidate {
    /// Return whether this is a single column like an identifier.
    pub(crate) fn is_identifier(&self) -> bool {
        self.key.columns.len() == 1 && self.identifier_like && !self.measured
    }
}

/// The hashes of the cells of both heads.
struct Values {
    /// For each common column and side: the hashes of its cells; 0 for a missing cell.
    columns: Vec<[Vec<u64>; 2]>,
}

impl Values {
    fn new(heads: &Heads, columns: &[Pair], seed: u64) -> Self {
        let hash = |cell: &[u8]| if cell.is_empty() { 0 } else { xxh3_64_with_seed(cell, seed) | 1 };
        let of = |side: usize, place: usize| {
            let head = &heads[side];
            (0..head.len()).map(|index| hash(head.row(index).get(place))).collect()
        };
        let columns = columns.iter().map(|pair| [of(0, pair.old), of(1, pair.new)]).collect();
        Self { columns }
    }

    /// Return whether almost all rows of both heads have a value of their own in these columns.
    fn identify(&self, columns: &[usize]) -> bool {
        [0, 1].iter().all(|side| self.flaws(columns, *side).is_some())
    }

    /// Return the number of rows without a value of their own; `None` if there are more than a few.
    fn flaws(&self, columns: &[usize], side: usize) -> Option<Flaws> {
        let rows = self.columns[columns[0]][side].len();
        let mut repeats: HashMap<u64, bool> = HashMap::new();
        let mut flaws = Flaws::default();
        for row in 0..rows {
            let mut print = 0u64;
            let mut missing = false;
            for column in columns {
                let value = self.columns[*column][side][row];
                missing |= value == 0;
                print = (print.rotate_left(23) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            }
            if missing {
                flaws.missing += 1;
            } else {
                match repeats.get_mut(&print) {
                    None => {
                        repeats.insert(print, false);
                    }
                    Some(repeated) => {
                        flaws.repeated += 1 + u64::from(!*repeated);
                        *repeated = true;
                    }
                }
            }
            // Most columns repeat a value after a few rows.
            if !flaws.are_few(rows as u64) {
                return None;
            }
        }
        Some(flaws)
    }

    fn different(&self, columns: &[usize], side: usize) -> usize {
        let rows = self.columns[columns[0]][side].len();
        let print = |row: usize| {
            columns.iter().fold(0u64, |print, column| {
                (print.rotate_left(23) ^ self.columns[*column][side][row]).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            })
        };
        (0..rows).map(print).collect::<HashSet<u64>>().len()
    }
}

/// Return sets of columns that identify the rows of both heads, of which no part does. Smaller ones are first.
pub(crate) fn candidates(
    tables: [&dyn Table; 2],
    heads: &Heads,
    columns: &Columns,
    seed: u64,
) -> Vec<Candidate> {
    let common = &columns.common;
    if common.is_empty() || heads.iter().any(|head| head.len() == 0) {
        return Vec::new();
    }
    let values = Values::new(heads, common, seed);
    let measured: Vec<bool> = common.iter().map(|pair| is_measured(tables, heads, *pair)).collect();
    let mut keys: Vec<Vec<usize>> = (0..common.len())
        .filter(|place| values.identify(&[*place]))
        .map(|place| vec![place])
        .take(CANDIDATES)
        .collect();
    // Measurements and constants are not parts of a key of several columns.
    let part = |place: &usize| {
        !measured[*place] && values.different(&[*place], 0).max(values.different(&[*place], 1)) > 1
    };
    let parts: Vec<usize> = (0..common.len())
        .filter(|place| !keys.contains(&vec![*place]))
        .filter(part)
        .take(PAIR_COLUMNS)
        .collect();
    let single = keys.len();
    for (index, one) in parts.iter().enumerate() {
        for other in &parts[index + 1..] {
            if keys.len() < single + CANDIDATES && values.identify(&[*one, *other]) {
                keys.push(vec![*one, *other]);
            }
        }
    }
    let few_parts = &parts[..parts.len().min(TRIPLE_COLUMNS)];
    if keys.len() == single {
        for (index, one) in few_parts.iter().enumerate() {
            for (next, two) in few_parts.iter().enumerate().skip(index + 1) {
                for three in &few_parts[next + 1..] {
                    if keys.len() < single + CANDIDATES && values.identify(&[*one, *two, *three]) {
                        keys.push(vec![*one, *two, *three]);
                    }
                }
            }
        }
    }
    if keys.len() == single {
        keys.extend(grow(&values, &parts));
    }
    let candidate = |places: Vec<usize>| {
        let key = Key { columns: places.iter().map(|place| common[*place]).collect(), numeric: false };
        let identifier_like = places.iter().all(|place| is_identifier_like(tables[0], heads, common[*place]));
        Candidate { measured: places.iter().any(|place| measured[*place]), identifier_like, key }
    };
    // A key of all columns says no more than the content.
    keys.into_iter().filter(|places| places.len() < common.len()).map(candidate).collect()
}

/// Add the column that distinguishes most rows until all are distinguished, then remove the columns that are not needed.
fn grow(values: &Values, parts: &[usize]) -> Option<Vec<usize>> {
    let mut key: Vec<usize> = Vec::new();
    while key.is_empty() || !values.identify(&key) {
        if key.len() == LONGEST {
            return None;
        }
        let with = |place: usize| [&key[..], &[place]].concat();
        let free = parts.iter().filter(|place| !key.contains(place));
        let best =
            free.max_by_key(|place| (values.different(&with(**place), 0), std::cmp::Reverse(**place)))?;
        if !key.is_empty() && values.different(&with(*best), 0) == values.different(&key, 0) {
            return None;
        }
        key.push(*best);
    }
    for place in key.clone() {
        let rest: Vec<usize> = key.iter().copied().filter(|other| *other != place).collect();
        if !rest.is_empty() && values.identify(&rest) {
            key = rest;
        }
    }
    key.sort_unstable();
    Some(key)
}

/// Return whether most values of a column are numbers of which some have a fraction.
fn is_measured(tables: [&dyn Table; 2], heads: &Heads, pair: Pair) -> bool {
    let (mut numbers, mut fractions, mut values) = (0, 0, 0);
    for (side, place) in [(0, pair.old), (1, pair.new)] {
        for index in 0..heads[side].len().min(256) {
            let cell = tables[side].plain(heads[side].row(index).get(place));
            values += usize::from(!cell.is_empty());
            if let Some(number) = number(cell) {
                numbers += 1;
                fractions += usize::from(!number.fraction.is_empty());
            }
        }
    }
    2 * numbers > values && 10 * fractions > numbers
}

fn is_identifier_like(table: &dyn Table, heads: &Heads, pair: Pair) -> bool {
    let name = table.columns()[pair.old].name.to_ascii_lowercase();
    let named = ["id", "key", "code", "uuid", "guid", "nr", "no", "number"]
        .iter()
        .any(|word| name.split(|byte| !byte.is_ascii_alphanumeric()).any(|part| part == word.as_bytes()))
        || name.ends_with(b"id");
    let head = &heads[0];
    let cells = (0..head.len()).map(|index| table.plain(head.row(index).get(pair.old)));
    let order = |cell: &[u8]| number(cell).map(|number| (number.whole.len(), number.whole.to_vec()));
    pair.old == 0
        || named
        || head.len() > 2 && cells.map(order).is_sorted_by(|one, next| one.is_some() && one < next)
}

/// The result of a candidate for a sample of the unmatched rows of both tables.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    /// The number of rows with the same value of the key.
    pub(crate) pairs: u64,
    /// The number of their other cells that are equal.
    pub(crate) agreeing: u64,
    /// The number of their other cells that are not.
    pub(crate) changed: u64,
    /// The number of rows without a counterpart.
    pub(crate) unmatched: u64,
    /// The numbers are multiples of this: one row of a sample represents so many.
    part: u64,
}

impl Score {
    fn scale(&mut self, factor: u64) {
        for count in
            [&mut self.pairs, &mut self.unmatched, &mut self.agreeing, &mut self.changed, &mut self.part]
        {
            *count *= factor;
        }
    }

    /// Return the number of cells that are edited, removed or added if this is the key.
    pub(crate) fn edits(&self, width: usize) -> u64 {
        let edits = self.changed + self.unmatched * width as u64;
        // Numbers of a sample differ by chance. Such differences must not decide.
        if self.part == 1 {
            edits
        } else {
            edits.next_multiple_of((self.part * SAMPLE as u64 * width as u64 / 32).max(1))
        }
    }
}

/// A map from hashes, which need no further hashing.
type Hashed<V> = HashMap<u128, V, BuildHasherDefault<Unchanged>>;

/// A hasher that returns the half of a hash. The hashes have a random key, so collisions cannot be prepared.
#[derive(Default)]
pub(crate) struct Unchanged(u64);

impl Hasher for Unchanged {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // `u128::hash` calls `write_u128`; this is only for completeness.
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// Match the rows of two stores by a key. Rows whose value is missing, or repeated within a store, have no counterpart.
pub(crate) fn join(
    tables: [&dyn Table; 2],
    stores: [&RowStore; 2],
    key: &Key,
    seed: u64,
) -> Vec<(usize, usize)> {
    join_sample(tables, stores, key, seed, 1, usize::MAX).0
}

/// The number of rows that a sample of the rows of two stores has about.
const SAMPLE: usize = 1 << 15;

/// Match a part of the `first` rows, those whose value has a certain hash. Also return the number of all sampled rows.
fn join_sample(
    tables: [&dyn Table; 2],
    stores: [&RowStore; 2],
    key: &Key,
    seed: u64,
    part: u64,
    first: usize,
) -> (Vec<(usize, usize)>, usize) {
    let mut buffer = Vec::new();
    // The first row of each value on each side, and whether there are others.
    let capacity = stores[0].len().min(first) / part as usize;
    let mut rows: Hashed<[Option<(u32, bool)>; 2]> =
        Hashed::with_capacity_and_hasher(capacity, Default::default());
    let mut sampled = 0;
    for side in [0, 1] {
        for index in 0..stores[side].len().min(first) {
            let Some(value) = key.value(tables[side], side, stores[side].row(index), seed, &mut buffer)
            else {
                sampled += usize::from((index as u64).is_multiple_of(part));
                continue;
            };
            if !((value >> 64) as u64).is_multiple_of(part) {
                continue;
            }
            sampled += 1;
            let slot = &mut rows.entry(value).or_default()[side];
            *slot = Some(slot.map_or((index as u32, false), |(first, _)| (first, true)));
        }
    }
    let mut pairs: Vec<(usize, usize)> = rows
        .into_values()
        .filter_map(|rows| match rows {
            [Some((old, false)), Some((new, false))] => Some((old as usize, new as usize)),
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    (pairs, sampled)
}

/// Count what a key says about two stores, or about a sample of them.
pub(crate) fn score(tables: [&dyn Table; 2], stores: [&RowStore; 2], key: &Key, common: &[Pair]) -> Score {
    let part = ((stores[0].len() + stores[1].len()) / SAMPLE).max(1) as u64;
    score_sample(tables, stores, key, common, part, usize::MAX)
}

/// Count what a key says about the first rows of two stores. This is faster than [`score`], but it is only a result if these
/// rows are mostly the same in both stores.
pub(crate) fn score_first(
    tables: [&dyn Table; 2],
    stores: [&RowStore; 2],
    key: &Key,
    common: &[Pair],
    first: usize,
) -> Score {
    let [all, read] =
        [usize::MAX, first].map(|first| stores.map(|store| store.len().min(first)).iter().sum::<usize>());
    let mut score = score_sample(tables, stores, key, common, 1, first);
    score.scale((all / read.max(1)).max(1) as u64);
    score
}

fn score_sample(
    tables: [&dyn Table; 2],
    stores: [&RowStore; 2],
    key: &Key,
    common: &[Pair],
    part: u64,
    first: usize,
) -> Score {
    // The sample must be the same in each run.
    let seed = 0;
    let (pairs, sampled) = join_sample(tables, stores, key, seed, part, first);
    let mut score = Score {
        pairs: pairs.len() as u64,
        unmatched: (sampled - 2 * pairs.len()) as u64,
        part: 1,
        ..Score::default()
    };
    let rest: Vec<&Pair> = common.iter().filter(|pair| !key.columns.contains(pair)).collect();
    for (old, new) in pairs {
        let (old, new) = (stores[0].row(old), stores[1].row(new));
        let agreeing = rest.iter().filter(|pair| old.get(pair.old) == new.get(pair.new)).count() as u64;
        score.agreeing += agreeing;
        score.changed += rest.len() as u64 - agreeing;
    }
    score.scale(part);
    score
}

/// Return for each column the probability that it agrees in unrelated rows of both tables.
pub(crate) fn chances(stores: [&RowStore; 2], common: &[Pair], seed: u64) -> Vec<f64> {
    const ROWS: usize = 2000;
    let rows = stores.map(|store| store.len().min(ROWS));
    let chance = |pair: &Pair| {
        let mut counts: HashMap<u64, [u64; 2]> = HashMap::new();
        for (side, place) in [(0, pair.old), (1, pair.new)] {
            for index in 0..rows[side] {
                let value = xxh3_64_with_seed(stores[side].row(index).get(place), seed);
                counts.entry(value).or_default()[side] += 1;
            }
        }
        let equal = counts.values().map(|count| (count[0] * count[1]) as f64).sum::<f64>();
        equal / ((rows[0] * rows[1]) as f64).max(1.0)
    };
    common.iter().map(chance).collect()
}

/// Return whether a key only numbers the rows, so that all rows after an inserted one would look edited.
///
/// This is so if at least half of the rows that differ under this key are the same when matched by all other columns.
pub(crate) fn is_renumbered(
    tables: [&dyn Table; 2],
    stores: [&RowStore; 2],
    key: &Key,
    common: &[Pair],
    seed: u64,
) -> bool {
    /// The smallest number of rows found elsewhere that shows that a column only numbers the rows.
    const RENUMBERED: usize = 3;
    let rest: Vec<&Pair> = common.iter().filter(|pair| !key.columns.contains(pair)).collect();
    if rest.is_empty() {
        return false;
    }
    let mut buffer = Vec::new();
    let mut prints = |side: usize| -> Vec<u128> {
        let columns = rest.iter().map(|pair| pair.on(side)).collect();
        let hasher = RowHasher { columns, width: usize::MAX, separator: tables[0].separator(), seed };
        (0..stores[side].len()).map(|index| hasher.hash(stores[side].row(index), &mut buffer)).collect()
    };
    let (old, new) = (prints(0), prints(1));
    let once = |prints: &[u128]| {
        let mut unique: Hashed<bool> = Hashed::default();
        for print in prints {
            unique.entry(*print).and_modify(|once| *once = false).or_insert(true);
        }
        unique.into_iter().filter(|(_, once)| *once).map(|(print, _)| print).collect::<HashSet<u128>>()
    };
    let both = &once(&old) & &once(&new);
    let changed: Vec<u128> = join(tables, stores, key, seed)
        .into_iter()
        .filter(|(one, other)| old[*one] != new[*other])
        .map(|(one, _)| old[one])
        .collect();
    let elsewhere = changed.iter().filter(|print| both.contains(print)).count();
    elsewhere >= RENUMBERED && 2 * elsewhere >= changed.len()
}

/// Count the rows of a whole table whose value of a key is repeated.
///
/// Values are compared as they are written, so a numeric key can have more repeated values than this.
pub(crate) fn flaws(table: &dyn Table, side: usize, key: &Key, seed: u64, memory: u64) -> Result<Flaws> {
    let columns: Vec<usize> = key.columns.iter().map(|pair| pair.on(side)).collect();
    let hasher = RowHasher { columns, width: usize::MAX, separator: table.separator(), seed };
    let missing = hasher.hash_bytes(&vec![table.separator(); key.columns.len() - 1]);
    let mut flaws = Flaws::default();
    let mut values = Partitions::new(memory);
    let mut failed = None;
    table.hash_rows(&hasher, &mut |block| {
        for row in block {
            if row.hash == missing {
                flaws.missing += 1;
                continue;
            }
            // 64 bits are enough to count: two of a billion values collide with a probability of 3 %, and one repeated
            // value too many does not make a key unusable.
            let hash = (row.hash >> 64) as u64;
            let push = values.push((hash >> 56) as usize % PARTITIONS, |bytes| {
                bytes.extend_from_slice(&hash.to_le_bytes());
            });
            if let Err(error) = push {
                failed = Some(error);
                return false;
            }
        }
        true
    })?;
    if let Some(error) = failed {
        return Err(spill_error(error));
    }
    for partition in 0..PARTITIONS {
        let records = values.take(partition).map_err(spill_error)?;
        let mut numbers = Numbers(&records);
        let mut hashes = Vec::with_capacity(records.len() / 8);
        while !numbers.is_empty() {
            hashes.push(numbers.u64());
        }
        hashes.sort_unstable();
        let repeated = hashes.chunk_by(|one, next| one == next).filter(|group| group.len() > 1);
        flaws.repeated += repeated.map(|group| group.len() as u64).sum::<u64>();
    }
    Ok(flaws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_in_other_forms() {
        let text = |cell: &str| {
            let mut buffer = Vec::new();
            number(cell.as_bytes()).unwrap().write(&mut buffer);
            String::from_utf8(buffer).unwrap()
        };
        for (one, other) in [("1", "1.0"), ("1", "+01.00"), ("-0", "0.0"), (".5", "0.50"), (" 7 ", "7.")] {
            assert_eq!(text(one), text(other), "{one} {other}");
        }
        assert_ne!(text("1"), text("-1"));
        assert_ne!(text("10"), text("1"));
        for cell in ["", "a", "1a", "1.2.3", "-", ".", "1e3", "1,5"] {
            assert_eq!(number(cell.as_bytes()), None, "{cell}");
        }
    }
}
