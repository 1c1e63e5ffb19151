//! Comparison of two databases: the schema, then the columns and rows of each table.

use std::collections::BTreeMap;
use std::path::Path;

use binoc_sdk::{
    Comparator, ComparatorInfo, CompareOptions, CompareRequest, Diagnostic, Example, Fact, Node, Outcome,
    Result, Severity, Shape, show,
};
use binoc_table::{KeyOrigin, Settings, Table};

use crate::database::{Column, Database, Item, quoted};
use crate::pair::renames;
use crate::table::{Collation, Rules, SqlTable};

pub(crate) struct Sqlite;

/// The pragmas whose values are compared, and the tags, verbs and texts of the facts about them.
const SETTINGS: [(&str, &str, &str, &str); 3] = [
    ("encoding", "encoding", "encoding.changed", "encoding of text changed, content compared as text"),
    ("user_version", "schema", "database.user-version", "version of the schema changed (`user_version`)"),
    ("application_id", "schema", "database.application-id", "application changed (`application_id`)"),
];

impl Comparator for Sqlite {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("sqlite").with_prefixes(["SQLite format 3\0"])
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let databases = [Database::open(&request.left.local)?, Database::open(&request.right.local)?];
        let [old, new] = &databases;
        let sides = [Side::read(old)?, Side::read(new)?];
        let mut comparison = Comparison {
            sides,
            path: &request.path,
            options: &request.options,
            node: Node::new("changed", "database", ""),
            diagnostics: Vec::new(),
        };
        if [&request.left.local, &request.right.local].into_iter().any(|path| has_log(path)) {
            let text = "a log next to the database is not applied: changes in it are not compared";
            comparison.node.push("content", Fact::new("database.log", text));
            comparison.diagnostics.push(Diagnostic::general(Severity::Error, text));
        }
        for (setting, tag, verb, text) in SETTINGS {
            let [old, new] = [old.setting(setting)?, new.setting(setting)?];
            if old != new {
                comparison.node.push(tag, Fact::new(verb, text).with_examples([Example::change(old, new)]));
            }
        }
        comparison.tables()?;
        comparison.others();
        Ok(Outcome::changed_with(comparison.node, comparison.diagnostics))
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

/// A database and its schema.
struct Side<'a> {
    database: &'a Database,
    items: BTreeMap<String, Item>,
}

impl<'a> Side<'a> {
    fn read(database: &'a Database) -> Result<Self> {
        Ok(Self { database, items: database.items()?.into_iter().collect() })
    }

    /// Return the names of the entries of a kind.
    fn names(&self, kind: &str) -> Vec<&str> {
        let own = self.items.iter().filter(|(_, item)| item.kind == kind);
        own.map(|(name, _)| name.as_str()).collect()
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.items.get(name).is_some_and(|item| item.kind == kind)
    }

    fn open(&self, table: &str) -> Result<SqlTable<'a>> {
        let columns = self.database.columns(table)?;
        Ok(SqlTable::new(self.database, table, self.items[table].without_rowid, &columns))
    }
}

