//! The dialect of a table in text: its delimiter, the lines before its header, and whether it has a header.

use std::collections::HashMap;
use std::ops::Range;

use binoc_sdk::{Example, Fact, show};

use crate::align::{Interner, align, digest};

/// The number of records that decide about the delimiter.
const RECORDS: usize = 2_000;
/// The number of records whose cells decide about the header.
const TYPED: usize = 200;
/// The largest number of records before the header.
const LEADING: usize = 50;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The dialect of a table in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// The number of lines before the header, or before the first row if the header is missing.
    pub(crate) preamble_lines: usize,
    /// The number of bytes of these lines.
    pub(crate) preamble_bytes: usize,
    /// The character that begins comment lines, if lines before the header begin with it.
    pub(crate) comment: Option<u8>,
    /// Whether the first record after the preamble is a header; otherwise it is a row.
    pub(crate) header: bool,
    /// The number of columns; rows can have more cells.
    pub(crate) width: usize,
    /// The bytes of each table if several tables with different headers are divided by blank lines; otherwise empty. Each
    /// one has its own dialect; this one is that of the first. The last one continues to the end of the file.
    pub(crate) tables: Vec<Range<usize>>,
    /// Which line breaks (LF, CRLF, CR) are only inside of cells in quotes, and do not end rows.
    pub(crate) quoted_breaks: [bool; 3],
    /// Whether another delimiter occurs more often in the header.
    unusual_header: bool,
    /// Whether there is evidence for or against a header.
    typed: bool,
}

/// Return the dialect of a table from its first bytes, in UTF-8 or an 8-bit encoding. `complete` is whether these are all
/// bytes; `default` is the delimiter to prefer, such as that of the extension.
#[cfg(test)]
pub(crate) fn detect(sample: &[u8], complete: bool, default: u8) -> Dialect {
    choose(&Sample { data: sample, complete }, &candidates(default), &mut 0).dialect
}

/// Return the dialects of two versions of a table. Evidence in one version decides also for the other one if that has
/// none.
pub(crate) fn detect_pair(old: (&[u8], bool), new: (&[u8], bool), default: u8) -> [Dialect; 2] {
    let [old, new] = [old, new].map(|(data, complete)| Sample { data, complete });
    let [mut left, mut right] = [old, new].map(|sample| choose(&sample, &candidates(default), &mut 0));
    left.adopt_delimiter(&old, &right);
    right.adopt_delimiter(&new, &left);
    left.adopt_header(&old, &right, &new);
    right.adopt_header(&new, &left, &old);
    [left.dialect, right.dialect]
}

#[derive(Clone, Copy)]
struct Sample<'a> {
    data: &'a [u8],
    complete: bool,
}

/// A line of cells; several lines if a cell in quotes has line breaks.
#[derive(Debug, Clone, Copy)]
struct Record {
    start: usize,
    /// The end without the line ending.
    end: usize,
    /// The number of cells.
    cells: usize,
    /// The number of cells without empty ones at the end.
    filled: usize,
    /// Whether blank lines are before it, or lines of empty cells.
    after_blank: bool,
}

impl Record {
    fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Return the content of the cell at `start`, without quotes around it, and the end of the cell.
fn cell(data: &[u8], start: usize, delimiter: u8) -> (&[u8], usize) {
    let mut end = start;
    let mut content = None;
    if data.get(start) == Some(&b'"') {
        end += 1;
        loop {
            let Some(quote) = memchr::memchr(b'"', &data[end..]) else {
                return (&data[start + 1..], data.len());
            };
            end += quote + 1;
            if data.get(end) != Some(&b'"') {
                break;
            }
            end += 1;
        }
        content = Some(&data[start + 1..end - 1]);
    }
    let quoted = end;
    end = memchr::memchr3(delimiter, b'\n', b'\r', &data[end..]).map_or(data.len(), |length| end + length);
    (content.filter(|_| quoted == end).unwrap_or(&data[start..end]), end)
}

fn cells<'a>(
    sample: &Sample<'a>,
    record: &Record,
    delimiter: u8,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let data = &sample.data[record.span()];
    let (mut start, count) = (0, record.cells);
    (0..count).map(move |_| {
        let (content, end) = cell(data, start.min(data.len()), delimiter);
        start = end + 1;
        content
    })
}

/// Return up to `limit` records. A record that may continue after the sample is left out, unless it is the only one.
fn records(sample: &Sample, delimiter: u8, limit: usize) -> Vec<Record> {
    let data = sample.data;
    let (mut records, mut start, mut after_blank) = (Vec::new(), 0, false);
    while start < data.len() && records.len() < limit {
        if matches!(data[start], b'\n' | b'\r') {
            // The LF of CRLF is not a blank line.
            after_blank |= start == 0 || (data[start - 1], data[start]) != (b'\r', b'\n');
            start += 1;
            continue;
        }
        let mut record = Record { start, end: start, cells: 0, filled: 0, after_blank };
        loop {
            let (content, end) = cell(data, record.end, delimiter);
            record.cells += 1;
            if !content.trim_ascii().is_empty() {
                record.filled = record.cells;
            }
            record.end = end;
            if data.get(end) != Some(&delimiter) {
                break;
            }
            record.end += 1;
        }
        if record.end == data.len() && !sample.complete && !records.is_empty() {
            break;
        }
        start = record.end + 1;
        after_blank = record.filled == 0;
        if record.filled > 0 {
            records.push(record);
        }
    }
    records
}

