//! Tables in delimited text, read in blocks.
//!
//! A line without quotes is a row whose cells need no decoding; the others are decoded by `csv_core`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

use binoc_sdk::{Error, Result, Side, show};
use binoc_table::{Cells, Column, RowHash, RowHasher, Table};
use csv_core::ReadRecordResult;
use memchr::{memchr_iter, memchr3};

use super::dialect::Dialect;
use crate::encoding::{self, Encoded, Survey};

const BLOCK: usize = 256 << 10;
/// The size of a block if rows are read here and there.
const SMALL_BLOCK: usize = 8 << 10;
/// The size of the largest row, in bytes. Larger ones are the effect of a missing quote.
const LONGEST_ROW: usize = 64 << 20;
/// The smallest number of line breaks in a cell that can be the effect of a missing quote; one more in narrow tables.
const LINE_BREAKS: usize = 3;

/// A table in a file, or in a part of a file.
pub(super) struct Delimited {
    path: PathBuf,
    encoded: Encoded,
    delimiter: u8,
    columns: Vec<Column>,
    /// The position of the preamble or the header in the decoded text.
    start: u64,
    /// The bytes of the rows in the decoded text, without the header.
    rows: Range<u64>,
    /// Properties of the content, known when all rows were read.
    content: Mutex<Option<Content>>,
}

/// Properties of the whole file.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) survey: Survey,
    /// The number of bytes that are zero.
    pub(super) zeros: u64,
    pub(super) unclosed_quote: Option<UnclosedQuote>,
}

/// A cell that contains lines that look like rows.
#[derive(Debug)]
pub(super) struct UnclosedQuote {
    /// The position of the row, the name of the column and the number of line breaks.
    pub(super) row: u64,
    pub(super) column: String,
    pub(super) breaks: usize,
    place: u64,
}

impl Delimited {
    /// Open the table that is in these bytes of the decoded text; the last one ends with the file.
    pub(super) fn open(side: &Side, encoded: Encoded, dialect: &Dialect, bytes: Range<u64>) -> Result<Self> {
        let start = bytes.start + dialect.preamble_bytes as u64;
        let mut table = Self {
            path: side.local.clone(),
            encoded,
            delimiter: dialect.delimiter,
            columns: Vec::new(),
            start: bytes.start,
            rows: start..bytes.end,
            content: Mutex::default(),
        };
        let mut names: Vec<Vec<u8>> = Vec::new();
        if dialect.header {
            let mut records = table.records(start, BLOCK)?;
            let record = records.next()?;
            if let Some(mut record) = record {
                names = record.cells(table.delimiter).iter().map(<[u8]>::to_vec).collect();
            }
            let end = records.position();
            drop(records);
            table.rows.start = end;
        }
        names.resize_with(names.len().max(dialect.width), Vec::new);
        if !dialect.header {
            names = (1..=names.len()).map(|number| format!("column {number}").into_bytes()).collect();
        }
        table.drop_empty_columns(&mut names)?;
        let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
        for name in names {
            let count = counts.entry(name.clone()).or_default();
            table.columns.push(Column { name, nth: *count });
            *count += 1;
        }
        Ok(table)
    }

    /// Remove columns at the end that have neither a name nor cells: the lines only end with a delimiter.
    fn drop_empty_columns(&self, names: &mut Vec<Vec<u8>>) -> Result<()> {
        const ROWS: usize = 1000;
        if names.last().is_none_or(|name| !name.is_empty()) {
            return Ok(());
        }
        let mut used = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let mut records = self.records(self.rows.start, BLOCK)?;
        for _ in 0..ROWS {
            let Some(mut record) = records.next()? else { break };
            let last = record.cells(self.delimiter).iter().take(names.len()).enumerate();
            used =
                last.filter(|(_, cell)| !cell.is_empty()).map(|(place, _)| place + 1).fold(used, usize::max);
        }
        names.truncate(used);
        Ok(())
    }

    /// Return the properties of the content if all rows were read.
    pub(super) fn content(&self) -> Option<Content> {
        self.content.lock().ok()?.take()
    }

    /// Return the number of the line at which a row begins.
    pub(super) fn line(&self, row: &UnclosedQuote) -> Result<u64> {
        let mut source = self.source(0)?.take(row.place);
        let (mut buffer, mut lines) = (vec![0; BLOCK], 1);
        loop {
            let read = source.read(&mut buffer).map_err(|error| Error::io(&self.path, error))?;
            if read == 0 {
                return Ok(lines);
            }
            lines += memchr_iter(b'\n', &buffer[..read]).count() as u64;
        }
    }

