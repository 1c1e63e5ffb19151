//! Tables that were renamed: a removed and an added table with similar columns and rows.

use std::collections::BTreeMap;

use binoc_sdk::Result;
use binoc_table::{Column, RowHasher, Table};

use crate::table::SqlTable;

/// The largest number of pairs of tables that are compared.
const MOST_PAIRS: usize = 1024;
/// The number of rows of a sample.
const SAMPLE: usize = 4096;

/// A removed and an added table, as positions in the two lists, and the part of the rows that both have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rename {
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) share: f64,
}

/// Find renamed tables. A table is not renamed if a second table is as similar.
///
/// # Errors
/// A table cannot be read.
pub(crate) fn renames(removed: &[SqlTable<'_>], added: &[SqlTable<'_>]) -> Result<Vec<Rename>> {
    let pairs = (0..removed.len()).flat_map(|old| (0..added.len()).map(move |new| (old, new)));
    let pairs = pairs.filter_map(|(old, new)| Some((old, new, common(&removed[old], &added[new])?)));
    let pairs: Vec<_> = pairs.take(MOST_PAIRS + 1).collect();
    if pairs.len() > MOST_PAIRS {
        return Ok(Vec::new());
    }
    let mut samples: BTreeMap<(usize, usize, Vec<&Column>), Sample> = BTreeMap::new();
    let mut similar = Vec::new();
    for (old, new, columns) in pairs {
        let keys = [(0, old, columns.clone()), (1, new, columns.clone())];
        for (key, table) in keys.iter().zip([&removed[old], &added[new]]) {
            if !samples.contains_key(key) {
                samples.insert(key.clone(), Sample::new(table, &columns)?);
            }
        }
        let [left, right] = keys.each_ref().map(|key| &samples[key]);
        similar.extend(left.share(right, columns.len()).map(|share| Rename { old, new, share }));
    }
    let is_clear = |rename: &&Rename| {
        let rival = |other: &&Rename| (other.old == rename.old) != (other.new == rename.new);
        similar.iter().filter(rival).all(|other| other.share < rename.share)
    };
    Ok(similar.iter().filter(is_clear).copied().collect())
}

/// Return the columns that two tables have in common, sorted by name, if they are at least half of the columns.
fn common<'a>(old: &'a SqlTable<'_>, new: &SqlTable<'_>) -> Option<Vec<&'a Column>> {
    let mut columns: Vec<&Column> =
        old.columns().iter().filter(|column| new.columns().contains(column)).collect();
    columns.sort_unstable();
    let widest = old.columns().len().max(new.columns().len());
    (!columns.is_empty() && 2 * columns.len() >= widest).then_some(columns)
}

/// The smallest hashes of the rows of a table. The same rows are in the samples of two tables.
#[derive(Debug, Default)]
struct Sample {
    /// In ascending order, each once.
    hashes: Vec<u128>,
    /// The largest hash up to which all rows are in the sample.
    end: u128,
}

impl Sample {
    fn new(table: &SqlTable<'_>, columns: &[&Column]) -> Result<Self> {
        let place = |column: &&Column| table.columns().iter().position(|other| other == *column);
        let hasher = RowHasher {
            columns: columns.iter().filter_map(place).collect(),
            width: usize::MAX,
            separator: table.separator(),
            // The same in each run, so that the result is, too.
            seed: 0,
        };
        let mut sample = Self { hashes: Vec::new(), end: u128::MAX };
        table.hash_rows(&hasher, &mut |block| {
            sample.hashes.extend(block.iter().map(|row| row.hash).filter(|hash| *hash <= sample.end));
            sample.shorten();
            true
        })?;
        Ok(sample)
    }

    fn shorten(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > SAMPLE {
            self.hashes.truncate(SAMPLE);
            self.end = self.hashes[SAMPLE - 1];
        }
    }

    /// Return the part of the rows of the larger table that both have, if that shows that it is the same table.
    fn share(&self, other: &Self, columns: usize) -> Option<f64> {
        let end = self.end.min(other.end);
        let [left, right] = [self, other].map(|sample| &sample.hashes[..sample.count(end)]);
        let common = left.iter().filter(|hash| right.binary_search(hash).is_ok()).count();
        let [most, fewest] = [left.len().max(right.len()), left.len().min(right.len())];
        // Half of the rows, or almost all rows of the smaller table if there are enough of them.
        let is_similar = 2 * common >= most || common >= 10 && 10 * common >= 9 * fewest;
        // A single value is not evidence.
        (common * columns > 1 && is_similar).then(|| common as f64 / most as f64)
    }

    fn count(&self, end: u128) -> usize {
        self.hashes.partition_point(|hash| *hash <= end)
    }
}
