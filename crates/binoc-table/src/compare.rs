//! The comparison of two tables: matching of columns and rows, then counting of differences.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use binoc_sdk::{Error, Example, Result};

use crate::columns::{Columns, Heads, Pair};
use crate::content::{self, Free};
use crate::keys::{self, Candidate, Flaws, Key, Score};
use crate::merge::{Merged, merge, spill_error};
use crate::order::{Moved, Run};
use crate::partition::{Numbers, PARTITIONS, Partitions};
use crate::source::{Cells, RowHasher, Table};
use crate::tally::{Tally, listed};
use crate::unmatched::{RowStore, Unmatched};

/// The number of rows at the beginning of a table that are searched for keys and renamed columns.
const HEAD_ROWS: usize = 4096;
/// The number of bytes of them.
const HEAD_BYTES: u64 = 8 << 20;
/// The number of first unmatched rows that are enough to rank candidates for a key.
const FIRST_ROWS: usize = 1 << 13;
/// The number of unmatched rows that are searched for a key if not all fit into the memory.
const SAMPLE_ROWS: usize = 1 << 16;
/// The number of candidates for a key that are checked on the whole table.
const TRIES: usize = 6;

/// The key that the user or the file names, and the limits of a comparison.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The names of the columns that identify a row; empty if none are known.
    pub key: Vec<String>,
    /// Where they come from.
    pub origin: KeyOrigin,
    /// Whether the order of the rows is a part of the content.
    pub ordered: bool,
    /// The largest number of examples of a fact.
    pub examples: usize,
    /// The limit of the memory, in bytes.
    pub memory: u64,
}

/// Where the key of a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// From the user.
    Requested,
    /// From the definition of the table, which guarantees that each row has a unique value.
    Declared,
}

/// How rows were matched.
#[derive(Debug)]
pub(crate) enum How {
    Key {
        key: Key,
        inferred: bool,
        flaws: [Flaws; 2],
    },
    /// By all cells, and rows that differ in some of them only if they were unambiguous.
    Content {
        near: bool,
    },
}

/// How rows were matched, and what else is known about keys.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) how: How,
    /// Why the requested key was not used.
    pub(crate) unusable: Option<&'static str>,
    /// The candidate that identifies the rows of each table, if no value of it is in both.
    pub(crate) disjoint: Option<Key>,
}

impl Choice {
    fn of(how: How) -> Self {
        Self { how, unusable: None, disjoint: None }
    }
}

/// The result of a comparison.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) columns: Columns,
    pub(crate) rows: [u64; 2],
    /// The number of rows that both tables have, edited or not.
    pub(crate) matched: u64,
    pub(crate) choice: Choice,
    pub(crate) tally: Tally,
    /// The rows that moved, and the first of them.
    pub(crate) moved: Option<(Moved, Vec<Example>)>,
}

/// Return a number that cannot be predicted, so that different rows cannot be prepared to have the same hash.
fn random_seed() -> u64 {
    RandomState::new().hash_one(0)
}

pub(crate) fn run(tables: [&dyn Table; 2], settings: &Settings) -> Result<Comparison> {
    let seed = random_seed();
    let heads = [head(tables[0])?, head(tables[1])?];
    let mut columns = Columns::new(tables, &heads, seed);
    loop {
        let comparison = Comparer { tables, settings, heads: &heads, columns: &columns, seed }.compare()?;
        // A rename in the first rows must hold in all rows.
        let wrong = columns.renamed.iter().find(|renamed| {
            let place = columns.common.iter().position(|pair| pair == *renamed);
            let changed = place.map_or(0, |place| comparison.tally.by_column[place]);
            2 * changed > comparison.matched
        });
        match wrong.copied() {
            Some(pair) => columns.forget_rename(pair),
            None => return Ok(comparison),
        }
    }
}

