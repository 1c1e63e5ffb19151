//! A table of a database as columns and a stream of rows.
//!
//! A cell is empty for `NULL`. Otherwise it is a byte for the storage class and the value, so that 1, 1.0, '1' and
//! x'31' differ. A value can have a gigabyte, so the cell of a large one is only its hash and its beginning.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use binoc_sdk::{Error, Result, show};
use binoc_table::{Cells, Column, RowHash, RowHasher, Table};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Rows, Statement, params_from_iter};

use crate::database::{self, Database, Encoding, literal, quoted, sqlite_error};

const INTEGER: u8 = b'i';
const REAL: u8 = b'r';
const TEXT: u8 = b't';
const BLOB: u8 = b'b';
/// A large value of either class.
const LARGE: u8 = b'l';
/// In a hash: any storage class.
const ANY: u8 = b'a';

/// The largest distance of two rowids at which reading the rows between them is faster than a search.
const NEAR: u64 = 6;

/// The size from which a value is hashed on its own.
const HASHED_BYTES: usize = 1 << 16;

/// The size of a hash.
const HASH_BYTES: usize = 16;

/// The size from which a value is large.
const LARGE_BYTES: usize = 1 << 20;

/// The largest number of columns in a result of SQLite.
const MOST_COLUMNS: usize = 2000;

/// A table of a database.
pub(crate) struct SqlTable<'a> {
    database: &'a Database,
    columns: Vec<Column>,
    /// The rules for the values of each column.
    rules: Vec<Rules>,
    /// The expressions of the columns.
    values: Vec<String>,
    /// The table in a query.
    from: String,
    /// The order of the rows in a query.
    order: String,
    /// The name of the rowid, which is the place of a row. Without it, the place is the number of rows before it.
    rowid: Option<&'static str>,
    /// The positions of the primary key that replaces the rowid.
    key: Vec<usize>,
    /// The place and the primary key of the last fetched row. Without a rowid, only the next rows are found fast.
    bookmark: Mutex<Option<Bookmark>>,
}

type Bookmark = (u64, Vec<Value>);

/// How the values of a column are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Whether the same number has the same cell in each storage class: 1, 1.0 and '1'.
    pub(crate) as_number: bool,
    /// The collation of the column in the primary key.
    pub(crate) collation: Collation,
}

/// A collation of SQLite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Collation {
    /// Texts are equal if their bytes are.
    #[default]
    Binary,
    /// ... or if they differ in the case of ASCII letters.
    NoCase,
    /// ... or if they differ in the number of spaces at the end.
    RTrim,
}

impl<'a> SqlTable<'a> {
    pub(crate) fn new(
        database: &'a Database,
        name: &str,
        without_rowid: bool,
        columns: &[database::Column],
    ) -> Self {
        // A column with one of the names of the rowid hides it.
        let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(is_free).filter(|_| !without_rowid);
        let value = |column: &database::Column| {
            let name = quoted(&column.name);
            // SQLite replaces invalid UTF-16 when it converts text to UTF-8; different texts must stay different.
            match database.encoding {
                Encoding::Utf8 => name,
                _ => {
                    format!("CASE typeof({name}) WHEN 'text' THEN hex(CAST({name} AS BLOB)) ELSE {name} END")
                }
            }
        };
        let mut key: Vec<usize> =
            (0..columns.len()).filter(|place| without_rowid && columns[*place].key > 0).collect();
        key.sort_by_key(|place| columns[*place].key);
        let order: Vec<String> = key.iter().map(|place| quoted(&columns[*place].name)).collect();
        let order = rowid.map_or_else(|| order.join(", "), Into::into);
        let named = |column: &database::Column| Column { name: column.name.clone().into_bytes(), nth: 0 };
        Self {
            database,
            columns: columns.iter().map(named).collect(),
            rules: vec![Rules::default(); columns.len()],
            values: columns.iter().map(value).collect(),
            // An index has another order than the table and must not be used, also where it has all columns.
            from: format!("main.{} NOT INDEXED", quoted(name)),
            order,
            // The rowid does not fit in addition to all columns.
            rowid: rowid.filter(|_| columns.len() < MOST_COLUMNS),
            key,
            bookmark: Mutex::default(),
        }
    }

