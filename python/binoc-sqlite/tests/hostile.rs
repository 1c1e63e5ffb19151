//! Damaged and unusual databases: no panic, no endless loop, and no change that is not mentioned.

// A helper outside of a test function is not exempt.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use binoc_sdk::{CompareRequest, Diagnostic, Node, Outcome, Result, Severity, Side};
use rusqlite::{Connection, OpenFlags};

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("binoc-sqlite-hostile-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn create(&self, name: &str, sql: &str) -> PathBuf {
        let path = self.0.join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn compare(old: &Path, new: &Path) -> Result<(Node, Vec<Diagnostic>)> {
    let side = |path: &Path| Side::new(path, fs::metadata(path).unwrap().len());
    let request = CompareRequest::new("x.db", side(old), side(new));
    match binoc_sqlite::plugin().comparators[0].compare(&request)? {
        Outcome::Changed { node, diagnostics, .. } => Ok((*node, diagnostics)),
        other => panic!("{other:?}"),
    }
}

fn texts(node: &Node) -> Vec<String> {
    let own = node.facts.iter().map(|fact| fact.text.clone());
    own.chain(node.children.iter().flat_map(texts)).collect()
}

/// Return whether a comparison mentions a change or a problem.
fn is_reported(result: &Result<(Node, Vec<Diagnostic>)>) -> bool {
    match result {
        Ok((node, diagnostics)) => {
            !node.facts.is_empty() || !node.children.is_empty() || !diagnostics.is_empty()
        }
        Err(_) => true,
    }
}

/// Return the rows of the tables `t` and `u`, read without the plugin; `None` if the database is damaged.
fn dump(path: &Path) -> Option<Vec<String>> {
    let uri = format!("file:{}?immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).ok()?;
    let mut rows = Vec::new();
    for table in ["t", "u"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} NOT INDEXED")).ok()?;
        let columns = statement.column_count();
        let mut read = statement.query([]).ok()?;
        while let Some(row) = read.next().ok()? {
            let cells = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            rows.push(format!("{table} {:?}", cells.collect::<Vec<_>>()));
        }
    }
    rows.sort();
    Some(rows)
}

const TABLES: &str = "PRAGMA page_size = 512;
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB);
    CREATE TABLE u (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
    CREATE INDEX t_a ON t (a);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO t SELECT i, 'text ' || i * 7, i / 8.0, zeroblob(i % 5 * 150) FROM n;
    INSERT INTO u SELECT 'key ' || id, id * id FROM t;";

#[test]
fn truncated_database_is_reported() {
    let directory = Directory::new("truncated");
    let whole = directory.create("whole.db", TABLES);
    let bytes = fs::read(&whole).unwrap();
    for length in (0..bytes.len()).step_by(256).chain([1, 15, 16, 99, 100, 101, bytes.len() - 1]) {
        let cut = directory.write("cut.db", &bytes[..length]);
        for (old, new) in [(&whole, &cut), (&cut, &whole)] {
            let result = compare(old, new);
            assert!(is_reported(&result) || dump(&cut) == dump(&whole), "{length}: {result:?}");
        }
    }
}

#[test]
fn damaged_database_never_hides_a_change() {
    let directory = Directory::new("damaged");
    let whole = directory.create("whole.db", TABLES);
    let (bytes, rows) = (fs::read(&whole).unwrap(), dump(&whole));
    assert!(rows.is_some());
    let mut state = 1u64;
    let mut random = |limit: usize| {
        // Knuth's linear congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let mut changed = 0;
    for round in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..=random(3) {
            // Half of the time in the first bytes of a page, which say where its cells are.
            let place = match random(2) {
                0 => random(bytes.len()),
                _ => random(bytes.len() / 512) * 512 + random(24),
            };
            damaged[place] = random(256) as u8;
        }
        let damaged = directory.write("damaged.db", &damaged);
        let result = compare(&whole, &damaged);
        let other = dump(&damaged);
        changed += u32::from(other.is_some() && other != rows);
        assert!(is_reported(&result) || other == rows, "{round}: {result:?}");
    }
    assert!(changed > 20, "{changed}");
}

#[test]
fn repeated_pages_are_an_error() {
    let directory = Directory::new("repeated");
    let sql = "PRAGMA page_size = 512; CREATE TABLE t (k TEXT PRIMARY KEY) WITHOUT ROWID;
               WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO t SELECT printf('%08d', i) FROM n;";
    let whole = directory.create("whole.db", sql);
    let mut bytes = fs::read(&whole).unwrap();
    // The first byte of a page is its kind: 2 for an interior page of an index, 10 for a leaf.
    let of_kind = |kind: u8| {
        let pages = (2..=(bytes.len() / 512) as u32).filter(|page| bytes[(*page as usize - 1) * 512] == kind);
        pages.collect::<Vec<u32>>()
    };
    let root = Connection::open(&whole).unwrap();
    let root =
        root.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 't'", [], |row| row.get(0)).unwrap();
    let (mut pages, leaf) = (of_kind(2), of_kind(10)[0]);
    pages.retain(|page| *page != root);
    pages.truncate(8);
    let parents = [&[root], &pages[..]].concat();
    // All children of an interior page become the next interior page, those of the last one a leaf.
    for (parent, child) in parents.iter().zip(pages.iter().chain([&leaf])) {
        let page = &mut bytes[(*parent as usize - 1) * 512..][..512];
        let cells = usize::from(u16::from_be_bytes([page[3], page[4]]));
        page[8..12].copy_from_slice(&child.to_be_bytes());
        for cell in 0..cells {
            let start = usize::from(u16::from_be_bytes([page[12 + 2 * cell], page[13 + 2 * cell]]));
            page[start..start + 4].copy_from_slice(&child.to_be_bytes());
        }
    }
    let damaged = directory.write("damaged.db", &bytes);
    let (node, diagnostics) = compare(&whole, &damaged).unwrap();
    assert_eq!(texts(&node), ["the rows could not be read"]);
    assert!(diagnostics[0].message.contains("damaged"), "{diagnostics:?}");
}

#[test]
fn damaged_table_does_not_hide_the_others() {
    let directory = Directory::new("other");
    let old = directory.create("old.db", TABLES);
    let new = directory.create("new.db", &format!("{TABLES} UPDATE u SET v = 0 WHERE k = 'key 7';"));
    let connection = Connection::open(&new).unwrap();
    let root: u32 = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 't'", [], |row| row.get(0))
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(&new).unwrap();
    bytes[(root as usize - 1) * 512] = 77;
    let new = directory.write("new.db", &bytes);
    let (node, diagnostics) = compare(&old, &new).unwrap();
    assert_eq!(
        texts(&node),
        ["the rows could not be read", "rows matched by primary key", "1 cell changed in 1 row"]
    );
    assert_eq!((diagnostics.len(), diagnostics[0].severity), (1, Severity::Error));
    assert!(diagnostics[0].message.starts_with("table `t`: sqlite: "), "{diagnostics:?}");
}

#[test]
fn encoding_of_text_is_not_content() {
    let directory = Directory::new("encoding");
    let rows = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('\u{e9}\u{1f600}', 1), ('b', x'00ff');";
    let utf8 = directory.create("a.db", rows);
    for encoding in ["UTF-16le", "UTF-16be"] {
        let utf16 =
            directory.create(&format!("{encoding}.db"), &format!("PRAGMA encoding = '{encoding}'; {rows}"));
        let (node, _) = compare(&utf8, &utf16).unwrap();
        assert_eq!((node.facts.len(), &*node.facts[0].verb, node.children.len()), (1, "encoding.changed", 0));
        Connection::open(&utf16).unwrap().execute_batch("UPDATE t SET v = '\u{e9}' WHERE k = 'b'").unwrap();
        let (node, _) = compare(&utf8, &utf16).unwrap();
        assert_eq!(texts(&node.children[0]), ["rows matched by primary key", "1 cell changed in 1 row"]);
    }
}

#[test]
fn any_name_is_possible() {
    let directory = Directory::new("names");
    let names = ["\"", "a\nb", "main.t", "'", "`", "]", "1", "select", "\u{202e}x", "%s", "?1", " "];
    let mut sql = String::new();
    for name in names {
        let name = name.replace('"', "\"\"");
        sql += &format!(
            "CREATE TABLE \"{name}\" (\"{name}\" PRIMARY KEY, v); INSERT INTO \"{name}\" VALUES (1, 2);"
        );
    }
    let old = directory.create("old.db", &sql);
    let new = directory.create("new.db", &sql.replace("(1, 2)", "(1, 3)"));
    let (node, diagnostics) = compare(&old, &new).unwrap();
    assert_eq!((node.children.len(), &diagnostics[..]), (names.len(), &[][..]));
    for child in &node.children {
        assert_eq!(texts(child), ["rows matched by primary key", "1 cell changed in 1 row"]);
        assert_eq!(child.facts[0].examples[0].value.as_ref(), Some(&child.path));
    }
}

#[test]
fn widest_table_and_largest_values_are_compared() {
    let directory = Directory::new("large");
    let names: Vec<String> = (0..2000).map(|column| format!("c{column}")).collect();
    let sql = format!(
        "CREATE TABLE wide ({}); INSERT INTO wide (c0, c1999) VALUES (1, 2), (3, 4);
         CREATE TABLE blob (id INTEGER PRIMARY KEY, v BLOB); INSERT INTO blob VALUES (1, zeroblob(20000000));",
        names.join(", ")
    );
    let old = directory.create("old.db", &sql);
    let edit = "UPDATE wide SET c1999 = 5 WHERE c0 = 3; UPDATE blob SET v = zeroblob(19999999) || x'01';";
    let new = directory.create("new.db", &format!("{sql} {edit}"));
    let (node, _) = compare(&old, &new).unwrap();
    let blob = &node.children[0].facts.last().unwrap().examples[0];
    assert_ne!(blob.old, blob.new);
    assert!(blob.old.as_ref().unwrap().contains("20000000 bytes"), "{blob:?}");
    let cells: Vec<_> = texts(&node).into_iter().filter(|text| text.contains("changed in")).collect();
    assert_eq!(cells, ["1 cell changed in 1 row", "1 cell changed in 1 row"]);
    let json = binoc_sdk::Changeset::new("a", "b").to_json().len() + format!("{node:?}").len();
    assert!(json < 10_000, "{json}");
}

#[test]
fn log_next_to_the_database_is_an_error() {
    let directory = Directory::new("log");
    let old = directory.create("old.db", "CREATE TABLE t (v); INSERT INTO t VALUES (1);");
    let new = directory.create("new.db", "CREATE TABLE t (v); INSERT INTO t VALUES (1);");
    directory.write("new.db-wal", b"a log");
    let (node, diagnostics) = compare(&old, &new).unwrap();
    assert_eq!(node.facts[0].verb, "database.log");
    assert_eq!(diagnostics[0].severity, Severity::Error);
}

#[test]
fn virtual_table_is_an_error_unless_its_rows_are_the_same() {
    let directory = Directory::new("virtual");
    let sql = "CREATE VIRTUAL TABLE t USING fts5 (text); INSERT INTO t VALUES ('one'), ('two');";
    let old = directory.create("old.db", sql);
    let same = directory.create("same.db", &format!("{sql} CREATE TABLE u (v);"));
    let (node, diagnostics) = compare(&old, &same).unwrap();
    assert_eq!((texts(&node), diagnostics), (vec!["0 rows added".to_owned()], Vec::new()));
    let new = directory.create("new.db", &format!("{sql} DELETE FROM t WHERE text = 'two';"));
    let (node, diagnostics) = compare(&old, &new).unwrap();
    assert_eq!((&*node.facts[0].verb, diagnostics[0].severity), ("virtual.not-compared", Severity::Error));
}
