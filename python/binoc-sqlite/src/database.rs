//! A database in read-only connections, and its schema.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use binoc_sdk::{Error, Result};
use rusqlite::{Connection, OpenFlags};

/// A database. Several threads can read it; each uses its own connection.
pub(crate) struct Database {
    uri: String,
    pub(crate) encoding: Encoding,
    /// The size of the file.
    pub(crate) bytes: u64,
    /// Connections that no thread uses.
    idle: Mutex<Vec<Connection>>,
}

/// The encoding of text in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared: String,
    /// The position in the primary key, from 1; 0 if the column is not part of it.
    pub(crate) key: u32,
}

impl Column {
    /// Return which values SQLite converts when they are stored; see "Determination Of Column Affinity" in its
    /// documentation.
    pub(crate) fn affinity(&self) -> Affinity {
        let has = |words: &[&str]| words.iter().any(|word| self.declared.contains(word));
        match () {
            () if has(&["INT"]) => Affinity::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Affinity::Text,
            () if has(&["BLOB"]) || self.declared.is_empty() => Affinity::Blob,
            () if has(&["REAL", "FLOA", "DOUB"]) => Affinity::Real,
            () => Affinity::Numeric,
        }
    }
}

/// The type that SQLite prefers for the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// An entry of the schema, such as a table or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: String,
    pub(crate) sql: String,
    pub(crate) without_rowid: bool,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
        let mut database = Self { uri: uri(path)?, encoding: Encoding::Utf8, bytes, idle: Mutex::default() };
        database.encoding = match database.setting("encoding")?.as_str() {
            "UTF-16le" => Encoding::Utf16Le,
            "UTF-16be" => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        Ok(database)
    }

    /// Return the value of a pragma as text.
    pub(crate) fn setting(&self, name: &str) -> Result<String> {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        Ok(self.rows(&sql, |row| row.get(0))?.pop().unwrap_or_default())
    }

    /// Call `read` with a connection that no other thread uses.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connect(&self.uri), Ok)?;
        let value = read(&connection)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(value)
    }

    /// Return the entries of the schema, sorted by name.
    pub(crate) fn items(&self) -> Result<Vec<(String, Item)>> {
        let sql = "SELECT s.name, coalesce(l.type, s.type), coalesce(s.sql, ''), coalesce(l.wr, 0)
             FROM main.sqlite_schema AS s
             LEFT JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name AND s.type IN ('table', 'view')
             WHERE lower(substr(s.name, 1, 7)) <> 'sqlite_' ORDER BY s.name";
        self.rows(sql, |row| {
            Ok((row.get(0)?, Item { kind: row.get(1)?, sql: row.get(2)?, without_rowid: row.get(3)? }))
        })
    }

    pub(crate) fn columns(&self, table: &str) -> Result<Vec<Column>> {
        let sql = format!(
            "SELECT name, upper(type), pk FROM pragma_table_xinfo({}, 'main') WHERE hidden <> 1 ORDER BY cid",
            literal(table)
        );
        self.rows(&sql, |row| Ok(Column { name: row.get(0)?, declared: row.get(1)?, key: row.get(2)? }))
    }

    /// Return the columns of the primary key and their collations, if SQLite has an index of it.
    pub(crate) fn collations(&self, table: &str) -> Result<Vec<(String, String)>> {
        let sql = format!(
            "SELECT x.name, x.coll FROM pragma_index_list({}, 'main') AS l, pragma_index_xinfo(l.name, 'main') AS x
             WHERE l.origin = 'pk' AND x.key AND x.name IS NOT NULL",
            literal(table)
        );
        self.rows(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub(crate) fn count(&self, sql: &str) -> Result<u64> {
        let count = self.rows(sql, |row| row.get::<_, i64>(0))?;
        Ok(count.first().copied().unwrap_or_default().unsigned_abs())
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.with(|connection| {
            let mut statement = connection.prepare(sql).map_err(sqlite_error)?;
            let rows = statement.query_map([], read).map_err(sqlite_error)?;
            rows.collect::<rusqlite::Result<_>>().map_err(sqlite_error)
        })
    }
}

/// Open the file of a database read-only.
fn connect(uri: &str) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags).map_err(sqlite_error)?;
    // The schema is data of the snapshot: do not run functions that have side effects from it.
    let settings = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;";
    connection.execute_batch(settings).map_err(sqlite_error)?;
    Ok(connection)
}

pub(crate) fn sqlite_error(error: rusqlite::Error) -> Error {
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

/// Return a name as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