    /// Set the rules for the values of each column.
    pub(crate) fn with_rules(mut self, rules: Vec<Rules>) -> Self {
        self.rules = rules;
        self
    }

    /// Return the query for some columns of the rows from a place, and for the rowid if it is the place.
    fn sql(&self, columns: &[usize], bookmark: Option<&Bookmark>) -> String {
        let values = columns.iter().map(|column| self.values[*column].as_str());
        let values: Vec<&str> = values.chain(self.rowid).collect();
        let mut sql = format!(
            "SELECT {} FROM {}",
            if values.is_empty() { "NULL".into() } else { values.join(", ") },
            self.from
        );
        if let Some(rowid) = self.rowid {
            sql.push_str(&format!(" WHERE {rowid} >= ?1"));
        } else if let Some((_, key)) = bookmark {
            let key: Vec<String> = (0..key.len()).map(|part| format!("?{}", part + 2)).collect();
            sql.push_str(&format!(" WHERE ({}) >= ({})", self.order, key.join(", ")));
        }
        if !self.order.is_empty() {
            sql.push_str(&format!(" ORDER BY {}", self.order));
        }
        if self.rowid.is_none() {
            sql.push_str(" LIMIT -1 OFFSET ?1");
        }
        sql
    }

    /// Return the number of rows.
    pub(crate) fn count(&self) -> Result<u64> {
        let mut count = 0;
        self.read(&[], &mut |_, _| {
            count += 1;
            Ok(true)
        })?;
        Ok(count)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.columns.len()).collect()
    }

    /// Return the rows from a place, for the query of [`SqlTable::sql`] with the same bookmark.
    fn rows_from<'s>(
        &self,
        statement: &'s mut Statement<'_>,
        place: u64,
        bookmark: Option<&Bookmark>,
    ) -> Result<Rows<'s>> {
        let (start, key) = match bookmark {
            _ if self.rowid.is_some() => (rowid(place), &[][..]),
            None => (place.cast_signed(), &[][..]),
            Some((known, key)) => ((place - known).cast_signed(), &key[..]),
        };
        let parameters = [Value::Integer(start)].into_iter().chain(key.iter().cloned());
        statement.query(params_from_iter(parameters)).map_err(sqlite_error)
    }

    /// Return the last bookmark if it is not after a place.
    fn bookmark(&self, place: u64) -> Option<Bookmark> {
        let bookmark = self.bookmark.lock().unwrap_or_else(PoisonError::into_inner).clone();
        bookmark.filter(|(known, _)| *known <= place)
    }

    fn set_bookmark(&self, place: u64, row: &rusqlite::Row<'_>) {
        let value = |column: &usize| Value::try_from(row.get_ref(*column).ok()?).ok();
        // Text in UTF-16 was converted.
        let is_plain = !self.key.is_empty() && self.database.encoding == Encoding::Utf8;
        if let Some(key) = self.key.iter().map(value).collect::<Option<Vec<_>>>().filter(|_| is_plain) {
            *self.bookmark.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, key));
        }
    }

    /// Return the place of a row with this number of cells; `counted` is its place if the table has no rowid.
    fn place_of(&self, row: &rusqlite::Row<'_>, cells: usize, counted: u64) -> Result<u64> {
        match self.rowid {
            // The rowid is an integer.
            Some(_) => Ok(place(row.get_ref(cells).map_err(sqlite_error)?.as_i64().unwrap_or(i64::MIN))),
            None => Ok(counted),
        }
    }

    /// Append a value of a column as a cell.
    fn push(&self, data: &mut Vec<u8>, value: ValueRef<'_>, column: usize) {
        let start = data.len();
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(number) => push_integer(data, number),
            ValueRef::Real(number) => push_real(data, number),
            ValueRef::Text(text) => push_bytes(data, TEXT, &self.utf8(text)),
            ValueRef::Blob(blob) => push_bytes(data, BLOB, blob),
        }
        if self.rules[column].as_number {
            unify_number(data, start);
        }
    }

    /// Return a text of the query in UTF-8.
    fn utf8<'v>(&self, text: &'v [u8]) -> Cow<'v, [u8]> {
        match self.database.encoding {
            Encoding::Utf8 => text.into(),
            Encoding::Utf16Le => from_utf16(text, u16::from_le_bytes).into(),
            Encoding::Utf16Be => from_utf16(text, u16::from_be_bytes).into(),
        }
    }

    /// Append a value of a column for a hash: the bytes are the same if the cells are. `cell` is scratch memory.
    fn push_hashed(
        &self,
        bytes: &mut Vec<u8>,
        value: ValueRef<'_>,
        column: usize,
        hasher: &RowHasher,
        cell: &mut Vec<u8>,
    ) {
        if self.rules[column].as_number {
            cell.clear();
            self.push(cell, value, column);
            return push_sized(bytes, ANY, cell, hasher);
        }
        match value {
            ValueRef::Null => bytes.push(0),
            ValueRef::Integer(number) => bytes.extend_from_slice(&head(INTEGER, number.cast_unsigned())),
            ValueRef::Real(number) => bytes.extend_from_slice(&head(REAL, number.to_bits())),
            ValueRef::Text(text) => push_sized(bytes, TEXT, &self.utf8(text), hasher),
            ValueRef::Blob(blob) => push_sized(bytes, BLOB, blob, hasher),
        }
    }

    /// Call `each` with the place and some cells of each row, until it returns `false`.
    fn read(
        &self,
        columns: &[usize],
        each: &mut dyn FnMut(u64, &rusqlite::Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        self.database.with(|connection| {
            let mut statement = connection.prepare_cached(&self.sql(columns, None)).map_err(sqlite_error)?;
            let first = if self.rowid.is_some() { place(i64::MIN) } else { 0 };
            let mut rows = self.rows_from(&mut statement, first, None)?;
            let (mut last, mut counted) = (None, 0);
            while let Some(row) = rows.next().map_err(sqlite_error)? {
                let place = self.place_of(row, columns.len(), counted)?;
                // A page can be repeated in a damaged table, exponentially often. A row takes at least four bytes.
                if last.is_some_and(|last| last >= place) || counted > self.database.bytes / 4 {
                    return Err(Error::new("the database is damaged: a part of the table is repeated"));
                }
                (last, counted) = (Some(place), counted + 1);
                if !each(place, row)? {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Return the place of a rowid, in the same order.
fn place(rowid: i64) -> u64 {
    rowid.cast_unsigned() ^ (1 << 63)
}

fn rowid(place: u64) -> i64 {
    (place ^ (1 << 63)).cast_signed()
}

impl Table for SqlTable<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn scan(&self, each: &mut dyn FnMut(u64, Cells<'_>) -> Result<bool>) -> Result<()> {
        let mut buffer = Row::default();
        self.read(&self.all(), &mut |place, row| each(place, buffer.read(row, self)?))
    }

    /// Read only the selected columns, and hash the values without converting them to cells.
    fn hash_rows(&self, hasher: &RowHasher, each: &mut dyn FnMut(Vec<RowHash>) -> bool) -> Result<()> {
        const BLOCK: usize = 4096;
        let missing = hasher.hash(Cells::new(&[], &[]), &mut Vec::new());
        let (mut block, mut more) = (Vec::with_capacity(BLOCK), true);
        let (mut bytes, mut cell) = (Vec::new(), Vec::new());
        self.read(&hasher.columns, &mut |place, row| {
            bytes.clear();
            let mut is_missing = true;
            for (index, column) in hasher.columns.iter().enumerate() {
                let value = row.get_ref(index).map_err(sqlite_error)?;
                is_missing &= value == ValueRef::Null;
                self.push_hashed(&mut bytes, value, *column, hasher, &mut cell);
            }
            let hash = if is_missing { missing } else { hasher.hash_bytes(&bytes) };
            block.push(RowHash { hash, place });
            if block.len() == BLOCK {
                more = each(std::mem::replace(&mut block, Vec::with_capacity(BLOCK)));
            }
            Ok(more)
        })?;
        if more && !block.is_empty() {
            each(block);
        }
        Ok(())
    }

    fn fetch(&self, places: &[u64], each: &mut dyn FnMut(usize, Cells<'_>) -> Result<()>) -> Result<()> {
        let missing =
            || Error::new("a row is missing: the database is damaged, or changed while it was read");
        self.database.with(|connection| {
            let width = self.columns.len();
            let bookmark = places.first().and_then(|place| self.bookmark(*place));
            let sql = self.sql(&self.all(), bookmark.as_ref());
            let mut statement = connection.prepare_cached(&sql).map_err(sqlite_error)?;
            let (mut buffer, mut index) = (Row::default(), 0);
            while let Some(first) = places.get(index) {
                let mut rows = self.rows_from(&mut statement, *first, bookmark.as_ref())?;
                let mut next = *first;
                while let Some(wanted) = places.get(index) {
                    let row = rows.next().map_err(sqlite_error)?.ok_or_else(missing)?;
                    let place = self.place_of(row, width, next)?;
                    let is_first = next == *first;
                    next = place.saturating_add(1);
                    if place == *wanted {
                        each(index, buffer.read(row, self)?)?;
                        index += 1;
                        if index == places.len() {
                            self.set_bookmark(place, row);
                        }
                    } else if place > *wanted || is_first {
                        return Err(missing());
                    } else if self.rowid.is_some() && *wanted - place > NEAR {
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    fn plain<'a>(&self, cell: &'a [u8]) -> &'a [u8] {
        cell.get(1..).unwrap_or_default()
    }

    fn key_part<'a>(&self, column: usize, cell: &'a [u8]) -> Cow<'a, [u8]> {
        match self.rules[column].collation {
            Collation::NoCase if cell.first() == Some(&TEXT) => cell.to_ascii_lowercase().into(),
            Collation::RTrim if cell.first() == Some(&TEXT) => {
                cell[..cell.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1)].into()
            }
            _ => cell.into(),
        }
    }

    /// Return a cell as an SQL literal.
    fn show(&self, cell: &[u8]) -> String {
        match cell.split_first() {
            None => "NULL".into(),
            Some((&class @ (TEXT | BLOB), bytes)) => quoted_bytes(class, bytes),
            Some((&LARGE, value)) => show::bytes(value.get(HASH_BYTES..).unwrap_or_default()),
            Some((_, number)) => show::bytes(number),
        }
    }
}

/// Memory for the cells of a row.
#[derive(Default)]
struct Row {
    data: Vec<u8>,
    ends: Vec<u32>,
}

impl Row {
    fn read(&mut self, row: &rusqlite::Row<'_>, table: &SqlTable<'_>) -> Result<Cells<'_>> {
        self.data.clear();
        self.ends.clear();
        for column in 0..table.columns.len() {
            table.push(&mut self.data, row.get_ref(column).map_err(sqlite_error)?, column);
            let end = u32::try_from(self.data.len());
            self.ends.push(end.map_err(|_| Error::new("a row is larger than 4 GiB"))?);
        }
        Ok(Cells::new(&self.data, &self.ends))
    }
}

/// Append bytes for a hash, so that they cannot be mistaken for a part of the next value. Large values are not copied.
fn push_sized(data: &mut Vec<u8>, class: u8, bytes: &[u8], hasher: &RowHasher) {
    data.extend_from_slice(&head(class, bytes.len() as u64));
    if bytes.len() < HASHED_BYTES {
        data.extend_from_slice(bytes);
    } else {
        data.extend_from_slice(&hasher.hash_bytes(bytes).to_le_bytes());
    }
}

fn head(class: u8, number: u64) -> [u8; 9] {
    let mut head = [class; 9];
    head[1..].copy_from_slice(&number.to_le_bytes());
    head
}

/// Append a text or a blob as a cell.
fn push_bytes(data: &mut Vec<u8>, class: u8, bytes: &[u8]) {
    /// The number of bytes of a large value that are shown.
    const SHOWN: usize = 24;
    /// The key of the hash that is compared: it cannot be predicted, so different values with the same hash cannot be prepared.
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    if bytes.len() < LARGE_BYTES {
        data.push(class);
        data.extend_from_slice(bytes);
        return;
    }
    let hash = |seed: u64| {
        RowHasher { columns: Vec::new(), width: 0, separator: b',', seed }.hash_bytes(bytes).to_le_bytes()
    };
    data.push(LARGE);
    data.extend_from_slice(&hash(*SEED));
    // The hash that is shown is the same in each run.
    let (start, shown) =
        (quoted_bytes(class, &bytes[..SHOWN]), u32::from_le_bytes([0, 1, 2, 3].map(|byte| hash(0)[byte])));
    let _ = write!(data, "{start}… ({} bytes, hash {shown:08x})", bytes.len());
}

/// Return a text or a blob as an SQL literal.
fn quoted_bytes(class: u8, bytes: &[u8]) -> String {
    if class == TEXT {
        return literal(&show::bytes(bytes));
    }
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    ["x'".to_owned(), digits.collect(), "'".to_owned()].concat()
}

fn push_integer(data: &mut Vec<u8>, number: i64) {
    data.push(INTEGER);
    // Writing to a vector cannot fail.
    let _ = write!(data, "{number}");
}

fn push_real(data: &mut Vec<u8>, number: f64) {
    data.push(REAL);
    let _ = write!(data, "{number:?}");
}

/// Write the last cell, which begins at `start`, like the same number in the other storage classes. A text is a number
/// only if it is written like one, so that '01' and 1 stay different.
fn unify_number(data: &mut Vec<u8>, start: usize) {
    let text = match data.get(start) {
        Some(&(REAL | TEXT)) => std::str::from_utf8(&data[start + 1..]).unwrap_or_default(),
        _ => return,
    };
    let mut cell = Vec::new();
    if let Ok(number) = text.parse() {
        push_integer(&mut cell, number);
    } else if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
        push_real(&mut cell, number);
    }
    if cell.get(1..) != Some(text.as_bytes()) {
        return;
    }
    // A whole number, without loss.
    if let Some(whole) = cell.strip_suffix(b".0").filter(|whole| whole.len() < 17 && *whole != b"r-0") {
        cell.truncate(whole.len());
        cell[0] = INTEGER;
    }
    data.truncate(start);
    data.append(&mut cell);
}

/// Return UTF-16 in hexadecimal as UTF-8. Each invalid text becomes other invalid UTF-8.
fn from_utf16(digits: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    let (bytes, _) = digits.as_chunks();
    let bytes = bytes.iter().map(|[high, low]| value(*high) << 4 | value(*low));
    let bytes: Vec<u8> = bytes.collect();
    let (units, odd) = bytes.as_chunks();
    let mut text = Vec::with_capacity(bytes.len());
    for decoded in char::decode_utf16(units.iter().copied().map(unit)) {
        match decoded {
            Ok(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => {
                let [high, low] = error.unpaired_surrogate().to_be_bytes();
                text.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
    if let [byte] = odd {
        text.extend([0xff, *byte]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(u64, Vec<String>)>;

    fn rows(table: &SqlTable<'_>, cells: Cells<'_>) -> Vec<String> {
        cells.iter().map(|cell| table.show(cell)).collect()
    }

    fn create(test: &str, sql: &str) -> (std::path::PathBuf, Database) {
        let path = std::env::temp_dir().join(format!("binoc-sqlite-table-{}-{test}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let database = Database::open(&path).unwrap();
        (path, database)
    }

    fn table(database: &Database) -> SqlTable<'_> {
        let items = database.items().unwrap();
        let (_, item) = items.iter().find(|(name, _)| name == "t").unwrap();
        SqlTable::new(database, "t", item.without_rowid, &database.columns("t").unwrap())
    }

    /// Return the rows of the table `t`, after checking that each selection of them can be read again.
    fn read(test: &str, sql: &str) -> Rows {
        let (path, database) = create(test, sql);
        let table = table(&database);
        let mut all = Rows::new();
        table
            .scan(&mut |place, cells| {
                all.push((place, rows(&table, cells)));
                Ok(true)
            })
            .unwrap();
        for step in [1, 2, 40] {
            let selected: Rows = all.iter().skip(step - 1).step_by(step).cloned().collect();
            let places: Vec<u64> = selected.iter().map(|row| row.0).collect();
            let mut fetched = Rows::new();
            table
                .fetch(&places, &mut |index, cells| {
                    fetched.push((places[index], rows(&table, cells)));
                    Ok(())
                })
                .unwrap();
            assert_eq!(fetched, selected, "{step}");
            for row in &selected {
                table
                    .fetch(&[row.0], &mut |_, cells| {
                        assert_eq!(rows(&table, cells), row.1);
                        Ok(())
                    })
                    .unwrap();
            }
        }
        if let Some(missing) = all.last().map_or(Some(7), |row| row.0.checked_add(1)) {
            assert!(table.fetch(&[missing], &mut |_, _| Ok(())).is_err());
        }
        std::fs::remove_file(path).unwrap();
        all
    }

    fn values(test: &str, sql: &str) -> Vec<String> {
        read(test, sql).into_iter().map(|(_, row)| row.join(", ")).collect()
    }

    #[test]
    fn values_of_different_types_differ() {
        let sql = "CREATE TABLE t (v); INSERT INTO t VALUES
                   (NULL), ('NULL'), (''), (x''), (1), (1.0), ('1'), (x'31'), (-0.0), (9e999), ('it''s')";
        let shown = ["NULL", "'NULL'", "''", "x''", "1", "1.0", "'1'", "x'31'", "-0.0", "inf", "'it''s'"];
        assert_eq!(values("types", sql), shown);
    }

    #[test]
    fn hashes_are_the_same_if_the_cells_are() {
        let rows = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (1.0, 2), ('1', 2), (x'31', 2), (12, NULL),
                    (NULL, 12), ('1', '2'), ('12', ''), ('', '12'), (NULL, NULL), (0, 0), ('', ''), (1.5, 0), ('1.5', 0),
                    ('01', 0), (-0.0, 0), (0.0, 0), (1e300, 0), ('1e300', 0), ('\u{e9}\u{1f600}', 1), (9e999, 'inf'),
                    (zeroblob(70000), 1), (zeroblob(70001), 1), (CAST(zeroblob(70000) AS TEXT), 1),
                    (CAST(zeroblob(1048576) AS TEXT), 1);";
        let files = ["UTF-8", "UTF-16le", "UTF-16be"].map(|encoding| {
            create(&format!("hash-{encoding}"), &format!("PRAGMA encoding = '{encoding}'; {rows}"))
        });
        let hasher = RowHasher { columns: vec![1, 0], width: 2, separator: b',', seed: 7 };
        for as_number in [false, true] {
            let rules = Rules { as_number, ..Rules::default() };
            let (mut cells, mut hashes) = (Vec::new(), Vec::new());
            for (_, database) in &files {
                let table = table(database).with_rules(vec![rules, rules]);
                table
                    .scan(&mut |_, row| {
                        cells.push(row.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
                        Ok(true)
                    })
                    .unwrap();
                let mut add = |block: Vec<RowHash>| {
                    hashes.extend(block.iter().map(|row| row.hash));
                    true
                };
                table.hash_rows(&hasher, &mut add).unwrap();
            }
            assert_eq!((cells.len(), hashes.len()), (75, 75));
            for one in 0..cells.len() {
                for other in 0..cells.len() {
                    assert_eq!(
                        cells[one] == cells[other],
                        hashes[one] == hashes[other],
                        "{:?} {:?}",
                        cells[one],
                        cells[other]
                    );
                }
                let is_missing = cells[one].iter().all(Vec::is_empty);
                assert_eq!(is_missing, hashes[one] == hasher.hash_bytes(b","), "{:?}", cells[one]);
            }
            assert_eq!(cells[0] == cells[1], as_number);
        }
        for (path, _) in files {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn rows_are_in_the_order_of_the_rowid() {
        let sql = "CREATE TABLE t (k INTEGER PRIMARY KEY, a); CREATE INDEX covering ON t (a, k);
                   INSERT INTO t VALUES (5, 'a'), (-7, 'c'), (9223372036854775807, 'b'),
                   (-9223372036854775808, 'd'), (0, 'e')";
        let places: Vec<u64> = read("rowid", sql).iter().map(|row| row.0 ^ 1 << 63).collect();
        assert_eq!(
            places.iter().map(|place| place.cast_signed()).collect::<Vec<_>>(),
            [i64::MIN, -7, 0, 5, i64::MAX]
        );
    }

    #[test]
    fn tables_without_a_rowid_are_read_in_the_order_of_the_key() {
        let rows = "INSERT INTO t SELECT value % 10, value / 10, 'v' || value FROM generate ORDER BY value * 7 % 100;
                    DROP TABLE generate;";
        let numbers = "CREATE TABLE generate AS WITH RECURSIVE n (value) AS
                       (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 99) SELECT value FROM n;";
        let sql = format!(
            "{numbers} CREATE TABLE t (b INT, a INT, v, PRIMARY KEY (a DESC, b)) WITHOUT ROWID;
                           CREATE INDEX covering ON t (v, a, b); {rows}"
        );
        let values = values("without", &sql);
        assert_eq!((values.len(), &values[0][..], &values[99][..]), (100, "0, 0, 'v0'", "9, 9, 'v99'"));
    }

    #[test]
    fn columns_can_hide_the_rowid() {
        let sql =
            "CREATE TABLE t (rowid, OID, _RowId_); INSERT INTO t VALUES (3, 0, 0), (1, 1, 1), (2, 2, 2);";
        assert_eq!(values("hidden", sql), ["3, 0, 0", "1, 1, 1", "2, 2, 2"]);
    }

    #[test]
    fn tables_can_have_the_largest_number_of_columns() {
        let names: Vec<String> = (0..MOST_COLUMNS).map(|column| format!("c{column}")).collect();
        let sql = format!(
            "CREATE TABLE t ({}); INSERT INTO t (c0, c1999) VALUES (1, 2), (3, 4);",
            names.join(", ")
        );
        let rows = read("wide", &sql);
        assert_eq!([&rows[0].1[0], &rows[1].1[1999]], ["1", "4"]);
    }

    #[test]
    fn text_in_utf16_is_read_without_loss() {
        for encoding in ["UTF-16le", "UTF-16be"] {
            let sql = format!(
                "PRAGMA encoding = '{encoding}'; CREATE TABLE t (v, n); INSERT INTO t VALUES ('a\u{e9}\u{1f600}', 1),
                 (CAST(x'd8d8' AS TEXT), 2), (CAST(x'dcdc' AS TEXT), 3), (CAST(x'fdfffdff' AS TEXT), x'00'), ('', 0)"
            );
            let values = values(encoding, &sql);
            assert_eq!(values[0], "'a\u{e9}\u{1f600}', 1");
            assert_eq!(values[1], "'\\xED\\xA3\\x98', 2");
            assert_eq!(values[2], "'\\xED\\xB3\\x9C', 3");
            assert_eq!(values[4], "'', 0");
        }
    }
}
