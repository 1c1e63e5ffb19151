//! Says what changed between two SQLite databases; a plugin of Binoc.

mod compare;
mod database;

use binoc_sdk::Plugin;

/// What this library contributes.
pub fn plugin() -> Plugin {
    Plugin::new("binoc-sqlite", env!("CARGO_PKG_VERSION")).comparator(compare::Sqlite)
}

binoc_sdk::export_plugin!(plugin);

/// Python only has to find the library; Binoc opens it itself.
#[cfg(feature = "python")]
#[pyo3::pymodule]
mod _native {}