    /// Return the decoded text from a position on.
    fn source(&self, start: u64) -> Result<Box<dyn Read + Send>> {
        let failed = |error| Error::io(&self.path, error);
        let mut file = File::open(&self.path).map_err(failed)?;
        if !self.encoded.is_decoded() {
            file.seek(SeekFrom::Start(start + self.encoded.bom_len() as u64)).map_err(failed)?;
            return Ok(Box::new(file));
        }
        let mut source = encoding::decode(file, self.encoded).map_err(failed)?;
        io::copy(&mut source.by_ref().take(start), &mut io::sink()).map_err(failed)?;
        Ok(source)
    }

    fn records(&self, start: u64, block: usize) -> Result<Records<'_>> {
        let length = self.rows.end.saturating_sub(start);
        Ok(Records::new(self, Box::new(self.source(start)?.take(length)), start, block))
    }

    /// Return a survey of the text before the rows.
    fn survey_header(&self) -> Result<Survey> {
        let mut header = Vec::new();
        let source = self.source(self.start)?.take(self.rows.start - self.start).read_to_end(&mut header);
        source.map_err(|error| Error::io(&self.path, error))?;
        let mut survey = Survey::default();
        survey.feed(&header);
        Ok(survey)
    }

    /// Return the first cell that contains lines with as many delimiters as a row.
    ///
    /// `open` is whether the file ends within quotes; then the last cell is the one.
    fn unclosed_quote(&self, row: u64, place: u64, open: bool, cells: Cells<'_>) -> Option<UnclosedQuote> {
        let delimiters = self.columns.len().saturating_sub(1);
        let fewest = LINE_BREAKS + usize::from(delimiters < 2);
        for (number, cell) in cells.iter().enumerate() {
            let breaks = memchr_iter(b'\n', cell).count();
            let lines: Vec<&[u8]> = cell.split(|byte| *byte == b'\n').collect();
            // The first and the last line of the cell are parts of rows.
            let inner = lines.get(1..breaks).unwrap_or_default();
            let is_row = |line: &&&[u8]| memchr_iter(self.delimiter, line).count() == delimiters;
            let rows = inner.iter().filter(is_row).count();
            let like_rows = delimiters > 0 && breaks >= fewest && 10 * rows >= 8 * inner.len();
            if like_rows || open && number + 1 == cells.len() {
                let name = self.columns.get(number).map(|column| show::clip(&show::bytes(&column.name)));
                let column = name.unwrap_or_else(|| format!("column {}", number + 1));
                return Some(UnclosedQuote { row, column, breaks, place });
            }
        }
        None
    }
}

impl Table for Delimited {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn scan(&self, visit: &mut dyn FnMut(u64, Cells<'_>) -> Result<bool>) -> Result<()> {
        let mut records = self.records(self.rows.start, BLOCK)?;
        while let Some(mut record) = records.next()? {
            let place = record.place;
            if !visit(place, record.cells(self.delimiter))? {
                break;
            }
        }
        Ok(())
    }

    fn fetch(&self, places: &[u64], visit: &mut dyn FnMut(usize, Cells<'_>) -> Result<()>) -> Result<()> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(()) };
        let sparse = (last - first) / places.len() as u64 > BLOCK as u64 / 4;
        let mut records = self.records(*first, if sparse { SMALL_BLOCK } else { BLOCK })?;
        for (index, place) in places.iter().enumerate() {
            records.go_to(*place)?;
            let Some(mut record) = records.next()? else {
                return Err(Error::new("the file became shorter while it was read"));
            };
            visit(index, record.cells(self.delimiter))?;
        }
        Ok(())
    }

    fn hash_rows(&self, hasher: &RowHasher, visit: &mut dyn FnMut(Vec<RowHash>) -> bool) -> Result<()> {
        const ROWS: usize = 4096;
        let in_order = hasher.columns.iter().copied().eq(0..self.columns.len());
        let whole_lines =
            in_order && hasher.width == self.columns.len() && hasher.separator == self.delimiter;
        // The cells after the last hashed one are not needed, unless those beyond the header are hashed.
        let last = hasher.columns.iter().max().map_or(0, |last| last + 1);
        let needed = if hasher.width == usize::MAX { last } else { usize::MAX };
        let mut records = self.records(self.rows.start, BLOCK)?;
        records.survey = Some(self.survey_header()?);
        let mut unclosed_quote = None;
        let (mut block, mut buffer, mut row) = (Vec::with_capacity(ROWS), Vec::new(), 0);
        while let Some(mut record) = records.next()? {
            let hash = if whole_lines && !record.decoded {
                hasher.hash_bytes(record.line)
            } else {
                hasher.hash(record.first_cells(self.delimiter, needed), &mut buffer)
            };
            if record.decoded && unclosed_quote.is_none() {
                unclosed_quote =
                    self.unclosed_quote(row, record.place, record.open, record.cells(self.delimiter));
            }
            row += 1;
            block.push(RowHash { hash, place: record.place });
            if block.len() == ROWS && !visit(std::mem::replace(&mut block, Vec::with_capacity(ROWS))) {
                return Ok(());
            }
        }
        if !block.is_empty() {
            visit(block);
        }
        let zeros = records.zeros;
        if let Some(mut survey) = records.survey.take() {
            survey.finish();
            if let Ok(mut content) = self.content.lock() {
                *content = Some(Content { survey, zeros, unclosed_quote });
            }
        }
        Ok(())
    }

    fn separator(&self) -> u8 {
        self.delimiter
    }

    fn show_row(&self, cells: Cells<'_>) -> String {
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).from_writer(Vec::new());
        // Cannot fail: the writer is a vector, and the length of the only record cannot differ from others.
        let written = writer.write_record(cells.iter());
        debug_assert!(written.is_ok());
        let line = writer.into_inner().unwrap_or_default();
        show::clip(show::bytes(&line).trim_end_matches(['\r', '\n']))
    }
}

/// A reader of rows.
struct Records<'a> {
    table: &'a Delimited,
    source: Box<dyn Read + Send + 'a>,
    buffer: Vec<u8>,
    /// The part of the buffer that was read and not used yet.
    start: usize,
    end: usize,
    /// The position of the buffer in the text.
    offset: u64,
    ended: bool,
    parser: csv_core::Reader,
    /// The cells of a decoded row, and their ends.
    cells: Vec<u8>,
    csv_ends: Vec<usize>,
    ends: Vec<u32>,
    /// Counts of the bytes read, if they are wanted.
    survey: Option<Survey>,
    zeros: u64,
}

