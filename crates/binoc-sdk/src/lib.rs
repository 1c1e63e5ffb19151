#![doc = include_str!("../README.md")]
// Types are `#[non_exhaustive]`, so that a new field or variant is a compatible change.
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod abi;
mod error;
pub mod format;
mod model;
mod plugin;
pub mod show;

pub use error::{Error, Result};
pub use model::{Changeset, ColumnCount, Diagnostic, Example, Fact, Node, SCHEMA, Severity, Shape};
pub use plugin::{
    Comparator, ComparatorInfo, CompareOptions, CompareRequest, Outcome, Plugin, Renderer, RendererInfo, Side,
};
