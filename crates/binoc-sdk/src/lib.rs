#![doc = include_str!("../README.md")]

pub mod abi;
mod error;
mod model;
mod plugin;
pub mod show;

pub use error::{Error, Result};
pub use model::{Changeset, Diagnostic, Example, Fact, Node, SCHEMA, Severity};
pub use plugin::{
    Comparator, ComparatorInfo, CompareOptions, CompareRequest, Outcome, Plugin, Renderer, RendererInfo, Side,
};
