//! The rows of a table that the other table does not have, and their cells.

use binoc_sdk::Result;

use crate::source::{Cells, Table};

/// The positions of rows without an equal row in the other table.
#[derive(Debug)]
pub(crate) struct Unmatched {
    count: u64,
    /// The positions and places of the rows, if they fit into the memory.
    list: Option<Vec<(u64, u64)>>,
    limit: usize,
    /// A bit for each row, if they do not.
    bits: Vec<u64>,
}

impl Unmatched {
    pub(crate) fn new(memory: u64) -> Self {
        let limit = usize::try_from(memory / 16).unwrap_or(usize::MAX);
        Self { count: 0, list: Some(Vec::new()), limit, bits: Vec::new() }
    }

    /// Add a row; each row once, in any order.
    pub(crate) fn push(&mut self, row: u64, place: u64) {
        self.count += 1;
        match &mut self.list {
            Some(list) if list.len() < self.limit => list.push((row, place)),
            Some(list) => {
                let list = std::mem::take(list);
                self.list = None;
                list.into_iter().for_each(|(row, _)| self.set(row));
                self.set(row);
            }
            None => self.set(row),
        }
    }

    fn set(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (row % 64);
    }

    /// Sort the rows; to be called after the last [`Unmatched::push`].
    pub(crate) fn finish(&mut self) {
        self.list.iter_mut().for_each(|list| list.sort_unstable());
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Return the used memory in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (16 * self.list.as_ref().map_or(0, Vec::capacity) + 8 * self.bits.capacity()) as u64
    }

    /// Call `visit` with the position and the cells of each row, in order, until it returns `false`.
    pub(crate) fn read(
        &self,
        table: &dyn Table,
        visit: &mut dyn FnMut(u64, Cells<'_>) -> Result<bool>,
    ) -> Result<()> {
        const CHUNK: usize = 1 << 12;
        let Some(list) = &self.list else {
            let mut row = 0u64;
            return table.scan(&mut |_, cells| {
                let wanted =
                    self.bits.get((row / 64) as usize).is_some_and(|word| word >> (row % 64) & 1 == 1);
                row += 1;
                if wanted { visit(row - 1, cells) } else { Ok(true) }
            });
        };
        // In chunks, so that reading can stop early.
        for chunk in list.chunks(CHUNK) {
            let places: Vec<u64> = chunk.iter().map(|(_, place)| *place).collect();
            let mut more = true;
            table.fetch(&places, &mut |index, cells| {
                if more {
                    more = visit(chunk[index].0, cells)?;
                }
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// Rows in memory.
#[derive(Debug, Default)]
pub(crate) struct RowStore {
    data: Vec<u8>,
    /// The end of each cell, relative to its row.
    ends: Vec<u32>,
    /// The positions of the row in `data` and `ends`.
    starts: Vec<(usize, usize)>,
    /// The position of each row in the table.
    numbers: Vec<u64>,
}

impl RowStore {
    pub(crate) fn push(&mut self, number: u64, cells: Cells<'_>) {
        self.starts.push((self.data.len(), self.ends.len()));
        self.numbers.push(number);
        let start = self.data.len();
        for cell in cells.iter() {
            self.data.extend_from_slice(cell);
            // A table rejects rows of 4 GiB, because `Cells` cannot hold them either.
            self.ends.push((self.data.len() - start) as u32);
        }
    }

    /// Keep the first rows and free the memory of the others.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if let Some((data, ends)) = self.starts.get(rows).copied() {
            self.data.truncate(data);
            self.ends.truncate(ends);
            self.starts.truncate(rows);
            self.numbers.truncate(rows);
            self.data.shrink_to_fit();
            self.ends.shrink_to_fit();
            self.starts.shrink_to_fit();
            self.numbers.shrink_to_fit();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn number(&self, index: usize) -> u64 {
        self.numbers[index]
    }

    pub(crate) fn row(&self, index: usize) -> Cells<'_> {
        let (data, ends) = self.starts[index];
        let (data_end, ends_end) =
            self.starts.get(index + 1).copied().unwrap_or((self.data.len(), self.ends.len()));
        Cells::new(&self.data[data..data_end], &self.ends[ends..ends_end])
    }

    /// Return the used memory in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.data.len() + 4 * self.ends.len() + 24 * self.numbers.len()) as u64
    }
}
