//! The interface of a table.

use std::borrow::Cow;

use binoc_sdk::{Result, show};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// A column: its name, and its number among the columns of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    /// The name, in the encoding of the cells.
    pub name: Vec<u8>,
    /// The number of columns with the same name to the left.
    pub nth: usize,
}

/// The cells of a row, in one allocation that the table reuses for the next row.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    data: &'a [u8],
    ends: &'a [u32],
    /// The number of bytes between two cells.
    gap: usize,
}

impl<'a> Cells<'a> {
    /// Create a row from the bytes of all cells and the end of each cell in them.
    pub fn new(data: &'a [u8], ends: &'a [u32]) -> Self {
        Self { data, ends, gap: 0 }
    }

    /// Create a row from a line in which one byte is between two cells, and the end of each cell in it.
    pub fn separated(line: &'a [u8], ends: &'a [u32]) -> Self {
        Self { data: line, ends, gap: 1 }
    }

    /// Return the number of cells; it can differ from the number of columns.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Return whether the row has no cells.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Return a cell; empty if the row is too short.
    pub fn get(&self, place: usize) -> &'a [u8] {
        let Some(end) = self.ends.get(place) else { return &[] };
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize + self.gap };
        &self.data[start..*end as usize]
    }

    /// Return all cells.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let cells = *self;
        (0..cells.len()).map(move |place| cells.get(place))
    }
}

/// The hash of a row, and where the row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHash {
    /// Equal hashes mean equal cells in the selected columns, and equal cells beyond the columns. Equal cells can have
    /// different hashes if they are written differently, such as with and without quotes.
    pub hash: u128,
    /// The place of the row, for [`Table::fetch`].
    pub place: u64,
}

/// The selected columns of a table and the key of the hash.
#[derive(Debug, Clone)]
pub struct RowHasher {
    /// The positions of the selected columns, in the order in which both tables hash them.
    pub columns: Vec<usize>,
    /// The number of columns; cells beyond it are hashed too.
    pub width: usize,
    /// The byte between two cells; [`Table::separator`] of the older table.
    pub separator: u8,
    /// The key of the hash, different in each run, so that two different rows cannot be prepared to have the same hash.
    pub seed: u64,
}

impl RowHasher {
    /// Return the hash of a row: that of its shortest form in CSV with this separator. `buffer` is scratch memory.
    pub fn hash(&self, cells: Cells<'_>, buffer: &mut Vec<u8>) -> u128 {
        buffer.clear();
        let beyond = (self.width..cells.len()).map(|place| cells.get(place));
        for (place, cell) in self.columns.iter().map(|place| cells.get(*place)).chain(beyond).enumerate() {
            if place > 0 {
                buffer.push(self.separator);
            }
            let special = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\r') || *byte == self.separator;
            if cell.iter().any(special) {
                buffer.push(b'"');
                for byte in cell {
                    buffer.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'"')));
                }
                buffer.push(b'"');
            } else {
                buffer.extend_from_slice(cell);
            }
        }
        self.hash_bytes(buffer)
    }

    /// Return the hash of a row that is already in its shortest form in CSV with this separator.
    pub fn hash_bytes(&self, row: &[u8]) -> u128 {
        xxh3_128_with_seed(row, self.seed)
    }
}

/// A table that can be read more than once. An empty cell is a missing value, such as `NULL`.
///
/// A cell is bytes; two cells are the same if their bytes are. A table with types, such as one of a database, begins a
/// cell with a byte for its type, so that the number 1 and the text "1" differ; see [`Table::plain`].
pub trait Table: Sync {
    /// Return the columns, without repeated pairs of name and number.
    fn columns(&self) -> &[Column];

    /// Call `visit` with the place and the cells of each row, in the order of the table, until it returns `false`. Places
    /// increase from row to row.
    ///
    /// # Errors
    /// The table cannot be read, or `visit` failed.
    fn scan(&self, visit: &mut dyn FnMut(u64, Cells<'_>) -> Result<bool>) -> Result<()>;

    /// Call `visit` with the index in `places` and the cells of the row at that place, in this order. The places are from
    /// an earlier scan, in increasing order.
    ///
    /// # Errors
    /// The table cannot be read or changed since then, or `visit` failed.
    fn fetch(&self, places: &[u64], visit: &mut dyn FnMut(usize, Cells<'_>) -> Result<()>) -> Result<()>;

    /// Call `visit` with the hashes of the next rows, in the order of the table, until it returns `false`.
    ///
    /// Hashes of the same kind of table are compared with each other, so they can differ from those of [`RowHasher::hash`],
    /// except that a row without values in the selected columns has the hash of its separators.
    ///
    /// # Errors
    /// The table cannot be read.
    fn hash_rows(&self, hasher: &RowHasher, visit: &mut dyn FnMut(Vec<RowHash>) -> bool) -> Result<()> {
        const BLOCK: usize = 4096;
        let (mut block, mut buffer) = (Vec::with_capacity(BLOCK), Vec::new());
        let mut more = true;
        self.scan(&mut |place, cells| {
            block.push(RowHash { hash: hasher.hash(cells, &mut buffer), place });
            if block.len() == BLOCK {
                more = visit(std::mem::replace(&mut block, Vec::with_capacity(BLOCK)));
            }
            Ok(more)
        })?;
        if more && !block.is_empty() {
            visit(block);
        }
        Ok(())
    }

    /// Return the byte between two cells in [`RowHasher`].
    fn separator(&self) -> u8 {
        b','
    }

    /// Return the text of a cell without its type, to compare values across types.
    fn plain<'a>(&self, cell: &'a [u8]) -> &'a [u8] {
        cell
    }

    /// Return a cell of a column as a key compares it, such as in lower case.
    fn key_part<'a>(&self, _column: usize, cell: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(cell)
    }

    /// Return a cell as text for an example.
    fn show(&self, cell: &[u8]) -> String {
        show::bytes(cell)
    }

    /// Return a row as text for an example, such as a line of CSV.
    fn show_row(&self, cells: Cells<'_>) -> String {
        let cells: Vec<String> = cells.iter().map(|cell| self.show(cell)).collect();
        show::clip(&cells.join(", "))
    }
}
