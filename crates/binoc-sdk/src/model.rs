//! The data model: a changeset contains nodes, and a node contains facts with a count and examples.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The version of the JSON schema of a changeset; readers reject other versions.
pub const SCHEMA: u32 = 1;

/// All changes from one snapshot of a dataset to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Changeset {
    /// The version of the JSON schema; this version of the crate writes [`SCHEMA`].
    pub schema: u32,
    /// The name of the older snapshot: the shortest end of its path that differs from that of the newer one.
    pub from: String,
    /// The name of the newer snapshot: the shortest end of its path that differs from that of the older one.
    pub to: String,
    /// One node for each changed file and each renamed directory, sorted by path.
    pub changes: Vec<Node>,
    /// Messages about the comparison, such as files that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl Changeset {
    /// Create a changeset without changes.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            schema: SCHEMA,
            from: from.into(),
            to: to.into(),
            changes: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Return whether anything changed.
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Return whether there is an error: something was not compared, and may have changed.
    pub fn is_incomplete(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Return the changeset as indented JSON with a final newline.
    ///
    /// This cannot fail: a changeset consists only of strings, integers, options and lists.
    pub fn to_json(&self) -> String {
        let mut json =
            serde_json::to_string_pretty(self).expect("strings, integers and lists are valid JSON");
        json.push('\n');
        json
    }

    /// Parse the JSON of [`Changeset::to_json`].
    ///
    /// # Errors
    /// The text is not JSON, is not a changeset, or has a schema version other than [`SCHEMA`].
    pub fn from_json(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Peek {
            schema: Option<u32>,
        }
        let peek: Peek = serde_json::from_str(json)?;
        match peek.schema {
            Some(SCHEMA) => Ok(serde_json::from_str(json)?),
            Some(other) => Err(Error::new(format!(
                "unsupported changeset schema {other}, expected {SCHEMA}; use the version of `binoc` that wrote it"
            ))),
            None => Err(Error::new("not a changeset: the field `schema` is missing")),
        }
    }
}

/// The change of a file, or of a part of a file such as a table of a database.
///
/// `action`, `item_type` and `tags` can have values that a reader does not know; readers keep them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// `added`, `removed`, `changed`, `renamed`, or a value that a plugin defines.
    pub action: String,
    /// `file`, `directory`, `table`, `text`, `binary`, or a value that a plugin defines.
    pub item_type: String,
    /// The path in the newer snapshot, or in the older one if the file was removed. The separator is `/`. For a
    /// child, the name inside the parent.
    pub path: String,
    /// The path in the older snapshot, if it differs. For an added file, the file that it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The name of the comparator; set by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    /// The size in the older snapshot, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<u64>,
    /// The size in the newer snapshot, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_after: Option<u64>,
    /// The shared content in percent, if a rename or a copy was inferred from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<u8>,
    /// The numbers of rows and columns, if it is a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// The kinds of change: `schema`, `content`, `order`, `encoding`, `path`, or values that a plugin defines.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// The facts: what exactly changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// Changed parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

impl Node {
    /// Create a node without facts. The host replaces the `path` of the files that it compares.
    pub fn new(action: &str, item_type: &str, path: impl Into<String>) -> Self {
        Self { action: action.into(), item_type: item_type.into(), path: path.into(), ..Self::default() }
    }

    /// Add a fact and the tag of its kind of change.
    pub fn push(&mut self, tag: &str, fact: Fact) {
        self.tags.insert(tag.into());
        self.facts.push(fact);
    }
}

/// The numbers of rows and columns of a table; the rows do not include the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shape {
    /// The number of rows in the older snapshot; `None` if the table was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_before: Option<u64>,
    /// The number of rows in the newer snapshot; `None` if the table was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_after: Option<u64>,
    /// The number of columns in the older snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns_before: Option<u64>,
    /// The number of columns in the newer snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns_after: Option<u64>,
}

impl Shape {
    /// Create the shape of a table from its numbers of rows and columns in the older and in the newer snapshot.
    pub fn new(before: Option<(u64, u64)>, after: Option<(u64, u64)>) -> Self {
        Self {
            rows_before: before.map(|shape| shape.0),
            rows_after: after.map(|shape| shape.0),
            columns_before: before.map(|shape| shape.1),
            columns_after: after.map(|shape| shape.1),
        }
    }
}

/// A statement about a change, with an exact count and a few examples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fact {
    /// The machine-readable statement, such as `rows.added`; plugins can define values.
    pub verb: String,
    /// The statement for people, such as `2 rows added`. Text from the data is only in `examples`.
    pub text: String,
    /// The exact number of occurrences; it does not depend on the number of examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The exact number of occurrences in each column of a table that has any, in the order of the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_column: Vec<ColumnCount>,
    /// The first examples, in the order of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// The number of occurrences of a fact in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnCount {
    /// The name of the column. It is text from the data, so a renderer must escape it.
    pub column: String,
    /// The exact number of occurrences.
    pub count: u64,
}