struct Comparison<'a> {
    sides: [Side<'a>; 2],
    path: &'a str,
    options: &'a CompareOptions,
    node: Node,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Comparison<'a> {
    fn tables(&mut self) -> Result<()> {
        let [old, new] = &self.sides;
        let missing = |side: &Side<'_>, other: &Side<'_>| -> Vec<String> {
            let names = side.names("table").into_iter();
            names.filter(|name| !other.has("table", name)).map(Into::into).collect()
        };
        let (mut removed, mut added) = (missing(old, new), missing(new, old));
        let mut pairs: Vec<(String, String, Option<f64>)> = Vec::new();
        for name in old.names("table").into_iter().filter(|name| new.has("table", name)) {
            pairs.push((name.into(), name.into(), None));
        }
        // SQL ignores the case of names.
        for old in &removed {
            if let Some(new) = added.iter().find(|new| new.eq_ignore_ascii_case(old)) {
                pairs.push((old.clone(), new.clone(), Some(1.0)));
            }
        }
        removed.retain(|name| pairs.iter().all(|pair| pair.0 != *name));
        added.retain(|name| pairs.iter().all(|pair| pair.1 != *name));
        if !removed.is_empty() && !added.is_empty() {
            // A table that cannot be read is an error below.
            let open = |side: &Side<'a>, names: &[String]| -> Result<Vec<SqlTable<'a>>> {
                names.iter().map(|name| side.open(name)).collect()
            };
            let renamed = renames(&open(old, &removed)?, &open(new, &added)?).unwrap_or_default();
            for rename in &renamed {
                pairs.push((removed[rename.old].clone(), added[rename.new].clone(), Some(rename.share)));
            }
            removed.retain(|name| pairs.iter().all(|pair| pair.0 != *name));
            added.retain(|name| pairs.iter().all(|pair| pair.1 != *name));
        }
        for (old, new, share) in pairs {
            let child = self.table(&old, &new, share);
            self.push(if share.is_some() { "renamed" } else { "changed" }, &new, child);
        }
        for (action, side, names) in [("removed", 0, removed), ("added", 1, added)] {
            for name in names {
                let child = self.whole(action, side, &name);
                self.push(action, &name, child.map(Some));
            }
        }
        self.node.children.sort_by(|a, b| a.path.cmp(&b.path));
        for child in &self.node.children {
            self.node.tags.extend(child.tags.iter().cloned());
        }
        Ok(())
    }

    /// Add a table to the report, or the error if it could not be read.
    fn push(&mut self, action: &str, name: &str, child: Result<Option<Node>>) {
        match child {
            Ok(child) => self.node.children.extend(child),
            Err(error) => {
                let mut node = Node::new(action, "table", show::clip(name));
                node.push("content", Fact::new("rows.not-comparable", "the rows could not be read"));
                self.node.children.push(node);
                self.diagnose(name, Severity::Error, &error.to_string());
            }
        }
    }

    fn diagnose(&mut self, table: &str, severity: Severity, message: &str) {
        let message = format!("table `{}`: {message}", show::clip(table));
        self.diagnostics.push(Diagnostic::general(severity, message));
    }

    /// Compare indexes, views and triggers by name and definition, and virtual tables by name.
    fn others(&mut self) {
        let [old, new] = &self.sides;
        let limit = self.options.examples;
        let examples = |names: &[&str]| {
            names.iter().take(limit).map(|name| Example::value(show::clip(name))).collect::<Vec<_>>()
        };
        for (kind, noun) in
            [("index", "index"), ("view", "view"), ("trigger", "trigger"), ("virtual", "virtual table")]
        {
            let mut names = [("removed", Vec::new()), ("added", Vec::new()), ("redefined", Vec::new())];
            for name in old.names(kind) {
                match new.has(kind, name) {
                    false => names[0].1.push(name),
                    true if old.items[name].sql != new.items[name].sql => names[2].1.push(name),
                    true => {}
                }
            }
            names[1].1.extend(new.names(kind).into_iter().filter(|name| !old.has(kind, name)));
            for (state, names) in names.iter().filter(|(_, names)| !names.is_empty()) {
                let fact = Fact::counted(&format!("{kind}.{state}"), names.len() as u64, noun, state);
                self.node.push("schema", fact.with_examples(examples(names)));
            }
        }
        let both = old.names("virtual").into_iter().filter(|name| new.has("virtual", name));
        let both: Vec<&str> = both.filter(|name| !self.has_same_rows(name)).collect();
        if !both.is_empty() {
            let text = "rows of virtual tables are not compared";
            self.node.push("content", Fact::new("virtual.not-compared", text).with_examples(examples(&both)));
            self.diagnostics.push(Diagnostic::general(Severity::Error, text));
        }
    }

    /// Return whether the tables in which SQLite stores the rows of a virtual table are the same in both databases.
    fn has_same_rows(&self, table: &str) -> bool {
        let [old, new] = &self.sides;
        let start = format!("{table}_");
        let stores = |side: &Side<'a>| -> Vec<String> {
            let names = side.names("shadow").into_iter();
            names.filter(|name| name.starts_with(&start)).map(Into::into).collect()
        };
        let is_same = |name: &String| -> Result<bool> {
            let settings = Settings {
                key: Vec::new(),
                origin: KeyOrigin::Declared,
                ordered: true,
                examples: 0,
                memory: self.options.memory,
            };
            let mut node = Node::default();
            binoc_table::compare(&mut node, &old.open(name)?, &new.open(name)?, &settings)?;
            Ok(node.facts.is_empty())
        };
        let (before, after) = (stores(old), stores(new));
        !before.is_empty() && before == after && before.iter().all(|name| is_same(name).unwrap_or(false))
    }

    /// Report a table that only one database has.
    fn whole(&self, action: &str, side: usize, name: &str) -> Result<Node> {
        let mut node = Node::new(action, "table", show::clip(name));
        let table = self.sides[side].open(name)?;
        let (rows, columns) = (table.count()?, table.columns().len() as u64);
        let mut shapes = [None, None];
        shapes[side] = Some((rows, columns));
        node.shape = Some(Shape::new(shapes[0], shapes[1]));
        node.push("schema", Fact::counted(&format!("rows.{action}"), rows, "row", action));
        Ok(node)
    }

    /// Compare a table of both databases. `share` is the part of the rows that is the same if it was renamed.
    fn table(&mut self, old: &str, new: &str, share: Option<f64>) -> Result<Option<Node>> {
        let mut node = Node::new("changed", "table", show::clip(new));
        if let Some(share) = share {
            (node.action, node.source) = ("renamed".into(), Some(show::clip(old)));
            node.similarity = Some((share * 100.0) as u8).filter(|percent| *percent < 100);
            node.tags.insert("schema".into());
        }
        let names = [old, new];
        let mut columns = [self.sides[0].database.columns(old)?, self.sides[1].database.columns(new)?];
        let recased = recase(&mut columns);
        if !recased.is_empty() {
            let fact =
                Fact::counted("columns.recased", recased.len() as u64, "column", "renamed in case only");
            node.push("schema", fact.with_examples(recased.into_iter().take(self.options.examples)));
        }
        let retyped = retyped(&columns);
        for fact in schema_facts(&columns, &retyped, self.options.examples) {
            node.push("schema", fact);
        }
        let (key, origin) = self.key(new, &columns);
        let rules = self.rules(names, &columns, &retyped)?;
        let table = |side: usize| {
            let Side { database, items } = &self.sides[side];
            let table =
                SqlTable::new(database, names[side], items[names[side]].without_rowid, &columns[side]);
            table.with_rules(rules[side].clone())
        };
        let limit = self.options.examples;
        let settings = Settings { key, origin, ordered: false, examples: limit, memory: self.options.memory };
        for diagnostic in binoc_table::compare(&mut node, &table(0), &table(1), &settings)? {
            self.diagnose(new, diagnostic.severity, &diagnostic.message);
        }
        let is_key_number = retyped.iter().any(|it| it.as_number && settings.key.contains(&it.new.name));
        for fact in node.facts.iter_mut().filter(|fact| fact.verb == "rows.matched-by-key" && is_key_number) {
            let note = ", its values compared as numbers";
            if !fact.text.ends_with(note) {
                fact.text.push_str(note);
            }
        }
        if origin == KeyOrigin::Declared
            && !settings.key.is_empty()
            && let Some(place) = node.facts.iter().position(|fact| fact.verb == "rows.matched-by-key")
        {
            node.facts.splice(place + 1..place + 1, self.missing_keys(names, &columns)?);
        }
        remove_order(&mut node, columns.iter().flatten().any(|column| column.key > 0));
        let [before, after] = [0, 1].map(|side| definition(&self.sides[side].items[names[side]].sql));
        if before != after && !node.facts.iter().any(is_schema) {
            node.tags.insert("schema".into());
            node.facts.insert(0, Fact::new("table.redefined", "definition changed"));
        }
        Ok(Some(node).filter(|node| share.is_some() || !node.facts.is_empty()))
    }

    /// Return the columns that identify the rows of a table, and where they come from: from the user, or from the
    /// primary key if both tables have the same one.
    fn key(&self, table: &str, columns: &[Vec<Column>; 2]) -> (Vec<String>, KeyOrigin) {
        let requested = self.options.key_of(self.path, Some(table));
        let [old, new] = columns.each_ref().map(|columns| primary_key(columns));
        let declared = if is_same_key(&old, &new, columns) { new } else { Vec::new() };
        let find = |name: &String| {
            columns.iter().flatten().map(|column| &column.name).find(|other| other.eq_ignore_ascii_case(name))
        };
        // A key for all tables is not meant for those with other columns.
        let is_meant = requested != self.options.key
            || requested.iter().all(|it| find(it).is_some())
            || declared.is_empty();
        if !requested.is_empty() && is_meant {
            (requested.iter().map(|name| find(name).unwrap_or(name).clone()).collect(), KeyOrigin::Requested)
        } else {
            (declared, KeyOrigin::Declared)
        }
    }

    /// State how many rows have no primary key. SQLite permits `NULL` in it.
    fn missing_keys(&self, names: [&str; 2], columns: &[Vec<Column>; 2]) -> Result<Option<Fact>> {
        let count = |side: usize| {
            let is_missing = |name: &String| format!("{} IS NULL", quoted(name));
            let missing: Vec<String> = primary_key(&columns[side]).iter().map(is_missing).collect();
            let table = quoted(names[side]);
            let sql = format!("SELECT count(*) FROM main.{table} WHERE {}", missing.join(" OR "));
            self.sides[side].database.count(&sql)
        };
        let (before, after) = (count(0)?, count(1)?);
        let rows = [before, after].map(|count| show::plural(count, "row"));
        let text = format!("no value of the key in {} before and {} after", rows[0], rows[1]);
        Ok((before + after > 0).then(|| Fact::new("rows.key-flawed", text)))
    }

    /// Return how the values of the columns of both tables are compared.
    fn rules(
        &self,
        names: [&str; 2],
        columns: &[Vec<Column>; 2],
        retyped: &[Retyped<'_>],
    ) -> Result<[Vec<Rules>; 2]> {
        let collations =
            [self.sides[0].database.collations(names[0])?, self.sides[1].database.collations(names[1])?];
        // Collations that differ would match a row with several others.
        let has = |side: &Vec<(String, String)>, column: &Column, collation: &str| {
            side.iter().any(|(name, other)| {
                name.eq_ignore_ascii_case(&column.name) && other.eq_ignore_ascii_case(collation)
            })
        };
        let rules = |column: &Column| Rules {
            as_number: retyped.iter().any(|it| it.as_number && it.new.name == column.name),
            collation: match () {
                () if collations.iter().all(|side| has(side, column, "NOCASE")) => Collation::NoCase,
                () if collations.iter().all(|side| has(side, column, "RTRIM")) => Collation::RTrim,
                () => Collation::Binary,
            },
        };
        Ok(columns.each_ref().map(|columns| columns.iter().map(rules).collect()))
    }
}

