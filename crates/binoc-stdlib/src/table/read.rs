//! Reading of delimited text into cells of bytes.

use binoc_sdk::{Error, Result, show};

use crate::text::strip_bom;

/// A column: its name, and its number among the columns of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Column {
    pub(super) name: Vec<u8>,
    pub(super) nth: usize,
}

/// A header and rows of cells; all cells are in one allocation.
pub(super) struct Grid {
    pub(super) columns: Vec<Column>,
    pub(super) delimiter: u8,
    data: Vec<u8>,
    /// The end of each cell in `data`.
    ends: Vec<u32>,
    /// The number of the first cell of each row, then the number of cells.
    rows: Vec<u32>,
}

impl Grid {
    pub(super) fn read(bytes: &[u8], delimiter: u8) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(strip_bom(bytes));
        let mut grid =
            Self { columns: Vec::new(), delimiter, data: Vec::new(), ends: Vec::new(), rows: vec![0] };
        let (mut header, mut record) = (csv::ByteRecord::new(), csv::ByteRecord::new());
        let broken =
            |error: csv::Error| Error::with_source(format!("cannot be read as a table: {error}"), error);
        reader.read_byte_record(&mut header).map_err(broken)?;
        let mut width = header.len();
        while reader.read_byte_record(&mut record).map_err(broken)? {
            width = width.max(record.len());
            for cell in &record {
                grid.data.extend_from_slice(cell);
                grid.ends.push(number(grid.data.len())?);
            }
            grid.rows.push(number(grid.ends.len())?);
        }
        // Cells beyond the header are in columns without a name.
        for place in 0..width {
            let name = header.get(place).unwrap_or(b"").to_vec();
            let nth = grid.columns.iter().filter(|column| column.name == name).count();
            grid.columns.push(Column { name, nth });
        }
        Ok(grid)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len() - 1
    }

    /// Return a cell; empty if the row is too short.
    pub(super) fn cell(&self, row: usize, column: usize) -> &[u8] {
        let place = self.rows[row] as usize + column;
        if place >= self.rows[row + 1] as usize {
            return &[];
        }
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.data[start..self.ends[place] as usize]
    }

    pub(super) fn cells(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        let width = (self.rows[row + 1] - self.rows[row]) as usize;
        (0..width).map(move |column| self.cell(row, column))
    }

    /// Return a row as delimited text, cut to the length of an example.
    pub(super) fn row_text(&self, row: usize) -> String {
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).from_writer(Vec::new());
        // Cannot fail: the writer is a vector, and the length of the only record cannot differ from others.
        writer.write_record(self.cells(row)).expect("a vector accepts every write");
        let line = writer.into_inner().expect("a vector accepts every write");
        show::clip(&show::bytes(line.strip_suffix(b"\n").unwrap_or(&line)))
    }

    pub(super) fn column_text(&self, place: usize) -> String {
        let Column { name, nth } = &self.columns[place];
        match (name.is_empty(), nth) {
            (true, _) => format!("column {}", place + 1),
            (false, 0) => show::clip(&show::bytes(name)),
            (false, nth) => format!("{} ({})", show::clip(&show::bytes(name)), nth + 1),
        }
    }
}

fn number(size: usize) -> Result<u32> {
    u32::try_from(size).map_err(|error| Error::with_source("more than 4 GiB of cells", error))
}

/// Return the most frequent delimiter of the header; `default` if there is none.
pub(super) fn delimiter(bytes: &[u8], default: u8) -> u8 {
    let mut counts = [(default, 0), (b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in strip_bom(bytes) {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                // `default` is listed twice; only its first entry counts, so that it wins a tie.
                if let Some(entry) = counts.iter_mut().find(|entry| entry.0 == *byte) {
                    entry.1 += 1;
                }
            }
            _ => {}
        }
    }
    counts.iter().rev().max_by_key(|entry| entry.1).map_or(default, |entry| entry.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_have_different_lengths() {
        let grid = Grid::read(b"a,b\n1\n2,\"x,y\",3\n", b',').unwrap();
        assert_eq!((grid.len(), grid.columns.len()), (2, 3));
        assert_eq!((grid.cell(0, 0), grid.cell(0, 1)), (&b"1"[..], &b""[..]));
        assert_eq!((grid.cell(1, 1), grid.cell(1, 2)), (&b"x,y"[..], &b"3"[..]));
        assert_eq!(grid.row_text(0), "1");
        assert_eq!(grid.row_text(1), "2,\"x,y\",3");
        assert_eq!(grid.column_text(2), "column 3");
    }

    #[test]
    fn delimiter_is_detected_in_the_header() {
        assert_eq!(delimiter(b"a;b;\"c,d,e,f\"\n1,2,3,4,5", b','), b';');
        assert_eq!(delimiter(b"a\tb\n", b','), b'\t');
        assert_eq!(delimiter(b"one\n", b'\t'), b'\t');
    }
}