/// The records of a sample, and which of them are the first table.
#[derive(Clone)]
struct Records {
    all: Vec<Record>,
    delimiter: u8,
    /// The end of the first table.
    end: usize,
    /// The most frequent number of cells in the first table.
    usual: usize,
    header: usize,
    /// Whether there is evidence for the place of the header.
    placed: bool,
    /// The number of comment lines at the beginning.
    comments: usize,
    comment: Option<u8>,
    /// For the first records after the comment lines: the number of cells that differ in type from the cells below, and of those that do not.
    types: Vec<(usize, usize)>,
    /// The starts of the tables after the first one.
    starts: Vec<usize>,
}

/// The dialect that was chosen, and the evidence for its delimiter.
struct Choice {
    dialect: Dialect,
    table: Records,
    score: u64,
    /// Whether another delimiter divides the records as well, or none does.
    in_doubt: bool,
}

fn choose(sample: &Sample, delimiters: &[u8], scanned: &mut usize) -> Choice {
    let tables = delimiters.iter().map(|delimiter| Records::read(sample, *delimiter, RECORDS, scanned));
    let tables: Vec<_> = tables.map(|table| (table.score(), table)).collect();
    let score = tables.iter().map(|table| table.0).max().unwrap_or(0);
    let mut best: Vec<_> = tables.into_iter().filter(|table| table.0 == score).collect();
    // The first one is the preferred one, unless it leaves parts of numbers together that another one divides.
    let values: Vec<usize> = match best.len() {
        1 => vec![0],
        _ => best.iter().map(|table| table.1.values(sample)).collect(),
    };
    let most = (0..values.len()).rev().max_by_key(|place| values[*place]).unwrap_or(0);
    let place = if score > 0 && values[most] > values[0] + 1500 { most } else { 0 };
    let in_doubt = score == 0 || best.len() > 1 && place == 0;
    let mut table = best.swap_remove(place).1;
    if table.all.len() == RECORDS {
        table = Records::read(sample, table.delimiter, usize::MAX, scanned);
    }
    Choice { dialect: table.dialect(sample), table, score, in_doubt }
}

/// Return the delimiters to try, the preferred one first.
fn candidates(default: u8) -> Vec<u8> {
    let others = DELIMITERS.into_iter().filter(|other| *other != default);
    [default].into_iter().chain(others).collect()
}

impl Choice {
    fn adopt_delimiter(&mut self, sample: &Sample, other: &Self) {
        if self.in_doubt && !other.in_doubt && self.dialect.delimiter != other.dialect.delimiter {
            let choice = choose(sample, &[other.dialect.delimiter], &mut 0);
            if choice.score == self.score {
                *self = choice;
            }
        }
    }

    fn adopt_header(&mut self, sample: &Sample, other: &Self, other_sample: &Sample) {
        let (table, known) = (&mut self.table, &other.table);
        if known.placed && !table.placed {
            let header = &other_sample.data[known.all[known.header].span()];
            let mut leading = table.all[..table.end].iter().take(LEADING);
            if let Some(place) = leading.position(|record| &sample.data[record.span()] == header) {
                table.header = place;
                self.dialect = table.dialect(sample);
            }
        }
        if other.dialect.typed && !self.dialect.typed && self.dialect.width > 0 {
            self.dialect.header = other.dialect.header;
            self.dialect.width = self.table.width(self.dialect.header);
        }
    }
}

impl Records {
    fn read(sample: &Sample, delimiter: u8, limit: usize, scanned: &mut usize) -> Self {
        let all = records(sample, delimiter, limit);
        *scanned += all.last().map_or(0, |record| record.end);
        let mut table = Self {
            end: all.len(),
            all,
            delimiter,
            usual: 0,
            header: 0,
            placed: false,
            comments: 0,
            comment: None,
            types: Vec::new(),
            starts: Vec::new(),
        };
        table.find_tables(sample);
        table.usual = usual(&table.all[..table.end]);
        let is_comment = |record: &&Record| is_comment(&sample.data[record.span()]);
        table.comments = table.all[..table.end].iter().take_while(is_comment).count();
        let typed = &table.all[table.comments..table.end];
        table.types = types(sample, &typed[..typed.len().min(TYPED)], delimiter);
        table.find_header(sample);
        table
    }

    /// Return how well the delimiter divides the records, in millionths; 0 if it does not.
    fn score(&self) -> u64 {
        let records = &self.all[self.header.min(self.all.len())..];
        let alike = |block: Range<usize>| {
            let usual = usual(&records[block.clone()]);
            records[block].iter().filter(|record| usual > 1 && record.cells == usual).count()
        };
        let alike: usize = blocks(records).map(alike).sum();
        // A header in one cell above rows with several is a text with delimiters in its cells.
        let is_divided = records.first().is_some_and(|header| header.cells > 1);
        if !is_divided || self.usual < 2 || alike * 2 < records.len() {
            return 0;
        }
        // A wrong delimiter takes the header as a title, or a title as the header and the header as an odd row.
        let odd = records.len() - alike;
        let header_fits = if records[0].cells == self.usual { 100_000 } else { 0 };
        (alike.saturating_sub(2 * odd) as u64 * 1_000_000) / self.all.len() as u64 + header_fits + 1
    }

    /// Return the number of values in a record on average, in thousandths.
    fn values(&self, sample: &Sample) -> usize {
        let records = &self.all[..self.all.len().min(TYPED)];
        let values = records.iter().flat_map(|record| cells(sample, record, self.delimiter));
        values.filter(|cell| is_value(cell)).count() * 1000 / records.len().max(1)
    }