/// Give columns of the older table whose names differ only in case the names in the newer table, and return the
/// changes. SQL ignores the case of names.
fn recase(columns: &mut [Vec<Column>; 2]) -> Vec<Example> {
    let [old, new] = columns;
    let mut changes = Vec::new();
    for old in old {
        let is_same = |new: &&Column| new.name != old.name && new.name.eq_ignore_ascii_case(&old.name);
        if let Some(new) = new.iter().find(is_same) {
            changes.push(Example::change(show::clip(&old.name), show::clip(&new.name)));
            old.name.clone_from(&new.name);
        }
    }
    changes
}

/// A column that is declared with another type.
struct Retyped<'a> {
    old: &'a Column,
    new: &'a Column,
    /// Whether SQLite stores its values in another way, such as the text '1' as the number 1.
    as_number: bool,
}

fn retyped(columns: &[Vec<Column>; 2]) -> Vec<Retyped<'_>> {
    let mut retyped = Vec::new();
    for old in &columns[0] {
        let same = |new: &&Column| new.name == old.name && new.declared != old.declared;
        if let Some(new) = columns[1].iter().find(same) {
            retyped.push(Retyped { old, new, as_number: old.affinity() != new.affinity() });
        }
    }
    retyped
}

/// Return the names of the columns of the primary key, in its order.
fn primary_key(columns: &[Column]) -> Vec<String> {
    let mut key: Vec<&Column> = columns.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    key.into_iter().map(|column| column.name.clone()).collect()
}

