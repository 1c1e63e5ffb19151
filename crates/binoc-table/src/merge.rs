//! The first pass: match the rows that both tables have, without a table of all rows.
//!
//! Both tables are read at the same time. While their next rows are equal, they are matched without being stored. A row
//! that differs from its counterpart waits until the other table has it, so that the memory depends on the number of
//! changed and moved rows. If too many wait, they are divided by hash in a temporary file.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

use binoc_sdk::{Error, Result};
use hashbrown::HashTable;

use crate::order::{Run, Runs};
use crate::partition::{Numbers, PARTITIONS, Partitions};
use crate::source::{RowHash, RowHasher, Table};
use crate::unmatched::Unmatched;

/// The number of blocks of hashes that a table may be ahead of the other.
const AHEAD: usize = 4;
/// The number of rows in which an equal row is searched after a difference.
const LOOK_AHEAD: usize = 32;
const NONE: u32 = u32::MAX;

/// The result of the first pass.
#[derive(Debug)]
pub(crate) struct Merged {
    /// The number of rows of each table.
    pub(crate) rows: [u64; 2],
    /// The number of equal rows.
    pub(crate) equal: u64,
    /// The equal rows.
    pub(crate) runs: Runs,
    pub(crate) unmatched: [Unmatched; 2],
}

/// Match equal rows. The two hashers select the same columns in the same order.
pub(crate) fn merge(tables: [&dyn Table; 2], hashers: [&RowHasher; 2], memory: u64) -> Result<Merged> {
    std::thread::scope(|scope| {
        let start = |side: usize| {
            let (sender, receiver) = sync_channel::<Vec<RowHash>>(AHEAD);
            let (table, hasher) = (tables[side], hashers[side]);
            let thread =
                scope.spawn(move || table.hash_rows(hasher, &mut |block| sender.send(block).is_ok()));
            (receiver, thread)
        };
        let ((left, left_thread), (right, right_thread)) = (start(0), start(1));
        let merged = Merger::new(left, right, memory).run();
        for thread in [left_thread, right_thread] {
            thread.join().map_err(|_| Error::new("the reader of a table panicked"))??;
        }
        merged.map_err(spill_error)
    })
}

pub(crate) fn spill_error(error: io::Error) -> Error {
    Error::with_source(format!("cannot write a temporary file: {error}"), error)
}

/// The rows of one table that were read and not yet looked at.
struct Stream {
    blocks: Receiver<Vec<RowHash>>,
    block: Vec<RowHash>,
    next: usize,
    /// The position of the next row.
    row: u64,
}

impl Stream {
    fn new(blocks: Receiver<Vec<RowHash>>) -> Self {
        Self { blocks, block: Vec::new(), next: 0, row: 0 }
    }

    /// Return the rows that were read, at least one unless the table ended.
    fn rows(&mut self) -> &[RowHash] {
        if self.next == self.block.len() {
            (self.block, self.next) = (self.blocks.recv().unwrap_or_default(), 0);
        }
        &self.block[self.next..]
    }

    fn skip(&mut self, count: usize) {
        self.next += count;
        self.row += count as u64;
    }
}

struct Merger {
    streams: [Stream; 2],
    waiting: [Waiting; 2],
    spilled: Option<[Partitions; 2]>,
    memory: u64,
    equal: u64,
    runs: Runs,
}

impl Merger {
    fn new(left: Receiver<Vec<RowHash>>, right: Receiver<Vec<RowHash>>, memory: u64) -> Self {
        Self {
            streams: [Stream::new(left), Stream::new(right)],
            waiting: [Waiting::default(), Waiting::default()],
            spilled: None,
            memory,
            equal: 0,
            runs: Runs::new(memory / 8 * 3),
        }
    }

    fn run(mut self) -> io::Result<Merged> {
        loop {
            let [left, right] = &mut self.streams;
            let (old, new) = (left.rows(), right.rows());
            if old.is_empty() && new.is_empty() {
                break;
            }
            let same = old.iter().zip(new).take_while(|(old, new)| old.hash == new.hash).count();
            if same > 0 {
                let run = Run::new(left.row, right.row, same as u64);
                left.skip(same);
                right.skip(same);
                self.matched(run);
                continue;
            }
            // A row that was moved or edited. Whether one was inserted on either side shows in the rows after it.
            let (old_skip, new_skip) = match (old.is_empty(), new.is_empty()) {
                (true, _) => (0, new.len()),
                (_, true) => (old.len(), 0),
                _ => next_equal(old, new).unwrap_or((old.len().min(LOOK_AHEAD), new.len().min(LOOK_AHEAD))),
            };
            self.wait(0, old_skip)?;
            self.wait(1, new_skip)?;
        }
        self.finish()
    }

    fn matched(&mut self, run: Run) {
        self.equal += run.rows();
        self.runs.push(run);
    }