    /// Find tables with other headers after blank lines.
    fn find_tables(&mut self, sample: &Sample) {
        let mut previous: Option<Range<usize>> = None;
        let mut title = None;
        for block in blocks(&self.all) {
            let width = usual(&self.all[block.clone()]);
            let titles = self.all[block.clone()].iter().take_while(|record| record.cells != width).count();
            let records = &self.all[block.start + titles..block.end];
            let alike = records.iter().filter(|record| record.cells == width).count();
            let first = types(sample, &records[..records.len().min(TYPED)], self.delimiter).first().copied();
            let first = first.unwrap_or_default();
            let strong = first.0 > 0 && first.1 == 0;
            // Two lines of text can have as many delimiters by chance.
            let is_table = records.len() > 2 || records.len() == 2 && strong;
            if width < 2 || !is_table || alike * 10 < records.len() * 8 {
                title = title.or(Some(block.start));
                continue;
            }
            let start = block.start;
            let block = start + titles..block.end;
            if let Some(previous) = &previous {
                let before = &self.all[previous.clone()];
                let differs = usual(before) != width;
                let is_header = strong || differs && (first.0 > 0 || first.1 == 0);
                let text = |record: &Record| &sample.data[record.span()];
                if !is_header || text(&records[0]) == text(&before[0]) {
                    // More rows of the same table.
                    title = None;
                    continue;
                }
                self.starts.push(title.unwrap_or(start));
            }
            (previous, title) = (Some(block), None);
        }
        if let Some(start) = self.starts.first() {
            self.end = *start;
        }
    }

    /// Find the header of the first table: the first record with as many cells as the rows below, if there is evidence
    /// that the records before it are a preamble.
    fn find_header(&mut self, sample: &Sample) {
        let records = &self.all[..self.end];
        if records.is_empty() {
            return;
        }
        let text = |place: usize| &sample.data[records[place].span()];
        let strong = |place: usize| matches!(self.types(place), (1.., 0));
        let is_data = |place: usize| matches!(self.types(place), (0, 1..));
        let mut start = self.comments;
        if start == records.len() || self.usual < 2 && !strong(start) {
            start = 0;
        } else if start > 0 && self.usual > 1 && records[start - 1].cells == self.usual {
            // A header can begin with the character of comments, such as `#id`.
            let last = text(start - 1);
            let spaced = comment(last).is_none() || last.get(1).is_some_and(u8::is_ascii_whitespace);
            start -= usize::from(!strong(start) && (is_data(start) || !spaced));
        }
        let comment = comment(text(0)).filter(|_| start > 0);
        let limit = records.len().min(start + LEADING);
        let mut full = (start..limit).find(|place| records[*place].filled == self.usual);
        if let (Some(first), 2..) = (full, self.usual) {
            // A title can have as many cells by chance: then it is prose, or other lines are between it and a header.
            let is_prose = |cell: &[u8]| cell.starts_with(b" ");
            let mut divided = cells(sample, &records[first], self.delimiter).skip(1).any(is_prose);
            for (place, record) in records.iter().enumerate().take(limit).skip(first + 1) {
                divided |= record.after_blank || record.filled != self.usual;
                if is_data(place) {
                    break;
                }
                if divided && strong(place) && record.filled == self.usual {
                    full = Some(place);
                }
            }
        }
        let place = match full {
            _ if self.usual < 2 => start,
            None => start,
            Some(full) if full == start => start,
            Some(full) => {
                let after_blank = (start + 1..=full).any(|place| records[place].after_blank);
                let constant = records[full..].iter().filter(|record| record.cells == self.usual).count();
                let is_title = records[start].filled == 1 && text(start).contains(&b' ');
                let mut before = records[start..full].iter();
                // A row can have empty cells at its end.
                let are_titles = before.all(|record| record.cells != self.usual || record.filled == 1);
                if constant * 10 < (records.len() - full) * 8 {
                    start
                } else if let Some(row) = (start..=full).find(|place| is_data(*place)) {
                    // A short header above wider rows, or rows without a header.
                    if row == start || records[row].after_blank { row } else { row - 1 }
                } else if strong(full) || is_title || are_titles && (after_blank || full - start > 1) {
                    full
                } else {
                    start
                }
            }
        };
        (self.header, self.placed, self.comment) = (place, place > 0 || strong(place), comment);
    }

    fn types(&self, place: usize) -> (usize, usize) {
        let place = place.checked_sub(self.comments);
        place.and_then(|place| self.types.get(place)).copied().unwrap_or_default()
    }

    /// Return the number of columns.
    fn width(&self, header: bool) -> usize {
        let rows = &self.all[(self.header + usize::from(header)).min(self.end)..self.end];
        let filled = rows.iter().map(|row| row.filled).max().unwrap_or(0);
        if !header {
            return usual(rows).min(filled);
        }
        let Some(first) = self.all.get(self.header) else { return 0 };
        let wider = rows.iter().filter(|row| row.filled > first.cells).count();
        if !rows.is_empty() && wider * 10 >= rows.len() * 9 {
            return usual(rows).clamp(first.cells, filled);
        }
        // Delimiters at the end of all lines do not divide anything.
        first.cells.min(first.filled.max(filled))
    }