/// Return whether two primary keys have the same columns in any order, apart from columns that were perhaps renamed.
fn is_same_key(old: &[String], new: &[String], columns: &[Vec<Column>; 2]) -> bool {
    let without = |key: &[String], other: &[String]| -> Vec<String> {
        key.iter().filter(|name| !other.contains(name)).cloned().collect()
    };
    let is_gone = |names: &[String], columns: &[Column]| {
        names.iter().all(|name| columns.iter().all(|column| column.name != *name))
    };
    let (removed, added) = (without(old, new), without(new, old));
    removed.len() == added.len() && is_gone(&removed, &columns[1]) && is_gone(&added, &columns[0])
}

fn schema_facts(columns: &[Vec<Column>; 2], retyped: &[Retyped<'_>], limit: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !retyped.is_empty() {
        let mut fact =
            Fact::counted("columns.retyped", retyped.len() as u64, "column", "declared with another type");
        if retyped.iter().any(|it| it.as_number) {
            fact.text.push_str(" (equal numbers count as unchanged)");
        }
        facts.push(fact.with_examples(retyped.iter().take(limit).map(|it| {
            let example = Example::change(show::clip(&it.old.declared), show::clip(&it.new.declared));
            example.with_column(show::clip(&it.new.name))
        })));
    }
    let [old, new] = columns.each_ref().map(|columns| primary_key(columns));
    if !is_same_key(&old, &new, columns) {
        let [old, new] = [old, new].map(|key| show::clip(&key.join(", ")));
        let fact = Fact::new("table.key-changed", "primary key changed");
        facts.push(fact.with_examples([Example::change(old, new)]));
    }
    facts
}

