//! The comparison of two tables: columns, then rows, then cells, in bounded memory.
//!
//! A table is columns and a stream of rows that can be read more than once, wherever it comes from.

mod source;

pub use source::{Cells, Column, RowHash, RowHasher, Table};