    fn dialect(&self, sample: &Sample) -> Dialect {
        let Some(first) = self.all.get(self.header) else {
            return Dialect {
                delimiter: self.delimiter,
                preamble_lines: 0,
                preamble_bytes: 0,
                comment: None,
                header: true,
                width: 0,
                tables: Vec::new(),
                quoted_breaks: [false; 3],
                unusual_header: false,
                typed: false,
            };
        };
        let before = if self.header == 0 { 0 } else { first.start };
        let (differ, same) = self.types(self.header);
        let absent =
            differ == 0 && same > 0 && self.end - self.header > 2 && !self.may_be_labels(sample, self.header);
        let header = !absent;
        let text = &sample.data[first.span()];
        let count = |delimiter: u8| memchr::memchr_iter(delimiter, text).count();
        let mut starts = vec![0];
        starts.extend(self.starts.iter().map(|start| self.all[*start].start));
        starts.push(sample.data.len());
        let tables = starts.windows(2).map(|pair| pair[0]..pair[1]);
        Dialect {
            delimiter: self.delimiter,
            preamble_lines: lines(&sample.data[..before]).count(),
            preamble_bytes: before,
            comment: self.comment,
            header,
            width: self.width(header),
            tables: if self.starts.is_empty() { Vec::new() } else { tables.collect() },
            quoted_breaks: self.quoted_breaks(sample),
            unusual_header: count(self.delimiter) > 0
                && DELIMITERS.iter().any(|other| count(*other) > count(self.delimiter)),
            typed: absent || (differ > 0 && same == 0),
        }
    }

    fn quoted_breaks(&self, sample: &Sample) -> [bool; 3] {
        let (mut inside, mut after) = ([false; 3], [false; 3]);
        if memchr::memchr(b'"', sample.data).is_none() {
            return inside;
        }
        for record in &self.all {
            let text = &sample.data[record.span()];
            for place in memchr::memchr2_iter(b'\n', b'\r', text) {
                // The LF of CRLF was counted with the CR.
                if text[place] != b'\n' || place == 0 || text[place - 1] != b'\r' {
                    inside[line_break(&text[place..])] = true;
                }
            }
            if record.end < sample.data.len() {
                after[line_break(&sample.data[record.end..])] = true;
            }
        }
        [0, 1, 2].map(|kind| inside[kind] && !after[kind])
    }

    /// Return whether the values of a record may be labels of columns: years, dates, or numbers in order.
    fn may_be_labels(&self, sample: &Sample, place: usize) -> bool {
        let values = |record: &Record| -> Vec<&[u8]> {
            let cells = cells(sample, record, self.delimiter).map(<[u8]>::trim_ascii);
            cells.filter(|cell| is_value(cell)).collect()
        };
        let first = values(&self.all[place]);
        let is_year = |cell: &&[u8]| {
            (4..=7).contains(&cell.len())
                && (b"1800"..=b"2199").contains(&&cell[..4].try_into().unwrap_or(*b"0000"))
        };
        let is_date = |cell: &&[u8]| cell[1..].iter().any(|byte| matches!(byte, b'-' | b'/' | b':'));
        let mut unique = first.clone();
        unique.sort_unstable();
        unique.dedup();
        if unique.len() < first.len() {
            return false;
        }
        if first.iter().all(is_year) || first.len() > 1 && first.iter().all(is_date) {
            return true;
        }
        let in_order = |values: &[&[u8]]| {
            let number = |cell: &&[u8]| std::str::from_utf8(cell).ok()?.parse::<u32>().ok();
            let numbers: Option<Vec<u32>> = values.iter().map(number).collect();
            numbers.is_some_and(|numbers| {
                let enough = if numbers.first() == Some(&0) { 2 } else { 3 };
                numbers.len() >= enough
                    && numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
            })
        };
        let rows = &self.all[place + 1..self.end.min(place + TYPED)];
        in_order(&first) && rows.iter().filter(|row| in_order(&values(row))).count() * 2 < rows.len()
    }
}

/// Return the ranges of records without a blank line between them.
fn blocks(records: &[Record]) -> impl Iterator<Item = Range<usize>> {
    let starts = (1..records.len()).filter(|place| records[*place].after_blank).chain([records.len()]);
    let mut start = 0;
    starts.map(move |end| std::mem::replace(&mut start, end)..end)
}

/// Return the most frequent number of cells; the largest one of several.
fn usual(records: &[Record]) -> usize {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for record in records {
        *counts.entry(record.cells).or_default() += 1;
    }
    counts.into_iter().map(|(cells, count)| (count, cells)).max().map_or(0, |most| most.1)
}

/// Return for each record the number of cells that are not a value while the cells below in their column are values, and
/// the number of cells that are a value like these.
fn types(sample: &Sample, records: &[Record], delimiter: u8) -> Vec<(usize, usize)> {
    // The numbers of cells and of values in each column.
    let mut columns: Vec<(usize, usize)> = Vec::new();
    let mut types = vec![(0, 0); records.len()];
    for (place, record) in records.iter().enumerate().rev() {
        for (column, cell) in cells(sample, record, delimiter).enumerate() {
            if column == columns.len() {
                columns.push((0, 0));
            }
            if is_missing(cell) {
                continue;
            }
            let (count, values) = &mut columns[column];
            let is_value = is_value(cell);
            if *count > 0 && *values * 10 >= *count * 9 {
                if is_value { types[place].1 += 1 } else { types[place].0 += 1 }
            }
            (*count, *values) = (*count + 1, *values + usize::from(is_value));
        }
    }
    types
}

/// Return the character that makes a line a comment.
fn comment(line: &[u8]) -> Option<u8> {
    line.first().copied().filter(|byte| matches!(byte, b'#' | b'%'))
}

/// Return whether a line is not part of the table by its beginning; spreadsheets write `sep=;` into the first line.
fn is_comment(line: &[u8]) -> bool {
    comment(line).is_some() || line.len() <= 5 && line.starts_with(b"sep=")
}

/// Return whether a cell is a number, a date or a time.
fn is_value(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let allowed = |byte: &u8| {
        matches!(
            byte,
            b'0'..=b'9' | b'+' | b'-' | b'.' | b',' | b':' | b'/' | b'e' | b'E' | b'%' | b'T' | b'Z' | b' '
        )
    };
    cell.first().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.'))
        && cell.iter().any(u8::is_ascii_digit)
        && cell.iter().all(allowed)
}

