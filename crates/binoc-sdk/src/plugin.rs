//! The two families of contributions and what they exchange with the host.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Changeset, Node};

/// What a comparator is and which files it wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparatorInfo {
    /// A short name, shown to users.
    pub name: String,
    /// File extensions in lower case, without the dot.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// First bytes of files it wants whatever their extension.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Asked for every file that nobody else took.
    #[serde(default)]
    pub any: bool,
}

/// What a renderer is called and the extension of the files it writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RendererInfo {
    /// The name for `--format`.
    pub name: String,
    /// The extension by which `-o PATH` chooses it, in lower case, without the dot.
    pub extension: String,
}

impl RendererInfo {
    /// A renderer called `name` for files that end in `.extension`.
    pub fn new(name: &str, extension: &str) -> Self {
        Self { name: name.into(), extension: extension.into() }
    }
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Where to read it; never write there.
    pub local: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// What the user asked for and what a comparator may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct CompareRequest {
    /// The path in the newer snapshot.
    pub path: String,
    /// The older version.
    pub left: Side,
    /// The newer version.
    pub right: Side,
    /// What the user asked for.
    pub options: CompareOptions,
}

/// What a comparator answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// What changed. The host fills in path, sizes and comparator.
    Changed {
        /// The facts.
        node: Box<Node>,
    },
    /// Not mine: the next comparator is asked. A reason is shown to the user.
    Skipped {
        /// Why, if the user would have expected it to be compared.
        reason: Option<String>,
    },
}

impl Outcome {
    /// A node with facts.
    pub fn changed(node: Node) -> Self {
        Self::Changed { node: Box::new(node) }
    }

    /// Nothing the user has to hear about.
    pub const fn skip() -> Self {
        Self::Skipped { reason: None }
    }
}

/// Says what changed between two versions of one file.
pub trait Comparator: Send + Sync {
    /// What it is and what it wants to see.
    fn describe(&self) -> ComparatorInfo;

    /// Compares two files whose bytes differ. An error is shown to the user; the next comparator is asked.
    fn compare(&self, request: &CompareRequest) -> Result<Outcome>;
}

/// Turns a changeset into text.
pub trait Renderer: Send + Sync {
    /// What it is called.
    fn describe(&self) -> RendererInfo;

    /// The whole document, with its final newline.
    fn render(&self, changeset: &Changeset) -> Result<String>;
}

/// A named set of contributions.
pub struct Plugin {
    /// Its name, shown to users.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Asked in this order.
    pub comparators: Vec<Box<dyn Comparator>>,
    /// Chosen by name.
    pub renderers: Vec<Box<dyn Renderer>>,
}

impl Plugin {
    /// A plugin that contributes nothing yet.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.into(), version: version.into(), comparators: Vec::new(), renderers: Vec::new() }
    }

    /// Adds a comparator.
    #[must_use]
    pub fn comparator(mut self, comparator: impl Comparator + 'static) -> Self {
        self.comparators.push(Box::new(comparator));
        self
    }

    /// Adds a renderer.
    #[must_use]
    pub fn renderer(mut self, renderer: impl Renderer + 'static) -> Self {
        self.renderers.push(Box::new(renderer));
        self
    }
}
