//! The two families of contributions and what they exchange with the host.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Changeset, Node};

/// The description of a comparator: its name and the files that it takes.
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
    /// First bytes of files to take, whatever their extension.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Whether to take all files that no other comparator took.
    #[serde(default)]
    pub any: bool,
}

impl ComparatorInfo {
    /// Create the description of a comparator that takes no files yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Add extensions of files to take, in lower case, without the dot.
    #[must_use]
    pub fn with_extensions(mut self, extensions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.extensions.extend(extensions.into_iter().map(Into::into));
        self
    }

    /// Add first bytes of files to take, whatever their extension.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.prefixes.extend(prefixes.into_iter().map(Into::into));
        self
    }

    /// Also take all files that no other comparator took.
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
    /// The name for `--format`.
    pub name: String,
    /// The extension by which `-o PATH` chooses it, in lower case, without the dot.
    pub extension: String,
}

impl RendererInfo {
    /// Create the description of a renderer called `name` for files that end in `.extension`.
    pub fn new(name: impl Into<String>, extension: impl Into<String>) -> Self {
        Self { name: name.into(), extension: extension.into() }
    }
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Side {
    /// The path to read; never write there.
    pub local: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Side {
    /// Create a side from the path to read and the size of the file in bytes.
    pub fn new(local: impl Into<PathBuf>, bytes: u64) -> Self {
        Self { local: local.into(), bytes }
    }
}

/// The options of the user and the limits of a comparator; set the fields of the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompareOptions {
    /// Columns that identify a row, where the user named them.
    #[serde(default)]
    pub key: Vec<String>,
    /// How many examples of a fact to give.
    pub examples: usize,
    /// The largest file to hold in memory; a larger one is skipped with a reason.
    pub max_bytes: u64,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { key: Vec::new(), examples: 5, max_bytes: 1 << 30 }
    }
}

/// Two files with different bytes, to be compared.
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
    /// What changed. The host fills in path, sizes and comparator.
    #[non_exhaustive]
    Changed {
        /// The facts.
        node: Box<Node>,
    },
    /// The comparator cannot compare the files; the host tries the next one.
    #[non_exhaustive]
    Skipped {
        /// The reason, shown to the user; none if the user does not expect the files to be compared.
        reason: Option<String>,
    },
}

impl Outcome {
    /// Return what changed.
    pub fn changed(node: Node) -> Self {
        Self::Changed { node: Box::new(node) }
    }

    /// Leave the files to the next comparator without a message to the user.
    pub const fn skip() -> Self {
        Self::Skipped { reason: None }
    }

    /// Leave the files to the next comparator, and show the user the reason.
    pub fn skip_because(reason: impl Into<String>) -> Self {
        Self::Skipped { reason: Some(reason.into()) }
    }
}

/// A comparison of two versions of one file.
pub trait Comparator: Send + Sync {
    /// Return the name of the comparator and the files that it takes.
    fn describe(&self) -> ComparatorInfo;

    /// Compare two files whose bytes differ.
    ///
    /// # Errors
    /// The message is shown to the user, and the host tries the next comparator.
    fn compare(&self, request: &CompareRequest) -> Result<Outcome>;
}

/// A form of output: a changeset as text.
pub trait Renderer: Send + Sync {
    /// Return the name of the renderer and the extension of its files.
    fn describe(&self) -> RendererInfo;

    /// Return the whole document, with its final newline.
    ///
    /// # Errors
    /// The message is shown to the user, and nothing is written.
    fn render(&self, changeset: &Changeset) -> Result<String>;
}

/// A named set of contributions.
#[non_exhaustive]
pub struct Plugin {
    /// Its name, shown to users.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Tried in this order.
    pub comparators: Vec<Box<dyn Comparator>>,
    /// Selected by name.
    pub renderers: Vec<Box<dyn Renderer>>,
}

impl Plugin {
    /// Create a plugin without contributions.
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
