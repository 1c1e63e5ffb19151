//! Two databases in one read-only connection.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;

use binoc_sdk::{Error, Result, show};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The schema names of the two databases.
pub(crate) const SIDES: [&str; 2] = ["older", "newer"];

/// The connection, with the two databases attached as `older` and `newer`.
pub(crate) struct Databases(pub(crate) Connection);

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared: String,
    /// The position in the primary key, from 1; 0 if the column is not part of it.
    pub(crate) key: u32,
}

/// An entry of the schema, such as a table or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: String,
    pub(crate) sql: String,
    pub(crate) without_rowid: bool,
}

impl Databases {
    pub(crate) fn open(older: &Path, newer: &Path) -> Result<Self> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_MEMORY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(":memory:", flags).map_err(sqlite_error)?;
        let encoding = text_encoding(older)?;
        if encoding != text_encoding(newer)? {
            return Err(Error::new("the two databases have different text encodings"));
        }
        // The schema is data of the snapshot: do not run functions that have side effects from it.
        let settings = format!(
            "PRAGMA encoding = '{encoding}'; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
        );
        connection.execute_batch(&settings).map_err(sqlite_error)?;
        for (path, name) in [older, newer].into_iter().zip(SIDES) {
            connection.execute(&format!("ATTACH ?1 AS {name}"), [uri(path)?]).map_err(sqlite_error)?;
        }
        connection.execute_batch("PRAGMA query_only = ON;").map_err(sqlite_error)?;
        Ok(Self(connection))
    }

    /// Return the entries of the schema, sorted by name.
    pub(crate) fn items(&self, side: &str) -> Result<Vec<(String, Item)>> {
        let sql = format!(
            "SELECT s.name, coalesce(l.type, s.type), coalesce(s.sql, ''), coalesce(l.wr, 0)
             FROM {side}.sqlite_schema AS s
             LEFT JOIN pragma_table_list AS l ON l.schema = '{side}' AND l.name = s.name AND s.type IN ('table', 'view')
             WHERE lower(substr(s.name, 1, 7)) <> 'sqlite_' ORDER BY s.name"
        );
        self.rows(&sql, |row| {
            Ok((row.get(0)?, Item { kind: row.get(1)?, sql: row.get(2)?, without_rowid: row.get(3)? }))
        })
    }

    pub(crate) fn columns(&self, side: &str, table: &str) -> Result<Vec<Column>> {
        let sql = format!(
            "SELECT name, upper(type), pk FROM pragma_table_xinfo({}, '{side}') WHERE hidden <> 1 ORDER BY cid",
            literal(table)
        );
        self.rows(&sql, |row| Ok(Column { name: row.get(0)?, declared: row.get(1)?, key: row.get(2)? }))
    }

    pub(crate) fn count(&self, sql: &str) -> Result<u64> {
        let count: i64 = self.0.query_row(sql, [], |row| row.get(0)).map_err(sqlite_error)?;
        Ok(count.unsigned_abs())
    }

    /// Return the rows of a query, with values as SQL literals.
    pub(crate) fn values(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        self.rows(sql, |row| {
            (0..row.as_ref().column_count()).map(|place| Ok(value(row.get_ref(place)?))).collect()
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare(sql).map_err(sqlite_error)?;
        let rows = statement.query_map([], read).map_err(sqlite_error)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sqlite_error)
    }
}

fn sqlite_error(error: rusqlite::Error) -> Error {
    Error::with_source(format!("sqlite: {error}"), error)
}

/// Return the URI of a database. With `immutable`, SQLite takes no lock, applies no log and writes no files.
fn uri(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
    let text = path.to_str().ok_or_else(|| Error::new("the path is not UTF-8"))?;
    let text = if cfg!(windows) { format!("/{}", text.replace('\\', "/")) } else { text.to_owned() };
    let mut uri = String::from("file:");
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' => {
                uri.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    Ok(uri + "?mode=ro&immutable=1")
}

/// Return the text encoding in the header. A connection can attach only databases with its own encoding.
fn text_encoding(path: &Path) -> Result<&'static str> {
    let mut header = [0; 100];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.map_err(|error| Error::io(path, error))?;
    match header[56..60] {
        [0, 0, 0, 2] => Ok("UTF-16le"),
        [0, 0, 0, 3] => Ok("UTF-16be"),
        _ => Ok("UTF-8"),
    }
}

/// Return a name as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Return a value as an SQL literal, so that `NULL` and `'NULL'` differ, and 1 and 1.0.
fn value(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => literal(&show::bytes(text)),
        ValueRef::Blob(blob) => {
            let hex: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{hex}'")
        }
    }
}
