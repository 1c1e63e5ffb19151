//! The data model: a changeset of nodes, with counted facts and bounded examples.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The number of the changeset's JSON shape; a reader refuses any other.
pub const SCHEMA: u32 = 1;

/// All changes from one snapshot of a dataset to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Changeset {
    /// The JSON shape, [`SCHEMA`] when written by this version.
    pub schema: u32,
    /// The older snapshot, as the user typed it.
    pub from: String,
    /// The newer snapshot, as the user typed it.
    pub to: String,
    /// One node for each changed file, ordered by path.
    pub changes: Vec<Node>,
    /// What could not be compared, or not as asked.
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

    /// Return whether something could not be compared at all, so that "no change" would be a guess.
    pub fn is_incomplete(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Return the canonical JSON, indented, with a final newline.
    ///
    /// This cannot fail. `serde_json` fails only if the writer or a `Serialize` implementation does, or if the key
    /// of a map is not a string. The writer is a string, all implementations are derived, and a changeset
    /// consists of strings, integers, options and lists of them.
    pub fn to_json(&self) -> String {
        let mut json =
            serde_json::to_string_pretty(self).expect("strings, integers and lists are valid JSON");
        json.push('\n');
        json
    }

    /// Parse the JSON of [`Changeset::to_json`].
    ///
    /// # Errors
    /// The text is not JSON, is not a changeset, or has another schema number than [`SCHEMA`].
    pub fn from_json(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Peek {
            schema: Option<u32>,
        }
        let peek: Peek = serde_json::from_str(json)?;
        match peek.schema {
            Some(SCHEMA) => Ok(serde_json::from_str(json)?),
            Some(other) => Err(Error::new(format!(
                "changeset schema {other} is not schema {SCHEMA}; read it with the `binoc` that wrote it"
            ))),
            None => Err(Error::new("no `schema` number: this is not a changeset of `binoc`")),
        }
    }
}

/// What happened to one file, or to one part of it such as a table of a database.
///
/// `action`, `item_type` and `tags` are open strings: a reader keeps what it does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// `added`, `removed`, `changed`, `renamed`, or a plugin's own word.
    pub action: String,
    /// `file`, `table`, `text`, `binary`, or a plugin's own word.
    pub item_type: String,
    /// The path in the newer snapshot (in the older one for what was removed), with `/` between names;
    /// for a child, its name inside the parent.
    pub path: String,
    /// The path in the older snapshot, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The name of the comparator; set by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    /// Size in bytes in the older snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<u64>,
    /// Size in bytes in the newer snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_after: Option<u64>,
    /// For a rename with edits, which is an inference: how much of the content is shared, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<u8>,
    /// What kind of change it is: `schema`, `content`, `order`, `encoding`, `path`, or a plugin's own word.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// What exactly changed.
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

    /// Add a fact, and a tag for the kind of change that it is.
    pub fn push(&mut self, tag: &str, fact: Fact) {
        self.tags.insert(tag.into());
        self.facts.push(fact);
    }
}

/// One exact statement, with a few examples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fact {
    /// The statement for machines, such as `rows.added`; an open string.
    pub verb: String,
    /// The statement for people, such as `2 rows added`. Holds no text from the data; that is in `examples`.
    pub text: String,
    /// How many; exact, whatever the number of examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The first few, in the order of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

impl Fact {
    /// Create a fact without a count.
    pub fn new(verb: &str, text: impl Into<String>) -> Self {
        Self { verb: verb.into(), text: text.into(), ..Self::default() }
    }

    /// Create a fact with a count and its text: `count` things called `noun` are `state`.
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

    /// Add examples.
    #[must_use]
    pub fn with_examples(mut self, examples: impl IntoIterator<Item = Example>) -> Self {
        self.examples.extend(examples);
        self
    }
}

/// One instance of a fact. Everything in it may come from the data, so a renderer escapes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// The place in words, such as `row 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The value of the key that identifies the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// The thing itself, where there is no before and after.
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

    /// Set the place, in words.
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

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// The result is whole, but not made the way one would expect.
    Note,
    /// Something was left out on purpose.
    Warning,
    /// Something could not be compared; the result is incomplete.
    Error,
}

/// Something the user has to know about how the changeset came to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The path it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, then what helps.
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

    #[test]
    fn a_changeset_with_all_fields_survives_its_json() {
        // Literals without `..`: a new field has to be added here.
        let text = || Some("a\0\"\u{1F600}\n".to_owned());
        let (at, key, column) = (text(), text(), text());
        let example = Example { at, key, column, old: text(), new: text(), value: text() };
        let fact = Fact {
            verb: "rows.added".into(),
            text: "rows added".into(),
            count: Some(u64::MAX),
            examples: vec![example],
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
            tags: ["content".into(), "path".into()].into(),
            facts: vec![fact],
            children: vec![Node::new("added", "column", "")],
        };
        let diagnostic = |severity| Diagnostic { path: text(), severity, message: "left out".into() };
        let changeset = Changeset {
            schema: SCHEMA,
            from: "a".into(),
            to: "b".into(),
            changes: vec![node],
            diagnostics: [Severity::Note, Severity::Warning, Severity::Error].map(diagnostic).into(),
        };
        assert_eq!(Changeset::from_json(&changeset.to_json()).unwrap(), changeset);
    }

    #[test]
    fn another_schema_is_refused_by_number() {
        let later = Changeset::new("a", "b").to_json().replace("\"schema\": 1", "\"schema\": 7");
        assert!(Changeset::from_json(&later).unwrap_err().to_string().contains("schema 7"));
        assert!(Changeset::from_json("{}").unwrap_err().to_string().contains("not a changeset"));
    }
}