fn is_schema(fact: &Fact) -> bool {
    fact.verb.starts_with("columns.") || fact.verb.starts_with("table.")
}

/// The facts that state how rows were matched.
const HOW: [&str; 4] =
    ["rows.matched-by-key", "rows.matched-by-content", "rows.key-evidence", "rows.key-flawed"];

/// Remove what the order of the rows is not: content. With a primary key it does not matter at all.
fn remove_order(node: &mut Node, is_keyed: bool) {
    let is_order = |fact: &Fact| ["rows.reordered", "rows.order-unknown"].contains(&&*fact.verb);
    let is_how = |fact: &Fact| HOW.contains(&fact.verb.as_str());
    if is_keyed {
        node.facts.retain(|fact| !is_order(fact));
        node.tags.remove("order");
    }
    if node.facts.iter().all(|fact| is_schema(fact) || is_order(fact) || is_how(fact)) {
        node.tags.remove("content");
        node.facts.retain(|fact| !is_how(fact));
        for fact in node.facts.iter_mut().filter(|fact| fact.verb == "rows.reordered") {
            fact.text = "same rows, stored in another order".into();
        }
    }
    for fact in node.facts.iter_mut().filter(|fact| ["rows.removed", "rows.added"].contains(&&*fact.verb)) {
        fact.examples.iter_mut().for_each(|example| example.at = None);
    }
}

