#![doc = include_str!("../README.md")]

pub mod abi;
mod model;
mod plugin;
pub mod show;

pub use model::{Changeset, Diagnostic, Example, Fact, Node, SCHEMA, Severity};
pub use plugin::{
    Comparator, ComparatorInfo, CompareOptions, CompareRequest, Error, Outcome, Plugin, Renderer,
    RendererInfo, Result, Side,
};