    /// Match the next rows of a table with waiting rows of the other, or let them wait.
    fn wait(&mut self, side: usize, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let stream = &mut self.streams[side];
            let row = stream.block[stream.next];
            let number = stream.row;
            stream.skip(1);
            if let Some(spilled) = &mut self.spilled {
                spill(&mut spilled[side], row.hash, number, row.place)?;
            } else if let Some(other) = self.waiting[1 - side].take(row.hash) {
                let (old, new) = if side == 0 { (number, other) } else { (other, number) };
                self.matched(Run::new(old, new, 1));
            } else {
                self.waiting[side].push(row.hash, number, row.place);
            }
        }
        let waiting = self.waiting[0].bytes() + self.waiting[1].bytes();
        if self.spilled.is_none() && waiting > self.memory / 16 * 5 {
            let mut spilled = [Partitions::new(self.memory / 32), Partitions::new(self.memory / 32)];
            for (side, partitions) in spilled.iter_mut().enumerate() {
                for entry in std::mem::take(&mut self.waiting[side]).into_entries() {
                    spill(partitions, entry.hash, entry.row, entry.place)?;
                }
            }
            self.spilled = Some(spilled);
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Merged> {
        let mut unmatched = [Unmatched::new(self.memory / 8), Unmatched::new(self.memory / 8)];
        if let Some(mut spilled) = self.spilled.take() {
            for partition in 0..PARTITIONS {
                for side in [0, 1] {
                    let records = spilled[side].take(partition)?;
                    let mut numbers = Numbers(&records);
                    while !numbers.is_empty() {
                        let (hash, number, place) = (numbers.u128(), numbers.u64(), numbers.u64());
                        if side == 0 {
                            self.waiting[0].push(hash, number, place);
                        } else if let Some(old) = self.waiting[0].take(hash) {
                            self.matched(Run::new(old, number, 1));
                        } else {
                            unmatched[1].push(number, place);
                        }
                    }
                }
                for entry in std::mem::take(&mut self.waiting[0]).into_entries() {
                    unmatched[0].push(entry.row, entry.place);
                }
            }
        }
        let rows = [self.streams[0].row, self.streams[1].row];
        for (rows, waiting) in unmatched.iter_mut().zip(self.waiting) {
            for entry in waiting.into_entries() {
                rows.push(entry.row, entry.place);
            }
            rows.finish();
        }
        Ok(Merged { rows, equal: self.equal, runs: self.runs, unmatched })
    }
}

/// Return how many rows to skip on each side so that the next rows are equal: as few as possible, and then such that most
/// rows after them are equal too.
fn next_equal(old: &[RowHash], new: &[RowHash]) -> Option<(usize, usize)> {
    const ENOUGH: usize = 8;
    let equal = |old_skip: usize, new_skip: usize| {
        let (old, new) = (old.iter().skip(old_skip), new.iter().skip(new_skip));
        old.zip(new).take(ENOUGH).take_while(|(old, new)| old.hash == new.hash).count()
    };
    // The most frequent case: one edited row.
    if equal(1, 1) == ENOUGH {
        return Some((1, 1));
    }
    // In shuffled tables there is none, and to see that must not need a comparison of all pairs.
    if !have_common(&old[..old.len().min(2 * LOOK_AHEAD)], &new[..new.len().min(2 * LOOK_AHEAD)]) {
        return None;
    }
    (1..2 * LOOK_AHEAD).find_map(|total| {
        let splits = (0..=total).map(|old_skip| (old_skip, total - old_skip));
        let rows = |skip: &(usize, usize)| equal(skip.0, skip.1);
        // Of equal ones, prefer edited rows to inserted ones.
        let best = splits.max_by_key(|skip| (rows(skip), std::cmp::Reverse(skip.0.abs_diff(skip.1))))?;
        (rows(&best) > 0).then_some(best)
    })
}

/// Return whether the rows may have a hash in common; if not, they certainly have none.
fn have_common(old: &[RowHash], new: &[RowHash]) -> bool {
    let mut bits = [0u64; 1 << 8];
    let bit = |row: &RowHash| ((row.hash >> 6) as usize % (1 << 8), 1u64 << (row.hash % 64));
    for row in old {
        let (word, bit) = bit(row);
        bits[word] |= bit;
    }
    new.iter().map(bit).any(|(word, bit)| bits[word] & bit != 0)
}

fn spill(partitions: &mut Partitions, hash: u128, row: u64, place: u64) -> io::Result<()> {
    partitions.push((hash >> 120) as usize % PARTITIONS, |bytes| {
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&row.to_le_bytes());
        bytes.extend_from_slice(&place.to_le_bytes());
    })
}

/// Rows that wait for an equal row of the other table. Equal rows are matched in their order.
#[derive(Default)]
struct Waiting {
    /// The indices of the first entries of each hash.
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u128,
    row: u64,
    place: u64,
    /// The next entry with the same hash.
    next: u32,
    /// In the first entry of a hash: the last one. [`NONE`] marks a free entry.
    last: u32,
}

impl Waiting {
    fn push(&mut self, hash: u128, row: u64, place: u64) {
        let entry = Entry { hash, row, place, next: NONE, last: 0 };
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.entries[index as usize].last = index;
        let entries = &mut self.entries;
        match self.table.find(hash as u64, |first| entries[*first as usize].hash == hash) {
            Some(first) => {
                let last = std::mem::replace(&mut entries[*first as usize].last, index);
                entries[last as usize].next = index;
            }
            None => {
                self.table.insert_unique(hash as u64, index, |index| entries[*index as usize].hash as u64);
            }
        }
    }

    /// Remove the first row with this hash and return its position.
    fn take(&mut self, hash: u128) -> Option<u64> {
        if self.table.is_empty() {
            return None;
        }
        let entries = &mut self.entries;
        let mut slot =
            self.table.find_entry(hash as u64, |first| entries[*first as usize].hash == hash).ok()?;
        let index = *slot.get();
        let entry = entries[index as usize];
        if entry.next == NONE {
            slot.remove();
        } else {
            *slot.get_mut() = entry.next;
            entries[entry.next as usize].last = entry.last;
        }
        entries[index as usize].last = NONE;
        self.free.push(index);
        Some(entry.row)
    }

    fn bytes(&self) -> u64 {
        (self.entries.len() * size_of::<Entry>() + self.table.capacity() * 5 + self.free.len() * 4) as u64
    }

    /// Return the rows in the order of the table.
    fn into_entries(self) -> impl Iterator<Item = Entry> {
        let mut entries = self.entries;
        entries.retain(|entry| entry.last != NONE);
        entries.sort_unstable_by_key(|entry| entry.row);
        entries.into_iter()
    }
}
