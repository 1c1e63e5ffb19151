//! Comparison of two databases: the schema, then the columns and rows of each table.

use std::collections::BTreeMap;
use std::path::Path;

use binoc_sdk::{Comparator, ComparatorInfo, CompareRequest, Example, Fact, Node, Outcome, Result, show};

use crate::database::{Column, Databases, Item, SIDES, quoted};

pub(crate) struct Sqlite;

impl Comparator for Sqlite {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("sqlite").with_prefixes(["SQLite format 3\0"])
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let databases = Databases::open(&request.left.local, &request.right.local)?;
        let mut node = Node::new("changed", "database", "");
        if [&request.left.local, &request.right.local].into_iter().any(|path| has_log(path)) {
            let text = "a log next to the database is not applied: changes in it are not compared";
            node.push("content", Fact::new("database.log", text));
        }
        let comparison = Comparison { databases, limit: request.options.examples };
        comparison.run(&mut node)?;
        Ok(Outcome::changed(node))
    }
}

/// Return whether there is a write-ahead log or rollback journal that is not empty.
fn has_log(database: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        std::fs::metadata(name).is_ok_and(|metadata| metadata.len() > 0)
    })
}

struct Comparison {
    databases: Databases,
    limit: usize,
}

/// The columns that identify the rows of a table in both databases.
struct Key {
    columns: Vec<String>,
    declared: bool,
}

impl Comparison {
    fn run(&self, node: &mut Node) -> Result<()> {
        let items = |side| -> Result<BTreeMap<String, Item>> {
            Ok(self.databases.items(side)?.into_iter().collect())
        };
        let (old, new) = (items(SIDES[0])?, items(SIDES[1])?);
        let is_table = |item: &Item| item.kind == "table";
        for (name, item) in old.iter().filter(|(_, item)| is_table(item)) {
            match new.get(name).filter(|item| is_table(item)) {
                Some(other) => node.children.extend(self.table(name, item, other)?),
                None => node.children.push(self.whole("removed", SIDES[0], name)?),
            }
        }
        for (name, _) in new.iter().filter(|(_, item)| is_table(item)) {
            if !old.get(name).is_some_and(is_table) {
                node.children.push(self.whole("added", SIDES[1], name)?);
            }
        }
        node.children.sort_by(|a, b| a.path.cmp(&b.path));
        for child in &node.children {
            node.tags.extend(child.tags.iter().cloned());
        }
        self.others(node, &old, &new);
        Ok(())
    }

    /// Compare indexes, views and triggers by name and definition, and virtual tables by name.
    fn others(&self, node: &mut Node, old: &BTreeMap<String, Item>, new: &BTreeMap<String, Item>) {
        for (kind, noun) in
            [("index", "index"), ("view", "view"), ("trigger", "trigger"), ("virtual", "virtual table")]
        {
            let of = |items: &BTreeMap<String, Item>| -> BTreeMap<String, String> {
                let own = items.iter().filter(|(_, item)| item.kind == kind);
                own.map(|(name, item)| (name.clone(), item.sql.clone())).collect()
            };
            let (old, new) = (of(old), of(new));
            let removed: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
            let added: Vec<_> = new.keys().filter(|name| !old.contains_key(*name)).collect();
            let redefined = |name: &&String| new.get(*name).is_some_and(|sql| *sql != old[*name]);
            let changed: Vec<_> = old.keys().filter(redefined).collect();
            for (state, names) in [("removed", removed), ("added", added), ("redefined", changed)] {
                if !names.is_empty() {
                    let verb = format!("{kind}.{state}");
                    let examples = names.iter().take(self.limit).map(|name| Example::value(show::clip(name)));
                    node.push(
                        "schema",
                        Fact::counted(&verb, names.len() as u64, noun, state).with_examples(examples),
                    );
                }
            }
            if kind == "virtual" && !old.is_empty() && !new.is_empty() {
                let names = old.keys().filter(|name| new.contains_key(*name)).take(self.limit);
                let fact = Fact::new("virtual.not-compared", "rows of virtual tables are not compared");
                node.push("content", fact.with_examples(names.map(|name| Example::value(show::clip(name)))));
            }
        }
    }

    fn whole(&self, action: &str, side: &str, name: &str) -> Result<Node> {
        let mut node = Node::new(action, "table", show::clip(name));
        let count = self.databases.count(&format!("SELECT count(*) FROM {side}.{}", quoted(name)))?;
        node.push("schema", Fact::counted(&format!("rows.{action}"), count, "row", action));
        Ok(node)
    }

