//! The comparison of two tables: columns, then rows, then cells, in bounded memory.
//!
//! A table is columns and a stream of rows that can be read more than once, wherever it comes from. Rows that both tables
//! have are matched while both are read at the same time. The others are matched by a key, if there is one, and otherwise
//! by content, never by position alone.

mod columns;
mod compare;
mod content;
mod keys;
mod merge;
mod order;
mod partition;
mod report;
mod source;
mod tally;
mod unmatched;

pub use compare::{KeyOrigin, Settings};
pub use report::compare;
pub use source::{Cells, Column, RowHash, RowHasher, Table};