impl ColumnCount {
    /// Create the number of occurrences in a column.
    pub fn new(column: impl Into<String>, count: u64) -> Self {
        Self { column: column.into(), count }
    }
}

impl Fact {
    /// Create a fact without a count.
    pub fn new(verb: &str, text: impl Into<String>) -> Self {
        Self { verb: verb.into(), text: text.into(), ..Self::default() }
    }

    /// Create a fact with a count and the text `COUNT NOUN STATE`, such as `2 rows added`.
    pub fn counted(verb: &str, count: u64, noun: &str, state: &str) -> Self {
        let text = format!("{} {state}", crate::show::plural(count, noun));
        Self { verb: verb.into(), text, count: Some(count), ..Self::default() }
    }

    /// Set the count.
    #[must_use]
    pub fn with_count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Set the numbers of occurrences in the columns.
    #[must_use]
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = ColumnCount>) -> Self {
        self.by_column = columns.into_iter().collect();
        self
    }

    /// Add examples.
    #[must_use]
    pub fn with_examples(mut self, examples: impl IntoIterator<Item = Example>) -> Self {
        self.examples.extend(examples);
        self
    }
}

/// An example of a fact. All fields can contain text from the data, so a renderer must escape them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// The position in words, such as `row 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The value of the key that identifies the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name of the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value in the older snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value in the newer snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// The value, if the example is not a replacement of one value by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Example {
    /// Create an example of a value.
    pub fn value(value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// Create an example of a value that was replaced by another.
    pub fn change(old: impl Into<String>, new: impl Into<String>) -> Self {
        Self { old: Some(old.into()), new: Some(new.into()), ..Self::default() }
    }

    /// Set the position, in words.
    #[must_use]
    pub fn with_at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// Set the value of the key that identifies the row.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Set the column.
    #[must_use]
    pub fn with_column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }
}

/// The severity of a [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// The result is complete, but the comparison differs from what the user may expect.
    Note,
    /// Something was skipped by design, such as a symbolic link.
    Warning,
    /// Something could not be compared; the result is incomplete.
    Error,
}

/// A message to the user about the comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The path of the file, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The text: the problem, then the fix.
    pub message: String,
}

impl Diagnostic {
    /// Create a diagnostic about one path.
    pub fn at(severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity, path: Some(path.into()), message: message.into() }
    }

    /// Create a diagnostic about the whole run.
    pub fn general(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, path: None, message: message.into() }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A changeset with all fields, and with one object of each kind that has only the required ones.
    const COMPLETE: &str = include_str!("../tests/changeset.json");

    #[test]
    fn json_keeps_all_fields() {
        // Literals without `..`, so that a new field does not compile until it is added here.
        let text = || Some("a\0\"\u{1F600}\n".to_owned());
        let (at, key, column) = (text(), text(), text());
        let example = Example { at, key, column, old: text(), new: text(), value: text() };
        let fact = Fact {
            verb: "rows.added".into(),
            text: "rows added".into(),
            count: Some(u64::MAX),
            by_column: vec![ColumnCount { column: "n".into(), count: u64::MAX }],
            examples: vec![example, Example::default()],
        };
        let node = Node {
            action: "renamed".into(),
            item_type: "table".into(),
            path: "x.csv".into(),
            source: text(),
            comparator: text(),
            bytes_before: Some(0),
            bytes_after: Some(u64::MAX),
            similarity: Some(99),
            shape: Some(Shape {
                rows_before: Some(0),
                rows_after: Some(u64::MAX),
                columns_before: Some(1),
                columns_after: Some(2),
            }),
            tags: ["content".into(), "path".into()].into(),
            facts: vec![fact, Fact::new("rows.reordered", "rows in another order")],
            children: vec![Node::new("added", "column", "")],
        };
        let diagnostic = Diagnostic { path: text(), severity: Severity::Error, message: "left out".into() };
        let general = [Severity::Note, Severity::Warning].map(|it| Diagnostic::general(it, "left out"));
        let changeset = Changeset {
            schema: SCHEMA,
            from: "a".into(),
            to: "b".into(),
            changes: vec![node],
            diagnostics: [diagnostic].into_iter().chain(general).collect(),
        };
        assert_eq!(changeset.to_json(), COMPLETE);
        assert_eq!(Changeset::from_json(COMPLETE).unwrap(), changeset);
    }

    #[test]
    fn unknown_schema_is_refused() {
        let later = Changeset::new("a", "b").to_json().replace("\"schema\": 1", "\"schema\": 7");
        assert!(Changeset::from_json(&later).unwrap_err().to_string().contains("schema 7"));
        assert!(Changeset::from_json("{}").unwrap_err().to_string().contains("`schema`"));
    }
}
