//! The traits that a plugin implements, and the types that they exchange with the host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Changeset, Diagnostic, Node};

/// The description of a comparator: its name and the files that it accepts.
///
/// ```
/// use binoc_sdk::ComparatorInfo;
///
/// let info = ComparatorInfo::new("sqlite").with_extensions(["db"]).with_prefixes(["SQLite format 3\0"]);
/// assert!(!info.any);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparatorInfo {
    /// A short name, shown to users.
    pub name: String,
    /// File extensions in lower case, without the dot.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// First bytes of the files to accept, with any extension.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Whether to accept all files that no earlier comparator compared.
    #[serde(default)]
    pub any: bool,
}

impl ComparatorInfo {
    /// Create the description of a comparator that accepts no files yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Add extensions of the files to accept, in lower case, without the dot.
    #[must_use]
    pub fn with_extensions(mut self, extensions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.extensions.extend(extensions.into_iter().map(Into::into));
        self
    }

    /// Add first bytes of the files to accept, with any extension.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.prefixes.extend(prefixes.into_iter().map(Into::into));
        self
    }

    /// Also accept all files that no earlier comparator compared.
    #[must_use]
    pub fn with_any(mut self) -> Self {
        self.any = true;
        self
    }
}

/// The description of a renderer: its name and the extension of the files that it writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RendererInfo {
    /// The value of `--format` that selects the renderer.
    pub name: String,
    /// The extension of PATH in `-o PATH` that selects the renderer, in lower case, without the dot.
    pub extension: String,
}

impl RendererInfo {
    /// Create the description of a renderer with this name, for files with this extension.
    pub fn new(name: impl Into<String>, extension: impl Into<String>) -> Self {
        Self { name: name.into(), extension: extension.into() }
    }
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Side {
    /// The path to read. Do not write to it.
    pub local: PathBuf,
    /// The size in bytes.
    pub bytes: u64,
}

impl Side {
    /// Create a side from the path to read and the size of the file in bytes.
    pub fn new(local: impl Into<PathBuf>, bytes: u64) -> Self {
        Self { local: local.into(), bytes }
    }
}

/// The options of the user and the limits of a comparison; start with the default and set fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompareOptions {
    /// The columns that identify a row of a table that is not in `keys`; empty if the user named none.
    #[serde(default)]
    pub key: Vec<String>,
    /// The columns that identify a row, for tables by path or name; see [`CompareOptions::key_of`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<String>>,
    /// The largest number of examples of a fact.
    pub examples: usize,
    /// The size of the largest file to hold in memory, in bytes. Skip a larger file and return the reason.
    pub max_bytes: u64,
    /// The limit of the memory for the comparison of tables, in bytes. The rest is in temporary files.
    #[serde(default = "default_memory")]
    pub memory: u64,
}

const fn default_memory() -> u64 {
    256 << 20
}

impl CompareOptions {
    /// Return the columns that the user named for a table; empty if there are none.
    ///
    /// `path` is the path of the file, and `table` the name of the table inside the file, if it has several. The most
    /// specific entry of `keys` applies: `PATH/TABLE`, then `TABLE` or `PATH`, then the name of the file; without an
    /// entry, `key` applies.
    pub fn key_of(&self, path: &str, table: Option<&str>) -> &[String] {
        let inner = table
            .and_then(|table| self.keys.get(&format!("{path}/{table}")).or_else(|| self.keys.get(table)));
        let file = path.rsplit('/').next().unwrap_or(path);
        inner.or_else(|| self.keys.get(path)).or_else(|| self.keys.get(file)).unwrap_or(&self.key)
    }
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            key: Vec::new(),
            keys: BTreeMap::new(),
            examples: 5,
            max_bytes: 1 << 30,
            memory: default_memory(),
        }
    }
}

/// A request to compare two files whose bytes differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompareRequest {
    /// The path in the newer snapshot.
    pub path: String,
    /// The older version.
    pub left: Side,
    /// The newer version.
    pub right: Side,
    /// The options of the user and the limits.
    pub options: CompareOptions,
}

impl CompareRequest {
    /// Create a request with the default options.
    pub fn new(path: impl Into<String>, left: Side, right: Side) -> Self {
        Self { path: path.into(), left, right, options: CompareOptions::default() }
    }

    /// Set the options.
    #[must_use]
    pub fn with_options(mut self, options: CompareOptions) -> Self {
        self.options = options;
        self
    }
}

/// The result of a comparator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// The files were compared.
    #[non_exhaustive]
    Changed {
        /// The changes. The host sets the path, the sizes and the comparator.
        node: Box<Node>,
        /// Messages about the comparison. The host sets their path. [`Severity::Error`](crate::Severity::Error) means
        /// that something was not compared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diagnostics: Vec<Diagnostic>,
    },
    /// The comparator cannot compare the files; the host tries the next one.
    #[non_exhaustive]
    Skipped {
        /// The reason, shown to the user; `None` if the user need not know. It is an error if no other comparator
        /// compares more than the bytes.
        reason: Option<String>,
    },
}

impl Outcome {
    /// Create an outcome from the changes.
    pub fn changed(node: Node) -> Self {
        Self::changed_with(node, Vec::new())
    }

    /// Create an outcome from the changes and messages about the comparison.
    pub fn changed_with(node: Node, diagnostics: Vec<Diagnostic>) -> Self {
        Self::Changed { node: Box::new(node), diagnostics }
    }

    /// Skip the files without a message to the user.
    pub const fn skip() -> Self {
        Self::Skipped { reason: None }
    }

    /// Skip the files and show the reason to the user.
    pub fn skip_because(reason: impl Into<String>) -> Self {
        Self::Skipped { reason: Some(reason.into()) }
    }
}

/// A comparator: compares two versions of a file.
pub trait Comparator: Send + Sync {
    /// Return the name of the comparator and the files that it accepts.
    fn describe(&self) -> ComparatorInfo;

    /// Compare two files whose bytes differ. The host can compare several pairs of files at the same time.
    ///
    /// # Errors
    /// The host shows the message to the user and tries the next comparator.
    fn compare(&self, request: &CompareRequest) -> Result<Outcome>;
}

/// A renderer: converts a changeset to text.
pub trait Renderer: Send + Sync {
    /// Return the name of the renderer and the extension of its files.
    fn describe(&self) -> RendererInfo;

    /// Return the complete document with a final newline.
    ///
    /// # Errors
    /// The host shows the message to the user and writes nothing.
    fn render(&self, changeset: &Changeset) -> Result<String>;
}

/// A named set of comparators and renderers.
#[non_exhaustive]
pub struct Plugin {
    /// The name, shown to users.
    pub name: String,
    /// The version.
    pub version: String,
    /// The comparators, in the order in which the host tries them.
    pub comparators: Vec<Box<dyn Comparator>>,
    /// The renderers; the user selects one by name or extension.
    pub renderers: Vec<Box<dyn Renderer>>,
}

impl Plugin {
    /// Create a plugin without comparators and renderers.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), comparators: Vec::new(), renderers: Vec::new() }
    }

    /// Add a comparator.
    #[must_use]
    pub fn comparator(mut self, comparator: impl Comparator + 'static) -> Self {
        self.comparators.push(Box::new(comparator));
        self
    }

    /// Add a renderer.
    #[must_use]
    pub fn renderer(mut self, renderer: impl Renderer + 'static) -> Self {
        self.renderers.push(Box::new(renderer));
        self
    }
}