/// Return the definition of a table without its name.
fn definition(sql: &str) -> &str {
    let rest = sql.strip_prefix("CREATE TABLE ").unwrap_or(sql);
    let close = match rest.chars().next() {
        Some('[') => ']',
        Some(quote @ ('"' | '\'' | '`')) => quote,
        _ => return rest.trim_start_matches(|c: char| c != '(' && !c.is_whitespace()),
    };
    let mut rest = &rest[1..];
    // A quote within a name is written twice.
    while let Some((_, after)) = rest.split_once(close) {
        rest = after;
        match after.strip_prefix(close) {
            Some(after) if close != ']' => rest = after,
            _ => break,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use binoc_sdk::Side;
    use rusqlite::Connection;

    /// Return the facts about two databases.
    fn compare(test: &str, old: &str, new: &str) -> Vec<String> {
        compare_with(test, old, new, CompareOptions::default())
    }

    fn compare_with(test: &str, old: &str, new: &str, options: CompareOptions) -> Vec<String> {
        let mut lines = Vec::new();
        list_facts(&outcome(test, old, new, options), "", &mut lines);
        lines
    }

    /// Return the changed tables of two databases.
    fn nodes(test: &str, old: &str, new: &str) -> Vec<String> {
        let node = outcome(test, old, new, CompareOptions::default());
        let source =
            |child: &Node| child.source.as_ref().map_or_else(String::new, |source| format!("{source} -> "));
        node.children
            .iter()
            .map(|child| format!("{}{} {}", source(child), child.path, child.action))
            .collect()
    }

    fn outcome(test: &str, old: &str, new: &str, options: CompareOptions) -> Node {
        let directory = std::env::temp_dir().join(format!("binoc sqlite?#%{}-{test}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let make = |name: &str, sql: &str| {
            let local = directory.join(name);
            Connection::open(&local).unwrap().execute_batch(sql).unwrap();
            let bytes = std::fs::metadata(&local).unwrap().len();
            Side::new(local, bytes)
        };
        let request = CompareRequest::new("x.db", make("a.db", old), make("b.db", new)).with_options(options);
        let outcome = Sqlite.compare(&request).unwrap();
        assert_eq!(
            std::fs::read_dir(&directory).unwrap().count(),
            2,
            "a file was written next to the databases"
        );
        std::fs::remove_dir_all(directory).unwrap();
        let Outcome::Changed { node, .. } = outcome else { panic!("{outcome:?}") };
        *node
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
    fn rows_without_primary_key_are_matched_by_content() {
        let table = "CREATE TABLE t (n TEXT, v INT);";
        let rows = |order: &str| {
            format!(
                "INSERT INTO t SELECT 'n' || (value % 40), value % 10
                 FROM (WITH RECURSIVE s (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM s WHERE value < 79)
                 SELECT value FROM s) ORDER BY {order};"
            )
        };
        let old = format!("{table} {}", rows("value"));
        let lines =
            compare("first", &old, &format!("{table} INSERT INTO t VALUES ('n', 0); {}", rows("value")));
        assert_eq!(lines.last().unwrap(), "t changed: 1 row added");
        assert!(lines[0].starts_with("t changed: rows matched by content"), "{lines:?}");
        let lines = compare("order", &old, &format!("{table} {}", rows("value * 7 % 80")));
        assert_eq!(lines, ["t changed: same rows, stored in another order"]);
    }

    #[test]
    fn order_is_not_compared_if_rows_have_a_key() {
        let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v);";
        let lines = compare(
            "keyed",
            &format!("{table} INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4);"),
            &format!("{table} INSERT INTO t VALUES ('d', 4), ('b', 2), ('a', 1), ('c', 3);"),
        );
        assert!(lines.is_empty(), "{lines:?}");
    }

    #[test]
    fn rows_are_compared_if_the_primary_key_changed() {
        let rows = "INSERT INTO t VALUES (1, 2), (3, 4), (5, 6);";
        let lines = compare(
            "rekeyed",
            &format!("CREATE TABLE t (a INT, b INT, PRIMARY KEY (a)); {rows}"),
            &format!("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b)); {rows} DELETE FROM t WHERE a = 3;"),
        );
        assert_eq!(lines[0], "t changed: primary key changed");
        assert_eq!(lines[lines.len() - 1], "t changed: 1 row removed");
    }

    #[test]
    fn values_of_a_retyped_column_are_compared_as_numbers() {
        let lines = compare(
            "retyped",
            "CREATE TABLE t (id TEXT PRIMARY KEY, v INT);
             INSERT INTO t VALUES ('1', 1), ('2', 2), ('03', 3), ('4', 4), ('x', 5);",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v REAL);
             INSERT INTO t VALUES (1, 1.0), (2, 2.5), (3, 3.0), (4, 4.0);",
        );
        let expected = [
            "2 columns declared with another type (equal numbers count as unchanged)",
            "rows matched by primary key, its values compared as numbers",
            "1 row removed",
            "1 cell changed in 1 row",
            "1 value of the key written differently, the same as a number",
        ];
        assert_eq!(lines, expected.map(|text| format!("t changed: {text}")));
    }

    #[test]
    fn columns_can_be_renamed() {
        let rows = "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');";
        let old = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); {rows}");
        for new in ["id INTEGER PRIMARY KEY, full_name TEXT", "ident INTEGER PRIMARY KEY, name TEXT"] {
            let lines = compare("column", &old, &format!("CREATE TABLE t ({new}); {rows}"));
            assert_eq!(lines, ["t changed: 1 column renamed"], "{new}");
        }
    }

    #[test]
    fn case_of_names_is_ignored() {
        let old = "CREATE TABLE t (Id TEXT PRIMARY KEY COLLATE NOCASE, v); INSERT INTO t VALUES ('a', 1), ('b', 2);";
        let new = "CREATE TABLE T (id TEXT PRIMARY KEY COLLATE NOCASE, v); INSERT INTO t VALUES ('A', 1), ('b', 3);";
        assert_eq!(
            compare("case", old, new),
            [
                "T renamed: 1 column renamed in case only",
                "T renamed: rows matched by primary key",
                "T renamed: 2 cells changed in 2 rows",
            ]
        );
        assert_eq!(nodes("case", "CREATE TABLE t (v);", "CREATE TABLE T (v);"), ["t -> T renamed"]);
    }

    #[test]
    fn rows_without_a_value_of_the_key_are_counted() {
        let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v);";
        let old = format!("{table} INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3), ('b', 4);");
        let new = format!("{table} INSERT INTO t VALUES (NULL, 1), ('a', 3), ('b', 5);");
        assert_eq!(
            compare("null", &old, &new),
            [
                "t changed: rows matched by primary key",
                "t changed: no value of the key in 2 rows before and 1 row after",
                "t changed: 1 row removed",
                "t changed: 1 cell changed in 1 row",
            ]
        );
    }

    #[test]
    fn tables_can_be_renamed() {
        let old =
            "CREATE TABLE t (a INT PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (4, 'w');";
        let new = old.replace("TABLE t", "TABLE [t2]").replace("INTO t", "INTO t2");
        assert_eq!(nodes("renamed", old, &new), ["t -> t2 renamed"]);
        assert!(compare("renamed", old, &new).is_empty());
        let edited = format!("{new} INSERT INTO t2 VALUES (3, 'z'); UPDATE t2 SET b = 'X' WHERE a = 1;");
        assert_eq!(
            compare("renamed", old, &edited),
            [
                "t2 renamed: rows matched by primary key",
                "t2 renamed: 1 row added",
                "t2 renamed: 1 cell changed in 1 row"
            ]
        );
        let copied = format!("{new} CREATE TABLE t3 AS SELECT * FROM t2;");
        assert_eq!(nodes("renamed", old, &copied), ["t removed", "t2 added", "t3 added"]);
        let other = new.replace("'y'", "'q'").replace("'w'", "'r'");
        assert_eq!(nodes("renamed", old, &other), ["t removed", "t2 added"]);
    }

    #[test]
    fn requested_key_replaces_the_primary_key_of_its_table() {
        let old = "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT, v INT); CREATE TABLE u (id INTEGER PRIMARY KEY, v);
                   INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3); INSERT INTO u VALUES (1, 1);";
        let new = old.replace("(1, 'a'", "(7, 'a'").replace("(1, 1)", "(1, 2)");
        let mut options = CompareOptions::default();
        options.key = vec!["CODE".into()];
        assert_eq!(
            compare_with("requested", old, &new, options),
            [
                "t changed: rows matched by key (requested)",
                "t changed: 1 cell changed in 1 row",
                "u changed: rows matched by primary key",
                "u changed: 1 cell changed in 1 row",
            ]
        );
    }

    #[test]
    fn settings_of_a_database_are_compared() {
        let table = "CREATE TABLE t (v); INSERT INTO t VALUES (1);";
        let new = format!(
            "PRAGMA encoding = 'UTF-16le'; {table} PRAGMA user_version = 7; PRAGMA application_id = 9;"
        );
        let node = outcome("settings", table, &new, CompareOptions::default());
        let changes = node.facts.iter().map(|fact| {
            let example = &fact.examples[0];
            [&fact.verb, example.old.as_ref().unwrap(), example.new.as_ref().unwrap()].map(String::as_str)
        });
        let expected = [
            ["encoding.changed", "UTF-8", "UTF-16le"],
            ["database.user-version", "0", "7"],
            ["database.application-id", "0", "9"],
        ];
        assert_eq!(changes.collect::<Vec<_>>(), expected);
        assert!(node.children.is_empty());
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