fn is_missing(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    [&b""[..], b"-", b".", b"?", b"na", b"n/a", b"nan", b"null", b"none"]
        .iter()
        .any(|name| cell.eq_ignore_ascii_case(name))
}

/// Return the kind of the line break at the beginning: LF, CRLF or CR.
fn line_break(text: &[u8]) -> usize {
    match text {
        [b'\n', ..] => 0,
        [b'\r', b'\n', ..] => 1,
        _ => 2,
    }
}

/// Return lines without their line endings.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = match &rest[end..] {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => &[],
        };
        Some(line)
    })
}

/// Return facts about the dialects of two versions: how they were recognised and what changed. The samples are those of
/// [`detect`], and `limit` is the largest number of examples.
pub(crate) fn facts(old: (&Dialect, &[u8]), new: (&Dialect, &[u8]), limit: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let sides = [old.0, new.0];
    if old.0.delimiter != new.0.delimiter {
        let [before, after] = sides.map(|side| char::from(side.delimiter));
        let fact = Fact::new("encoding.delimiter", "delimiter changed");
        facts.push(fact.with_examples([Example::change(before, after)]));
    } else if sides.iter().any(|side| side.unusual_header) {
        let delimiter = char::from(old.0.delimiter).escape_default();
        let text = format!("delimiter `{delimiter}` (it divides the rows alike)");
        facts.push(Fact::new("table.delimiter", text));
    }
    let lines = sides.map(|side| side.preamble_lines + 1);
    if lines != [1, 1] {
        let what = if sides.iter().all(|side| side.header) { "header" } else { "first row" };
        let text = match lines {
            [before, after] if before == after => format!("{what} found in line {after}"),
            [before, after] => format!("{what} found in line {before} before, line {after} after"),
        };
        facts.push(Fact::new("table.header-line", text));
    }
    let header = match sides.map(|side| side.header) {
        [true, true] => None,
        [false, false] => Some(("table.no-header", "no header: columns are named by their position")),
        [true, false] => Some(("header.removed", "header removed: columns are named by their position")),
        [false, true] => Some(("header.added", "header added: columns were named by their position")),
    };
    facts.extend(header.map(|(verb, text)| Fact::new(verb, text)));
    facts.extend(preamble(&old.1[..old.0.preamble_bytes], &new.1[..new.0.preamble_bytes], limit));
    facts
}

/// Return the fact about changed lines of the preamble.
fn preamble(old: &[u8], new: &[u8], limit: usize) -> Option<Fact> {
    let [old, new] = [old, new].map(|text| lines(text).collect::<Vec<_>>());
    let mut interner = Interner::default();
    let mut ids =
        |lines: &[&[u8]]| -> Vec<u32> { lines.iter().map(|line| interner.id(digest([*line]))).collect() };
    let mut pairs = align(&ids(&old), &ids(&new));
    pairs.push((old.len(), new.len()));
    let (mut old_start, mut new_start) = (0, 0);
    let (mut changed, mut removed, mut added, mut examples) = (0, 0, 0, Vec::new());
    for (old_end, new_end) in pairs {
        let (before, after) = (&old[old_start..old_end], &new[new_start..new_end]);
        let both = before.len().min(after.len());
        changed += both as u64;
        removed += (before.len() - both) as u64;
        added += (after.len() - both) as u64;
        for place in 0..before.len().max(after.len()).min(limit - examples.len()) {
            let line = |lines: &[&[u8]]| lines.get(place).map(|line| show::bytes(line));
            let (old_line, new_line) = (line(before), line(after));
            let (old_text, new_text) =
                show::clip_pair(old_line.as_deref().unwrap_or(""), new_line.as_deref().unwrap_or(""));
            let at = match old_line {
                Some(_) => format!("line {}", old_start + place + 1),
                None => format!("new line {}", new_start + place + 1),
            };
            let mut example = Example::default().with_at(at);
            (example.old, example.new) = (old_line.map(|_| old_text), new_line.map(|_| new_text));
            examples.push(example);
        }
        (old_start, new_start) = (old_end + 1, new_end + 1);
    }
    let counts = [(changed, "changed"), (removed, "removed"), (added, "added")];
    let counts: Vec<_> = counts.iter().filter(|count| count.0 > 0).collect();
    if counts.is_empty() {
        return None;
    }
    let parts: Vec<_> =
        counts.iter().map(|(count, state)| format!("{} {state}", show::plural(*count, "line"))).collect();
    let total = counts.iter().map(|count| count.0).sum();
    let size = show::plural(old.len().max(new.len()) as u64, "line");
    let text = format!("preamble of {size}: {}", parts.join(", "));
    Some(Fact::new("preamble.changed", text).with_count(total).with_examples(examples))
}