/// Return the rows at the positions of `moved.first` as examples.
fn moved_rows(table: &dyn Table, moved: &Moved) -> Result<Vec<Example>> {
    let (mut rows, mut row) = (Vec::new(), 0);
    let Some(last) = moved.first.last() else { return Ok(rows) };
    table.scan(&mut |_, cells| {
        if moved.first.binary_search(&row).is_ok() {
            rows.push(listed(table, row, cells));
        }
        row += 1;
        Ok(row <= *last)
    })?;
    Ok(rows)
}

fn head(table: &dyn Table) -> Result<RowStore> {
    let mut head = RowStore::default();
    table.scan(&mut |_, cells| {
        head.push(head.len() as u64, cells);
        Ok(head.len() < HEAD_ROWS && head.bytes() < HEAD_BYTES)
    })?;
    Ok(head)
}

/// Read both tables at the same time.
fn both<T: Send>(read: impl Fn(usize) -> Result<T> + Sync) -> Result<[T; 2]> {
    std::thread::scope(|scope| {
        let left = scope.spawn(|| read(0));
        let right = read(1)?;
        let left = left.join().map_err(|_| Error::new("the reader of a table panicked"))??;
        Ok([left, right])
    })
}

/// One attempt to match rows, with the columns that are assumed to be the same.
struct Comparer<'a> {
    tables: [&'a dyn Table; 2],
    settings: &'a Settings,
    heads: &'a Heads,
    columns: &'a Columns,
    seed: u64,
}