    fn table(&self, name: &str, old: &Item, new: &Item) -> Result<Option<Node>> {
        let mut node = Node::new("changed", "table", show::clip(name));
        let (before, after) =
            (self.databases.columns(SIDES[0], name)?, self.databases.columns(SIDES[1], name)?);
        self.schema(&mut node, &before, &after);
        if old.sql != new.sql && node.facts.is_empty() {
            node.push("schema", Fact::new("table.redefined", "definition changed"));
        }
        let common: Vec<&str> = before
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| after.iter().any(|column| column.name == *name))
            .collect();
        let rowid = !old.without_rowid && !new.without_rowid;
        match self.key(name, &before, &after, rowid)? {
            Some(key) => self.rows(&mut node, name, &common, &key)?,
            None => {
                let count =
                    |side| self.databases.count(&format!("SELECT count(*) FROM {side}.{}", quoted(name)));
                let (old, new) = (count(SIDES[0])?, show::plural(count(SIDES[1])?, "row"));
                let text = format!("the primary key changed: {old} before, {new} after, not compared");
                node.push("content", Fact::new("rows.not-comparable", text));
            }
        }
        Ok(Some(node).filter(|node| !node.facts.is_empty()))
    }

    fn schema(&self, node: &mut Node, before: &[Column], after: &[Column]) {
        let find =
            |columns: &[Column], name: &str| columns.iter().find(|column| column.name == name).cloned();
        let mut add = |verb: &str, state: &str, examples: Vec<Example>| {
            if !examples.is_empty() {
                let fact = Fact::counted(verb, examples.len() as u64, "column", state);
                node.push("schema", fact.with_examples(examples.into_iter().take(self.limit)));
            }
        };
        let missing = |from: &[Column], other: &[Column]| -> Vec<Example> {
            let gone = from.iter().filter(|column| find(other, &column.name).is_none());
            gone.map(|column| Example::value(show::clip(&column.name))).collect()
        };
        add("columns.removed", "removed", missing(before, after));
        add("columns.added", "added", missing(after, before));
        let retyped = before.iter().filter_map(|old| {
            let new = find(after, &old.name).filter(|new| new.declared != old.declared)?;
            let change = Example::change(show::clip(&old.declared), show::clip(&new.declared));
            Some(change.with_column(show::clip(&old.name)))
        });
        add("columns.retyped", "declared with another type", retyped.collect());
    }

    /// Return the primary key if it is the same in both tables and never `NULL`, otherwise the rowid.
    fn key(&self, table: &str, before: &[Column], after: &[Column], rowid: bool) -> Result<Option<Key>> {
        let key = |columns: &[Column]| -> Vec<(String, String)> {
            let mut key: Vec<_> = columns.iter().filter(|column| column.key > 0).collect();
            key.sort_by_key(|column| column.key);
            key.into_iter().map(|column| (column.name.clone(), column.declared.clone())).collect()
        };
        let (old, new) = (key(before), key(after));
        if !old.is_empty() && old == new {
            let columns: Vec<String> = old.iter().map(|(name, _)| name.clone()).collect();
            let null = columns
                .iter()
                .map(|name| format!("{} IS NULL", quoted(name)))
                .collect::<Vec<_>>()
                .join(" OR ");
            let nulls = |side| {
                self.databases.count(&format!("SELECT count(*) FROM {side}.{} WHERE {null}", quoted(table)))
            };
            if nulls(SIDES[0])? + nulls(SIDES[1])? == 0 {
                return Ok(Some(Key { columns, declared: true }));
            }
        }
        if !rowid || old != new {
            return Ok(None);
        }
        // A column with the name `rowid` hides the rowid.
        let taken =
            |name: &&str| !before.iter().chain(after).any(|column| column.name.eq_ignore_ascii_case(name));
        let name = ["rowid", "_rowid_", "oid"].into_iter().find(taken);
        Ok(name.map(|name| Key { columns: vec![name.into()], declared: false }))
    }

    fn rows(&self, node: &mut Node, table: &str, common: &[&str], key: &Key) -> Result<()> {
        let table = quoted(table);
        let keys: Vec<String> = key.columns.iter().map(|name| quoted(name)).collect();
        let join = keys.iter().map(|name| format!("b.{name} = a.{name}")).collect::<Vec<_>>().join(" AND ");
        let order = keys.iter().map(|name| format!("a.{name}")).collect::<Vec<_>>().join(", ");
        let mut facts = Vec::new();
        for (here, there, state) in [(SIDES[0], SIDES[1], "removed"), (SIDES[1], SIDES[0], "added")] {
            let rest = format!(
                "FROM {here}.{table} AS a WHERE NOT EXISTS (SELECT 1 FROM {there}.{table} AS b WHERE {join})"
            );
            let count = self.databases.count(&format!("SELECT count(*) {rest}"))?;
            if count > 0 {
                let sql = format!("SELECT a.* {rest} ORDER BY {order} LIMIT {}", self.limit);
                let rows = self.databases.values(&sql)?;
                let examples = rows.iter().map(|row| Example::value(show::clip(&row.join(", "))));
                facts.push(
                    Fact::counted(&format!("rows.{state}"), count, "row", state).with_examples(examples),
                );
            }
        }
        facts.extend(self.cells(&table, common, &join, &order)?);
        if !facts.is_empty() {
            let how =
                if key.declared { "primary key" } else { "rowid, because the table has no primary key" };
            let fact = Fact::new("rows.matched-by-key", format!("rows matched by {how}"));
            let names = show::clip(&key.columns.join(", "));
            node.push(
                "content",
                if key.declared { fact.with_examples([Example::value(names)]) } else { fact },
            );
        }
        for fact in facts {
            node.push("content", fact);
        }
        Ok(())
    }

    fn cells(&self, table: &str, common: &[&str], join: &str, order: &str) -> Result<Option<Fact>> {
        // A change of letter case is a change even if the collation ignores case, and so is 1 to 1.0.
        let differs = |name: &&str| {
            let name = quoted(name);
            format!("(a.{name} COLLATE BINARY IS NOT b.{name} OR typeof(a.{name}) <> typeof(b.{name}))")
        };
        let tests: Vec<String> = common.iter().map(differs).collect();
        if tests.is_empty() {
            return Ok(None);
        }
        let from = format!(
            "FROM {}.{table} AS a JOIN {}.{table} AS b ON {join} WHERE {}",
            SIDES[0],
            SIDES[1],
            tests.join(" OR ")
        );
        let rows = self.databases.count(&format!("SELECT count(*) {from}"))?;
        if rows == 0 {
            return Ok(None);
        }
        let cells = self.databases.count(&format!("SELECT sum({}) {from}", tests.join(" + ")))?;
        let pairs: Vec<String> =
            common.iter().map(|name| quoted(name)).map(|name| format!("a.{name}, b.{name}")).collect();
        let sql =
            format!("SELECT {order}, {} {from} ORDER BY {order} LIMIT {}", pairs.join(", "), self.limit);
        let mut examples = Vec::new();
        for row in self.databases.values(&sql)? {
            let (key, values) = row.split_at(row.len() - 2 * common.len());
            for (name, pair) in common.iter().zip(values.chunks(2)).filter(|(_, pair)| pair[0] != pair[1]) {
                let (old, new) = show::clip_pair(&pair[0], &pair[1]);
                let example = Example::change(old, new).with_column(show::clip(name));
                examples.push(example.with_key(show::clip(&key.join(", "))));
            }
        }
        examples.truncate(self.limit);
        let state = format!("changed in {}", show::plural(rows, "row"));
        Ok(Some(Fact::counted("cells.changed", cells, "cell", &state).with_examples(examples)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binoc_sdk::Side;
    use rusqlite::Connection;

    fn compare(test: &str, old: &str, new: &str) -> Vec<String> {
        let directory = std::env::temp_dir().join(format!("binoc sqlite?#%{}-{test}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let make = |name: &str, sql: &str| {
            let local = directory.join(name);
            Connection::open(&local).unwrap().execute_batch(sql).unwrap();
            let bytes = std::fs::metadata(&local).unwrap().len();
            Side::new(local, bytes)
        };
        let request = CompareRequest::new("x.db", make("a.db", old), make("b.db", new));
        let outcome = Sqlite.compare(&request).unwrap();
        assert_eq!(
            std::fs::read_dir(&directory).unwrap().count(),
            2,
            "a file was written next to the databases"
        );
        std::fs::remove_dir_all(directory).unwrap();
        let Outcome::Changed { node, .. } = outcome else { panic!("{outcome:?}") };
        let mut lines = Vec::new();
        list_facts(&node, "", &mut lines);
        lines
    }

    fn list_facts(node: &Node, prefix: &str, lines: &mut Vec<String>) {
        lines.extend(node.facts.iter().map(|fact| format!("{prefix}{}", fact.text)));
        for child in &node.children {
            list_facts(child, &format!("{} {}: ", child.path, child.action), lines);
        }
    }

    #[test]
    fn tables_columns_rows_and_cells_are_compared() {
        let old = "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE gone (x);
                   INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO gone VALUES (1), (2);";
        let new = "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT, age INT); CREATE TABLE fresh (x);
                   CREATE INDEX p_name ON p (name);
                   INSERT INTO p VALUES (1, 'a', NULL), (3, 'C', 7), (4, 'd', 1);";
        assert_eq!(
            compare("all", old, new),
            [
                "1 index added",
                "fresh added: 0 rows added",
                "gone removed: 2 rows removed",
                "p changed: 1 column added",
                "p changed: rows matched by primary key",
                "p changed: 1 row removed",
                "p changed: 1 row added",
                "p changed: 1 cell changed in 1 row",
            ]
        );
    }

    #[test]
    fn collation_and_type_do_not_hide_changes() {
        let table = "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v COLLATE NOCASE) WITHOUT ROWID;";
        let old = format!("{table} INSERT INTO t VALUES ('a', 'x'), ('b', 1), ('c', NULL);");
        let new = format!("{table} INSERT INTO t VALUES ('A', 'X'), ('b', 1.0), ('c', 'NULL');");
        let lines = compare("types", &old, &new);
        assert_eq!(lines, ["t changed: rows matched by primary key", "t changed: 4 cells changed in 3 rows"]);
    }

    #[test]
    fn composite_keys_identify_rows() {
        let table = "CREATE TABLE t (y INT, q INT, v INT, PRIMARY KEY (q, y));";
        let old = format!("{table} INSERT INTO t VALUES (1, 1, 5), (1, 2, 5), (2, 1, 5);");
        let new = format!("{table} INSERT INTO t VALUES (1, 1, 5), (1, 2, 6), (2, 2, 5);");
        let lines = compare("composite", &old, &new);
        assert_eq!(
            lines[1..],
            ["t changed: 1 row removed", "t changed: 1 row added", "t changed: 1 cell changed in 1 row"]
        );
    }

    #[test]
    fn rows_without_primary_key_are_matched_by_rowid() {
        let lines = compare(
            "rowid",
            "CREATE TABLE t (rowid TEXT, v); INSERT INTO t VALUES ('r', 1), ('r', 2);",
            "CREATE TABLE t (rowid TEXT, v); INSERT INTO t VALUES ('r', 1), ('r', 3), ('r', 4);",
        );
        assert_eq!(lines[0], "t changed: rows matched by rowid, because the table has no primary key");
        assert_eq!(lines[1..], ["t changed: 1 row added", "t changed: 1 cell changed in 1 row"]);
    }

    #[test]
    fn rows_are_not_compared_if_the_primary_key_changed() {
        let lines = compare(
            "rekeyed",
            "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a)); INSERT INTO t VALUES (1, 2);",
            "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b)); INSERT INTO t VALUES (1, 2);",
        );
        let expected = ["definition changed", "the primary key changed: 1 before, 1 row after, not compared"];
        assert_eq!(lines, expected.map(|text| format!("t changed: {text}")));
    }

    #[test]
    fn same_content_in_different_bytes_has_no_facts() {
        let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, v);";
        let lines = compare("same", table, &format!("{table} INSERT INTO t VALUES (1, 2); DELETE FROM t;"));
        assert!(lines.is_empty(), "{lines:?}");
    }

    #[test]
    fn sqlite_error_is_the_source() {
        let path = std::env::temp_dir().join(format!("binoc-sqlite-{}-broken.db", std::process::id()));
        std::fs::write(&path, format!("SQLite format 3\0{}", "x".repeat(200))).unwrap();
        let request = CompareRequest::new("x.db", Side::new(&path, 216), Side::new(&path, 216));
        let error = Sqlite.compare(&request).unwrap_err();
        std::fs::remove_file(path).unwrap();
        assert!(error.to_string().starts_with("sqlite: "), "{error}");
        assert!(std::error::Error::source(&error).unwrap().is::<rusqlite::Error>());
    }
}