/// Check the properties of dialects on any bytes.
pub(crate) fn fuzz(data: &[u8]) {
    for complete in [true, false] {
        let sample = Sample { data, complete };
        let mut scanned = 0;
        let dialect = choose(&sample, &candidates(b','), &mut scanned).dialect;
        assert!(scanned <= data.len() * 6, "not linear");
        assert!(dialect.preamble_bytes <= data.len());
        assert_eq!(dialect.preamble_lines == 0, dialect.preamble_bytes == 0);
        assert!(DELIMITERS.contains(&dialect.delimiter));
        assert!(dialect.tables.windows(2).all(|pair| pair[0].end == pair[1].start));
        if let (Some(first), Some(last)) = (dialect.tables.first(), dialect.tables.last()) {
            assert!(dialect.tables.len() > 1 && (first.start, last.end) == (0, data.len()));
            assert!(dialect.preamble_bytes <= first.end);
        }
        let [old, new] = detect_pair((data, complete), (&data[..data.len() / 2], false), b'\t');
        for (side, length) in [(&old, data.len()), (&new, data.len() / 2)] {
            assert!(side.preamble_bytes <= length);
        }
        facts((&old, data), (&new, &data[..data.len() / 2]), 3);
        let same = detect_pair((data, complete), (data, complete), b',');
        assert_eq!(same[0], same[1]);
        assert_eq!(same[0], dialect, "depends on the other version");
        let unchanged = facts((&same[0], data), (&same[1], data), 3);
        assert!(unchanged.iter().all(|fact| fact.verb.starts_with("table.")), "{unchanged:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::mutations;

    fn of(text: &str) -> Dialect {
        detect(text.as_bytes(), true, b',')
    }

    fn delimiter(text: &str) -> char {
        of(text).delimiter.into()
    }

    /// Return the number of lines before the header, whether there is a header, and the number of columns.
    fn shape(text: &str) -> (usize, bool, usize) {
        let dialect = of(text);
        assert_eq!(dialect.preamble_bytes == 0, dialect.preamble_lines == 0);
        (dialect.preamble_lines, dialect.header, dialect.width)
    }

    #[test]
    fn delimiter_divides_the_rows_alike() {
        assert_eq!(delimiter("id,a;b;c\n1,x\n2,y\n"), ',');
        assert_eq!(delimiter("id,a;b;c\n1,x;1;2\n2,y;1;2\n"), ',');
        assert_eq!(delimiter("id;v\n1;2,5\n2;3,5\n3;4,5\n"), ';');
        assert_eq!(delimiter("a;b;\"c,d,e,f\"\n1;2;3\n"), ';');
        assert_eq!(delimiter("a\tb\n1,5\t2\n2\t3,5\n"), '\t');
        assert_eq!(delimiter("a|b\n1|2\n"), '|');
        assert_eq!(delimiter("a;b\n"), ';');
        assert_eq!(detect(b"one\n", true, b'\t').delimiter, b'\t');
        assert_eq!(detect(b"a,b\tc\n1,2\t3\n", true, b'\t').delimiter, b'\t');
        // A title with commas above a table with semicolons.
        assert_eq!(delimiter("Report, made 2024\nid;v\n1;2,5\n2;3,5\n3;4,5\n"), ';');
        // A ragged row, and text with semicolons in each row.
        assert_eq!(delimiter("id,n\n1,a; b\n2,b; c,x\n3,c; d\n"), ',');
    }

    #[test]
    fn one_column_is_not_divided() {
        assert_eq!(shape("name\nDoe; Jane\nRoe; John\n"), (0, true, 1));
        assert_eq!(shape("title of the work\na\nb\n\nc d\n"), (0, true, 1));
        assert_eq!(shape("# no\nid\na\n"), (0, true, 1));
        assert_eq!(shape("text\nhello, world\nfoo\na, b, c\n"), (0, true, 1));
    }

    #[test]
    fn preamble_ends_before_the_header() {
        assert_eq!(shape("Report;produced 2024\nBy agency\n\nid;v;w\n1;2;3\n2;3;4\n3;4;5\n"), (3, true, 3));
        assert_eq!(shape("Title\r\n\r\nid,n\r\na,b\r\nc,d\r\n"), (2, true, 2));
        assert_eq!(shape("By agency\rid,n\ra,b\rc,d\r"), (1, true, 2));
        // All lines of a spreadsheet have the same number of cells.
        assert_eq!(shape("Report 2024,,\n,,\nid,v,w\n1,2,3\n2,3,4\n"), (2, true, 3));
        assert_eq!(shape("\"A title\nin two lines\"\nid,v\n1,2\n2,3\n3,4\n"), (2, true, 2));
    }

    #[test]
    fn comment_lines_are_a_preamble() {
        let dialect = of("# made 2020\nid,n\n1,a\n2,b\n");
        assert_eq!((dialect.preamble_lines, dialect.comment), (1, Some(b'#')));
        assert_eq!(shape("# made, 2020\nid,n\n1,a\n2,b\n"), (1, true, 2));
        assert_eq!(shape("# a\n# b, c\nx,y\nm,n\no,p\n"), (2, true, 2));
        assert_eq!(shape("# unit: m\nlength\n1\n2\n"), (1, true, 1));
        assert_eq!(shape(&format!("{}id,n\n1,a\n2,b\n", "# more\n".repeat(300))), (300, true, 2));
        assert_eq!(shape("sep=;\nx;y\nm;n\no;p\n"), (1, true, 2));
        // A header that begins like a comment.
        assert_eq!(shape("#id,n\n1,a\n2,b\n"), (0, true, 2));
        assert_eq!(shape("##made 2020\n#id,n\n1,a\n2,b\n"), (1, true, 2));
        assert_eq!(shape("#1,a\n#2,b\n"), (0, true, 2));
    }

    #[test]
    fn short_header_is_not_a_preamble() {
        assert_eq!(shape("id\n1,x\n2,y\n"), (0, true, 2));
        assert_eq!(shape("id,n\n1,a,x\n2,b,y\n"), (0, true, 3));
        assert_eq!(shape("id,n\na,b,c\nd,e,f\n"), (0, true, 3));
        assert_eq!(shape("id,n\na,\nc,d\n"), (0, true, 2));
        // Rows with empty cells at the end are not a preamble.
        assert_eq!(shape("1,a,\n2,b,\n3,c,x\n4,d,\n"), (0, false, 3));
        assert_eq!(shape("k,l,\na,b,\nc,d,\ne,f,x\n"), (0, true, 3));
        assert_eq!(shape("k,l,\na,b,\n\ne,f,x\n"), (0, true, 3));
        assert_eq!(shape("a,b,c\n1,2\n3,4\n"), (0, true, 3));
    }

    #[test]
    fn odd_rows_do_not_create_columns() {
        assert_eq!(shape("id,n\n1,a\n2,b,x\n"), (0, true, 2));
        assert_eq!(shape("id,n\n1,a,\n2,b,\n"), (0, true, 2));
        assert_eq!(shape("id,n,\n1,a,\n2,b,\n"), (0, true, 2));
        assert_eq!(shape("id,,n\n1,,a\n"), (0, true, 3));
        assert_eq!(shape("id,n,\n1,a,x\n2,b,\n"), (0, true, 3));
    }

    #[test]
    fn missing_header_needs_evidence() {
        assert_eq!(shape("1,a\n2,b\n3,c\n"), (0, false, 2));
        assert_eq!(shape("5\n6\n9\n"), (0, false, 1));
        assert_eq!(shape("1,2,3\n4,5,6\n7,8,9\n"), (0, false, 3));
        assert_eq!(shape("2024-01-01,a,3.5\n2024-01-02,b,4.5\n2024-01-03,b,NA\n"), (0, false, 3));
        assert_eq!(shape("x,NA,5\ny,7,6\nz,8,9\n"), (0, false, 3));
        // Text, years, dates and numbers can be names of columns.
        for header in ["a,b", "country,2020", "2019,2020", "0,1", "x,1"] {
            assert!(of(&format!("{header}\nFR,x\nDE,y\nIT,z\n")).header, "{header}");
        }
        assert!(of("country,2019,2020\nFR,5,6\nDE,7,9\nIT,2,3\n").header);
        assert!(of("0,1,2\n5,3,9\n7,1,4\n5,5,5\n").header);
        assert!(of("name,1/22/20,1/23/20\nx,5,9\ny,3,4\nz,1,1\n").header);
        // One row is not enough.
        assert!(of("1,a\n2,b\n").header && of("1,a\n").header);
    }

    #[test]
    fn line_breaks_in_cells_do_not_end_rows() {
        assert_eq!(of("id,n\r\n1,\"a\nb\"\r\n2,\"a\r\nb\"\r\n").quoted_breaks, [true, false, false]);
        assert_eq!(of("id,n\n1,\"a\nb\rc\"\n").quoted_breaks, [false, false, true]);
        assert_eq!(of("id,n\r1,\"a\r\nb\"\r").quoted_breaks, [false, true, false]);
        assert_eq!(of("id,n\n1,a\n").quoted_breaks, [false; 3]);
    }

    #[test]
    fn empty_file_has_no_columns() {
        for text in ["", "\n", "\r\n\r\n", ",,\n"] {
            assert_eq!(shape(text), (0, true, 0), "{text:?}");
        }
        assert_eq!(shape("\nid,n\n1,a\n"), (0, true, 2));
    }

    #[test]
    fn stacked_tables_are_divided() {
        let text = "id,n\n1,a\n2,b\n\nsite,x,y\nr,5,6\ns,7,8\n";
        let (dialect, middle) = (of(text), text.find("site").unwrap());
        assert_eq!(dialect.tables, [0..middle, middle..text.len()]);
        assert_eq!((dialect.width, of(&text[middle..]).width), (2, 3));
        // The same number of columns, and a title.
        let text = "Table 1\nid,n\n1,a\n2,b\n\n\nTable 2\n\nsite,x\nr,5\ns,7\n";
        let (dialect, title) = (of(text), text.find("Table 2").unwrap());
        assert_eq!(dialect.tables, [0..title, title..text.len()]);
        assert_eq!((dialect.preamble_lines, of(&text[title..]).preamble_lines), (1, 2));
        // Blank lines between rows, a note at the end, and the same header again.
        for text in [
            "id,n\n1,a\n\n2,b\n3,c\n\n4,d\n5,e\n",
            "id,n\n1,a\n2,b\n\nSource: x\n",
            "id,n\n1,a\n2,b\n\nid,n\n3,c\n4,d\n",
            "id,n\n1,a\n2,b\n\n3,c,x\n4,d,x\n",
        ] {
            assert_eq!(of(text).tables, [], "{text}");
        }
    }

    #[test]
    fn evidence_in_one_version_decides_for_both() {
        let pair = |old: &str, new: &str| detect_pair((old.as_bytes(), true), (new.as_bytes(), true), b',');
        let [old, new] = pair("1,a\n", "1,a\n2,b\n3,c\n");
        assert!(!old.header && !new.header && old.width == 2);
        let [old, new] = pair("id;v,w\n", "id;v,w\n1;2\n2;3\n");
        assert_eq!((old.delimiter, new.delimiter), (b';', b';'));
        // A title without evidence on one side: there are no rows below the header.
        let [old, new] = pair("Title\nid,n\n", "Title\nid,n\n1,a\n2,b\n3,c\n");
        assert_eq!((old.preamble_lines, new.preamble_lines), (1, 1));
        let [old, new] = pair("id,n\n1,a\n2,b\n", "1,a\n2,b\n3,c\n");
        assert!(old.header && !new.header);
    }

    fn texts(old: &str, new: &str) -> Vec<String> {
        let [left, right] = detect_pair((old.as_bytes(), true), (new.as_bytes(), true), b',');
        let facts = facts((&left, old.as_bytes()), (&right, new.as_bytes()), 5);
        facts.into_iter().map(|fact| fact.text).collect()
    }

    #[test]
    fn recognised_dialects_are_stated() {
        let old = "Report;produced 2024\nBy agency\n\nid;v;w\n1;2;3\n2;3;4\n3;4;5\n";
        let new = old.replace("2024", "2025");
        assert_eq!(texts(old, &new), ["header found in line 4", "preamble of 3 lines: 1 line changed"]);
        let longer = format!("A title, too\n{old}");
        let facts = texts(old, &longer);
        assert_eq!(facts[0], "header found in line 4 before, line 5 after");
        assert_eq!(facts[1], "preamble of 4 lines: 1 line added");
        assert_eq!(texts("id,n\n1,a\n2,b\n", "id,n\n1,a\n2,c\n"), Vec::<String>::new());
        assert_eq!(texts("id,a;b;c\n1,x\n2,y\n", "id,a;b;c\n1,x\n2,z\n").len(), 1);
        assert_eq!(texts("id,n\n1,a\n2,b\n", "id;n\n1;a\n2;b\n"), ["delimiter changed"]);
        assert!(texts("1,a\n2,b\n3,c\n", "1,a\n2,b\n3,d\n")[0].starts_with("no header"));
        assert!(texts("id,n\n1,a\n2,b\n3,c\n", "1,a\n2,b\n3,d\n")[0].starts_with("header removed"));
    }

    #[test]
    fn properties_hold_for_mutated_tables() {
        let seeds = [
            "Report;produced 2024\nBy agency\n\nid;v;w\n1;2;3\n2;3;4\n3;4;5\n",
            "# made 2020\r\nid,n\r\n1,\"a\"\"b\"\r\n2,b\r\n",
            "id,n\n1,a\n2,b\n\nsite,x,y\nr,5,6\ns,7,8\n",
            "1\t\"x\n\ny\"\t2024-01-01\r2\ty\t\r",
            "a|b\n\"|\"|\n\n\n|\n",
        ];
        mutations(&seeds.map(|seed| seed.as_bytes().to_vec()), 500, fuzz);
        fuzz("1,a\n\n".repeat(5_000).as_bytes());
        fuzz("\"".repeat(20_000).as_bytes());
        fuzz(",".repeat(20_000).as_bytes());
    }

    /// Write random tables whose dialect is known; one column has numbers, so that there is evidence for the header.
    #[test]
    fn dialect_of_random_tables_is_found() {
        const TITLES: [&str; 3] =
            ["Statistics of the year 2024", "Source: the agency, in metres", "# made by hand"];
        for seed in 1..400 {
            let mut random = crate::fuzzing::random(seed);
            let mut pick = |choices: &[&str]| choices[random(choices.len() as u64) as usize].to_owned();
            let delimiter = pick(&[",", ";", "\t", "|"]);
            let other = pick(&[",", ";", "\t", "|"]);
            let width = 2 + pick(&["", " ", "  ", "    "]).len();
            let titles = TITLES.iter().cycle().skip(seed as usize % 3).map(|title| (*title).to_owned());
            let mut lines: Vec<String> = titles.take(pick(&["", " ", "  ", "   "]).len()).collect();
            if !lines.is_empty() && pick(&["", " "]).is_empty() {
                lines.push(String::new());
            }
            let preamble = lines.len();
            let join = |cells: Vec<String>| {
                let quoted = cells.into_iter().map(|cell| match cell.contains(&delimiter) {
                    true => format!("\"{cell}\""),
                    false => cell,
                });
                quoted.collect::<Vec<_>>().join(&delimiter)
            };
            let name = |column| format!("{}{column}", pick(&["name", "Größe", "unit (m)", "x"]));
            lines.push(join((0..width).map(name).collect()));
            let mut kinds: Vec<usize> = (0..width).map(|_| random(6) as usize).collect();
            kinds[random(width as u64) as usize] = 6;
            for row in 0..3 + random(20) {
                let (one, two) = (random(100), random(100));
                let cell = |kind: &usize| match kind {
                    0 => format!("{one}.{two}"),
                    1 => format!("{one},{two}"),
                    2 => format!("2024-01-{:02}", 1 + one % 28),
                    3 => ["red", "green", "dark blue", ""][two as usize % 4].to_owned(),
                    4 => format!("note{other}{one}"),
                    5 => ["", "5", "7"][one as usize % 3].to_owned(),
                    _ => row.to_string(),
                };
                lines.push(join(kinds.iter().map(cell).collect()));
            }
            let header = preamble + 1;
            // Without a header, a comma in each row may be the delimiter as well.
            if delimiter == "," || !kinds.iter().any(|kind| matches!(kind, 1 | 4)) {
                let rows = of(&(lines[header..].join("\n") + "\n"));
                assert_eq!(
                    (rows.header, rows.preamble_lines),
                    (false, 0),
                    "seed {seed}\n{}",
                    lines[header..].join("\n")
                );
            }
            let mut edited = lines.clone();
            edited.remove(header + random((lines.len() - header) as u64) as usize);
            let last = edited[edited.len() - 1].replace(['0', '5'], "9");
            edited.push(last);
            let [old, new] = [lines, edited].map(|lines| lines.join("\n") + "\n");
            for dialect in detect_pair((old.as_bytes(), true), (new.as_bytes(), true), b',') {
                assert_eq!(
                    (char::from(dialect.delimiter).to_string(), dialect.preamble_lines),
                    (delimiter.clone(), preamble),
                    "seed {seed}\n{old}\n{new}"
                );
                assert_eq!((dialect.header, dialect.width, dialect.tables.len()), (true, width, 0), "{old}");
            }
        }
    }
}