impl Comparer<'_> {
    fn compare(&self) -> Result<Comparison> {
        let memory = self.settings.memory;
        let separator = self.tables[0].separator();
        let hasher = |side: usize| RowHasher {
            columns: self.columns.common.iter().map(|pair| pair.on(side)).collect(),
            width: self.tables[side].columns().len(),
            separator,
            seed: self.seed,
        };
        let mut merged = merge(self.tables, [&hasher(0), &hasher(1)], memory)?;
        let mut tally = Tally::new(self.columns.common.len(), self.settings.examples);
        let choice = if self.columns.common.is_empty() {
            Choice { how: How::Content { near: false }, unusable: None, disjoint: None }
        } else {
            self.match_rest(&mut merged, &mut tally)?
        };
        let examples = if self.settings.ordered { self.settings.examples } else { 0 };
        let moved = match merged.runs.moved(examples) {
            Some(moved) => {
                let rows = moved_rows(self.tables[0], &moved)?;
                Some((moved, rows))
            }
            None => None,
        };
        let (columns, rows, matched) = (self.columns.clone(), merged.rows, merged.equal);
        Ok(Comparison { columns, rows, matched, choice, tally, moved })
    }

    /// Match and compare the rows that the other table does not have.
    fn match_rest(&self, merged: &mut Merged, tally: &mut Tally) -> Result<Choice> {
        let (stores, complete) = self.load(&merged.unmatched, self.free_memory(merged) / 2)?;
        let stores = [&stores[0], &stores[1]];
        let mut free = Free::new(stores);
        if complete {
            self.match_equal(stores, &mut free, merged);
        }
        let mut choice = self.choose(merged, stores)?;
        match (&mut choice.how, complete) {
            (How::Key { key, .. }, true) => self.join_stores(Some(key), stores, &mut free, merged, tally),
            (How::Key { key, .. }, false) => self.join_partitions(key, merged, tally)?,
            (How::Content { .. }, true) => self.join_stores(None, stores, &mut free, merged, tally),
            (How::Content { near }, false) => {
                *near = false;
                self.list_all(&merged.unmatched, tally)?;
            }
        }
        Ok(choice)
    }

    /// Return the memory that the result of the first pass leaves, in bytes.
    fn free_memory(&self, merged: &Merged) -> u64 {
        let [old, new] = &merged.unmatched;
        self.settings.memory.saturating_sub(merged.runs.bytes() + old.bytes() + new.bytes())
    }

    /// Read the unmatched rows of both tables, and return whether all of them fit into `memory`. If not, the first ones are
    /// returned.
    fn load(&self, unmatched: &[Unmatched; 2], memory: u64) -> Result<([RowStore; 2], bool)> {
        let read = |side: usize| -> Result<RowStore> {
            let mut store = RowStore::default();
            unmatched[side].read(self.tables[side], &mut |row, cells| {
                store.push(row, cells);
                Ok(store.bytes() < memory / 2)
            })?;
            Ok(store)
        };
        let mut stores = both(read)?;
        let complete = [0, 1].iter().all(|side| stores[*side].len() as u64 == unmatched[*side].count());
        if !complete {
            stores.iter_mut().for_each(|store| store.truncate(SAMPLE_ROWS));
        }
        Ok((stores, complete))
    }

    /// Match rows that have the same cells, but are written differently: with fewer empty cells at the end.
    fn match_equal(&self, stores: [&RowStore; 2], free: &mut Free, merged: &mut Merged) {
        if !stores.iter().zip(self.tables).any(|(store, table)| is_ragged(store, table)) {
            return;
        }
        let mut rows: HashMap<Vec<&[u8]>, Vec<usize>> = HashMap::new();
        for index in (0..stores[0].len()).rev() {
            rows.entry(self.trimmed(0, stores[0].row(index))).or_default().push(index);
        }
        for new in 0..stores[1].len() {
            if let Some(old) = rows.get_mut(&self.trimmed(1, stores[1].row(new))).and_then(Vec::pop) {
                (free.old[old], free.new[new]) = (false, false);
                merged.equal += 1;
                merged.runs.push(Run::new(stores[0].number(old), stores[1].number(new), 1));
            }
        }
    }

    /// Return the cells of the common columns and beyond the header, without empty ones at the end.
    fn trimmed<'c>(&self, side: usize, cells: Cells<'c>) -> Vec<&'c [u8]> {
        let places = self.columns.common.iter().map(|pair| pair.on(side));
        let beyond = self.tables[side].columns().len()..cells.len();
        let mut cells: Vec<&[u8]> = places.chain(beyond).map(|place| cells.get(place)).collect();
        cells.truncate(cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
        cells
    }

    /// Choose the key: the requested one, or the best candidate.
    fn choose(&self, merged: &Merged, stores: [&RowStore; 2]) -> Result<Choice> {
        let mut unusable = None;
        if !self.settings.key.is_empty() {
            match self.requested() {
                None => unusable = Some("a column of it is missing"),
                Some(key) => {
                    let rows = stores[0].len().min(stores[1].len()) as u64;
                    let score = |key: &Key| keys::score(self.tables, stores, key, &self.columns.common);
                    let (key, _) = with_numbers(key, rows, score);
                    let flaws = match self.settings.origin {
                        KeyOrigin::Declared => Default::default(),
                        KeyOrigin::Requested => self.flaws(&key, self.free_memory(merged))?,
                    };
                    if are_few(flaws, merged.rows) {
                        return Ok(Choice::of(How::Key { key, inferred: false, flaws }));
                    }
                    unusable = Some("too many of its values are missing or repeated");
                }
            }
        }
        if merged.unmatched.iter().all(|rows| rows.count() == 0) && merged.runs.is_one() {
            return Ok(Choice { unusable, ..Choice::of(How::Content { near: true }) });
        }
        let candidates = keys::candidates(self.tables, self.heads, self.columns, self.seed);
        let (single, several): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.key.columns.len() == 1);
        // A column like an identifier is the key unless several columns explain much more: in a small part of the rows, columns
        // agree by coincidence.
        let margin = merged.rows[0].min(merged.rows[1]) * self.columns.common.len() as u64 / 10;
        let mut scored = self.score(single, stores);
        let is_enough =
            |scored: &Scored, fewest| scored.candidate.is_identifier() && scored.edits <= fewest + margin;
        let mut disjoint = None;
        if scored.iter().any(|scored| is_enough(scored, 0)) {
            scored.sort_by_key(Scored::rank);
            if let Some(how) = self.first_supported(&scored, merged, stores, &mut disjoint)? {
                return Ok(Choice { unusable, ..Choice::of(how) });
            }
        }
        scored.extend(self.score(several, stores));
        scored.sort_by_key(Scored::rank);
        let fewest = scored.first().map_or(0, |scored| scored.edits);
        if scored.first().is_some_and(|first| first.candidate.key.columns.len() > 1)
            && let Some(place) = scored.iter().position(|scored| is_enough(scored, fewest))
        {
            scored[..=place].rotate_right(1);
        }
        if let Some(how) = self.first_supported(&scored, merged, stores, &mut disjoint)? {
            return Ok(Choice { unusable, ..Choice::of(how) });
        }
        Ok(Choice { how: How::Content { near: true }, unusable, disjoint })
    }

    fn requested(&self) -> Option<Key> {
        let [old, new] = self.tables.map(Table::columns);
        let find = |name: &String| {
            let is_named =
                |pair: &&Pair| old[pair.old].name == name.as_bytes() || new[pair.new].name == name.as_bytes();
            self.columns.common.iter().find(is_named).copied()
        };
        let columns = self.settings.key.iter().map(find).collect::<Option<Vec<Pair>>>()?;
        Some(Key { columns, numeric: false })
    }

    /// Count missing and repeated values in both tables, at the same time.
    fn flaws(&self, key: &Key, memory: u64) -> Result<[Flaws; 2]> {
        both(|side| keys::flaws(self.tables[side], side, key, self.seed, memory / 8))
    }

    /// Return how rows are matched with the first of the candidates that is a key. Set `disjoint` to the first identifier of
    /// two tables that have no value of it in common.
    fn first_supported(
        &self,
        scored: &[Scored],
        merged: &Merged,
        stores: [&RowStore; 2],
        disjoint: &mut Option<Key>,
    ) -> Result<Option<How>> {
        for Scored { candidate, .. } in scored.iter().take(TRIES) {
            let key = &candidate.key;
            match self.is_supported(candidate, merged, stores) {
                Support::None => {}
                Support::Disjoint => {
                    if disjoint.is_none() && candidate.identifier_like {
                        *disjoint = Some(key.clone());
                    }
                }
                Support::Yes => {
                    let flaws = self.flaws(key, self.free_memory(merged))?;
                    if are_few(flaws, merged.rows) {
                        return Ok(Some(How::Key { key: key.clone(), inferred: true, flaws }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Count the edited, removed and added cells under each candidate, as numbers if that matches more rows.
    fn score(&self, candidates: Vec<Candidate>, stores: [&RowStore; 2]) -> Vec<Scored> {
        let common = &self.columns.common;
        let candidates: Vec<Candidate> = candidates
            .into_iter()
            .filter(|candidate| !candidate.measured || candidate.identifier_like)
            .collect();
        let first = |key: &Key| keys::score_first(self.tables, stores, key, common, FIRST_ROWS);
        let all = |key: &Key| keys::score(self.tables, stores, key, common);
        // The first rows are enough if a key matches most of them, which is not so if the rows were shuffled.
        let rows = stores[0].len().min(stores[1].len()) as u64;
        let enough = candidates.iter().any(|candidate| 2 * first(&candidate.key).pairs > rows);
        let score = |key: &Key| if enough { first(key) } else { all(key) };
        candidates
            .into_iter()
            .map(|mut candidate| {
                let (key, best) = with_numbers(candidate.key, rows, score);
                candidate.key = key;
                Scored { edits: best.edits(common.len()), candidate }
            })
            .collect()
    }

    /// Return whether the rows that a key matches are related.
    fn is_supported(&self, candidate: &Candidate, merged: &Merged, stores: [&RowStore; 2]) -> Support {
        let (common, key) = (&self.columns.common, &candidate.key);
        if stores.iter().any(|store| store.len() == 0) {
            return if candidate.identifier_like { Support::Yes } else { Support::None };
        }
        let score = keys::score(self.tables, stores, key, common);
        if score.pairs == 0 {
            return match candidate.identifier_like {
                _ if merged.equal == 0 => Support::Disjoint,
                true => Support::Yes,
                // Matching by content finds edits also in these columns.
                false => Support::None,
            };
        }
        // In the rows of a key that only numbers them, hardly any other cell agrees.
        let disagrees = 2 * score.agreeing < score.agreeing + score.changed;
        if disagrees && keys::is_renumbered(self.tables, stores, key, common, self.seed) {
            return Support::None;
        }
        // The stores can be samples.
        let scale = merged.unmatched[0].count() as f64 / stores[0].len() as f64;
        let (equal, pairs) = (merged.equal as f64, score.pairs as f64 * scale);
        let coverage = (equal + pairs) / merged.rows[0].min(merged.rows[1]).max(1) as f64;
        let rest = (common.len() - key.columns.len()) as f64;
        let cells = (equal + pairs) * rest;
        let agreement = (equal * rest + score.agreeing as f64 * scale) / cells.max(1.0);
        let chances = keys::chances([&self.heads[0], &self.heads[1]], common, self.seed);
        let outside = common.iter().zip(&chances).filter(|(pair, _)| !key.columns.contains(pair));
        let chance = outside.map(|(_, chance)| chance).sum::<f64>() / rest.max(1.0);
        let lift = if chance < 1.0 { (agreement - chance) / (1.0 - chance) } else { 0.0 };
        // A key of few rows can be a coincidence.
        let inside = common.iter().zip(&chances).filter(|(pair, _)| key.columns.contains(pair));
        let by_chance = inside.map(|(_, chance)| chance).product::<f64>()
            * (merged.unmatched[0].count() as f64 * merged.unmatched[1].count() as f64);
        let clear = equal + pairs >= 10.0 && content::is_beyond_chance(pairs, by_chance);
        let agrees = lift >= 0.1 && coverage >= 0.5 || lift >= 0.3 && clear;
        // With few cells, or hardly any different ones, the only evidence can be that almost all rows have a counterpart.
        let few = rest <= 2.0 || cells < 40.0 || chance > 0.9;
        if agrees || few && coverage >= 0.9 { Support::Yes } else { Support::None }
    }

    /// Match and compare the rows of the stores.
    fn join_stores(
        &self,
        key: Option<&Key>,
        stores: [&RowStore; 2],
        free: &mut Free,
        merged: &mut Merged,
        tally: &mut Tally,
    ) {
        let common = &self.columns.common;
        if let Some(key) = key {
            for (old, new) in keys::join(self.tables, stores, key, self.seed) {
                if free.old[old] && free.new[new] {
                    free.take(old, new);
                }
            }
        } else {
            content::one_cell_apart(stores, common, free, self.heads, self.seed);
            for (old, new) in &free.pairs {
                merged.runs.push(Run::new(stores[0].number(*old), stores[1].number(*new), 1));
            }
            let known = free.pairs.len();
            // Without an equal row, the place of a row says nothing.
            if self.settings.ordered && merged.equal > 0 {
                content::in_gaps(stores, common, free, &mut merged.runs, merged.rows);
            }
            // Pushed above already.
            for (old, new) in &free.pairs[known..] {
                merged.runs.push(Run::new(stores[0].number(*old), stores[1].number(*new), 1));
            }
        }
        for (old, new) in &free.pairs {
            let number = stores[0].number(*old);
            merged.equal += 1;
            if key.is_some() {
                merged.runs.push(Run::new(number, stores[1].number(*new), 1));
            }
            tally.compare(self.tables, common, key, number, [stores[0].row(*old), stores[1].row(*new)]);
        }
        for old in free.old() {
            tally.add_removed(self.tables[0], stores[0].number(old), stores[0].row(old));
        }
        for new in free.new_rows() {
            tally.add_added(self.tables[1], stores[1].number(new), stores[1].row(new));
        }
    }

    /// Match and compare unmatched rows that do not fit into the memory: first divide them by the value of the key.
    fn join_partitions(&self, key: &Key, merged: &mut Merged, tally: &mut Tally) -> Result<()> {
        merged.runs.shrink();
        let memory = self.free_memory(merged) / 8;
        let mut partitions = [Partitions::new(memory), Partitions::new(memory)];
        for side in [0, 1] {
            let (partitions, mut buffer) = (&mut partitions[side], Vec::new());
            merged.unmatched[side].read(self.tables[side], &mut |row, cells| {
                let value = key.value(self.tables[side], side, cells, self.seed, &mut buffer);
                let partition = value.map_or(0, |value| (value >> 120) as usize % PARTITIONS);
                partitions.push(partition, |bytes| write_row(bytes, row, cells)).map_err(spill_error)?;
                Ok(true)
            })?;
        }
        for partition in 0..PARTITIONS {
            let [old, new] = &mut partitions;
            let stores = [
                read_rows(&old.take(partition).map_err(spill_error)?),
                read_rows(&new.take(partition).map_err(spill_error)?),
            ];
            let stores = [&stores[0], &stores[1]];
            let mut free = Free::new(stores);
            self.join_stores(Some(key), stores, &mut free, merged, tally);
        }
        Ok(())
    }

    /// Count unmatched rows that do not fit into the memory and have no key.
    fn list_all(&self, unmatched: &[Unmatched; 2], tally: &mut Tally) -> Result<()> {
        unmatched[0].read(self.tables[0], &mut |row, cells| {
            tally.add_removed(self.tables[0], row, cells);
            Ok(true)
        })?;
        unmatched[1].read(self.tables[1], &mut |row, cells| {
            tally.add_added(self.tables[1], row, cells);
            Ok(true)
        })
    }
}

/// A candidate for a key, and the number of cells that are edited, removed or added under it.
struct Scored {
    edits: u64,
    candidate: Candidate,
}

impl Scored {
    /// Return what to sort candidates by, the best first.
    fn rank(&self) -> impl Ord + use<> {
        let Candidate { key: Key { columns, .. }, measured, identifier_like } = &self.candidate;
        (*measured, self.edits, columns.len(), !identifier_like, columns.clone())
    }
}

/// Whether the rows that a key matches are related.
enum Support {
    Yes,
    None,
    /// No value of the key is in both tables, and no row.
    Disjoint,
}

/// Compare the values of a key as numbers if that matches more of `rows` rows. Return the key and its score.
fn with_numbers(key: Key, rows: u64, score: impl Fn(&Key) -> Score) -> (Key, Score) {
    let as_written = score(&key);
    if 2 * as_written.pairs <= rows {
        let numeric = Key { numeric: true, ..key.clone() };
        let as_numbers = score(&numeric);
        if as_numbers.pairs > as_written.pairs {
            return (numeric, as_numbers);
        }
    }
    (key, as_written)
}

fn are_few(flaws: [Flaws; 2], rows: [u64; 2]) -> bool {
    flaws.iter().zip(rows).all(|(flaws, rows)| flaws.are_few(rows))
}

fn is_ragged(store: &RowStore, table: &dyn Table) -> bool {
    (0..store.len()).any(|index| store.row(index).len() != table.columns().len())
}

fn write_row(bytes: &mut Vec<u8>, row: u64, cells: Cells<'_>) {
    bytes.extend_from_slice(&row.to_le_bytes());
    bytes.extend_from_slice(&(cells.len() as u32).to_le_bytes());
    for cell in cells.iter() {
        bytes.extend_from_slice(&(cell.len() as u32).to_le_bytes());
    }
    for cell in cells.iter() {
        bytes.extend_from_slice(cell);
    }
}

fn read_rows(records: &[u8]) -> RowStore {
    let (mut store, mut numbers) = (RowStore::default(), Numbers(records));
    while !numbers.is_empty() {
        let (row, cells) = (numbers.u64(), numbers.u32());
        let mut end = 0;
        let ends: Vec<u32> = (0..cells)
            .map(|_| {
                end += numbers.u32();
                end
            })
            .collect();
        store.push(row, Cells::new(numbers.bytes(end as usize), &ends));
    }
    store
}