/// A row: a line without quotes, or decoded cells.
struct Record<'r> {
    place: u64,
    line: &'r [u8],
    /// Whether `line` consists of cells without delimiters, whose ends are in `ends`.
    decoded: bool,
    /// Whether the file ends within quotes.
    open: bool,
    ends: &'r mut Vec<u32>,
}

impl Record<'_> {
    fn cells(&mut self, delimiter: u8) -> Cells<'_> {
        self.first_cells(delimiter, usize::MAX)
    }

    /// Return the first cells, at least `needed` of them if there are as many.
    fn first_cells(&mut self, delimiter: u8, needed: usize) -> Cells<'_> {
        if self.decoded {
            return Cells::new(self.line, self.ends);
        }
        self.ends.clear();
        // A row has less than 4 GiB.
        self.ends.extend(memchr_iter(delimiter, self.line).take(needed).map(|end| end as u32));
        if self.ends.len() < needed {
            self.ends.push(self.line.len() as u32);
        }
        Cells::separated(self.line, self.ends)
    }
}

impl<'a> Records<'a> {
    fn new(table: &'a Delimited, source: Box<dyn Read + Send + 'a>, start: u64, block: usize) -> Self {
        let mut parser = csv_core::ReaderBuilder::new().delimiter(table.delimiter).build();
        // The parser drops a byte order mark at the start of its input, which is any row here; an empty line is none.
        parser.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            table,
            source,
            buffer: vec![0; block],
            start: 0,
            end: 0,
            offset: start,
            ended: false,
            parser,
            cells: Vec::new(),
            csv_ends: Vec::new(),
            ends: Vec::new(),
            survey: None,
            zeros: 0,
        }
    }

    /// Return the position of the next byte in the text.
    fn position(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// Continue at a position that is not before the current one.
    fn go_to(&mut self, place: u64) -> Result<()> {
        let ahead = place.saturating_sub(self.position());
        if ahead <= (self.end - self.start) as u64 {
            self.start += ahead as usize;
            return Ok(());
        }
        let beyond = place - self.offset - self.end as u64;
        (self.start, self.end, self.offset) = (0, 0, place);
        if !self.table.encoded.is_decoded() && beyond > BLOCK as u64 {
            let length = self.table.rows.end.saturating_sub(place);
            self.source = Box::new(self.table.source(place)?.take(length));
        } else {
            let skipped = io::copy(&mut self.source.by_ref().take(beyond), &mut io::sink());
            skipped.map_err(|error| Error::io(&self.table.path, error))?;
        }
        Ok(())
    }

    /// Read more text behind that in the buffer, and return whether there is more.
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.offset += self.start as u64;
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            self.check_length(self.end)?;
            self.buffer.resize(2 * self.end, 0);
        }
        while self.end < self.buffer.len() {
            let read = match self.source.read(&mut self.buffer[self.end..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(&self.table.path, error)),
            };
            let new = &self.buffer[self.end..self.end + read];
            if let Some(survey) = &mut self.survey {
                survey.feed(new);
                self.zeros += memchr_iter(0, new).count() as u64;
            }
            self.end += read;
            if read == 0 {
                self.ended = true;
                break;
            }
            // A short read of a pipe or a decoder: use what there is.
            if self.end > self.buffer.len() / 2 {
                break;
            }
        }
        Ok(self.end > self.start)
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length <= LONGEST_ROW {
            return Ok(());
        }
        Err(Error::new(format!(
            "a row is larger than {} MiB: a quote may be unclosed, or this is not a table",
            LONGEST_ROW >> 20
        )))
    }

    /// Return the next row; empty lines are none.
    fn next(&mut self) -> Result<Option<Record<'_>>> {
        let mut searched = 0;
        loop {
            let text = &self.buffer[self.start..self.end];
            if searched == 0 {
                // Also the second byte of a CRLF, whose first one ended the row.
                let empty = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
                if empty > 0 {
                    self.start += empty;
                    continue;
                }
            }
            match memchr3(b'\n', b'\r', b'"', &text[searched..]) {
                Some(index) if text[searched + index] == b'"' => return self.decode().map(Some),
                Some(index) => {
                    let (start, end) = (self.start, self.start + searched + index);
                    self.start = end + 1;
                    return Ok(Some(self.line(start, end)));
                }
                None => {
                    searched = text.len();
                    let had = searched;
                    self.fill()?;
                    if self.end - self.start > had {
                        continue;
                    }
                    if had == 0 {
                        return Ok(None);
                    }
                    let (start, end) = (self.start, self.end);
                    self.start = end;
                    return Ok(Some(self.line(start, end)));
                }
            }
        }
    }

    fn line(&mut self, start: usize, end: usize) -> Record<'_> {
        let place = self.offset + start as u64;
        Record { place, line: &self.buffer[start..end], decoded: false, open: false, ends: &mut self.ends }
    }

    /// Decode a row with quotes.
    fn decode(&mut self) -> Result<Record<'_>> {
        let place = self.position();
        let (mut bytes, mut count, mut quotes) = (0, 0, 0);
        loop {
            let (result, used, written, ended) = self.parser.read_record(
                &self.buffer[self.start..self.end],
                &mut self.cells[bytes..],
                &mut self.csv_ends[count..],
            );
            quotes += memchr_iter(b'"', &self.buffer[self.start..self.start + used]).count();
            self.start += used;
            bytes += written;
            count += ended;
            match result {
                // At the end of the file, `csv_core` gets no more input and finishes the row.
                ReadRecordResult::InputEmpty => {
                    self.fill()?;
                }
                ReadRecordResult::OutputFull => {
                    self.check_length(self.cells.len())?;
                    self.cells.resize((2 * self.cells.len()).max(1024), 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    self.csv_ends.resize((2 * self.csv_ends.len()).max(64), 0);
                }
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.ends.clear();
        self.ends.extend(self.csv_ends[..count].iter().map(|end| *end as u32));
        let open = self.ended && self.start == self.end && !quotes.is_multiple_of(2);
        Ok(Record { place, line: &self.cells[..bytes], decoded: true, open, ends: &mut self.ends })
    }
}

/// Check that any bytes have the rows that the `csv` crate reads, for any size of the blocks.
pub(crate) fn fuzz(data: &[u8]) {
    let table = Delimited {
        path: PathBuf::new(),
        encoded: Encoded::UTF8,
        delimiter: b',',
        columns: Vec::new(),
        start: 0,
        rows: 0..u64::MAX,
        content: Mutex::default(),
    };
    // `csv` skips a byte order mark at the start, which is removed before this reader.
    let mut data = data;
    while let Some(rest) = data.strip_prefix(b"\xef\xbb\xbf") {
        data = rest;
    }
    for block in [1, 7, BLOCK] {
        let mut expected = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(data);
        let mut expected = expected.byte_records();
        let mut records = Records::new(&table, Box::new(data), 0, block);
        let mut position = 0;
        while let Some(mut record) = records.next().expect("bytes in memory can be read") {
            assert!(record.place >= position, "places increase");
            position = record.place + 1;
            let row = expected.next().expect("as many rows").expect("a valid row");
            let cells = record.cells(b',');
            assert!(row.iter().eq(cells.iter()), "{row:?} {:?}", cells.iter().collect::<Vec<_>>());
        }
        assert!(expected.next().is_none(), "no more rows");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_those_of_the_csv_crate() {
        let seeds: [&[u8]; 7] = [
            b"a,b\n\xef\xbb\xbfc,\"d\"\n",
            b"a,b\n1,2\r\n3,\"4\"\n",
            b"\"a\"\"b\",c\n\n\n\"x\ny\",\"\"\n,\n",
            b"a\rb\rc,d\r",
            b"\"open,1\n2,3\n4,5",
            b"x\"y,z\"\"\n\"q\"w,e\n",
            b"",
        ];
        crate::fuzzing::mutations(&seeds.map(<[u8]>::to_vec), 800, super::fuzz);
    }
}
