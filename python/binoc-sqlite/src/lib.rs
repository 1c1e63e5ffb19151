//! A plugin for Binoc that reports what changed between two SQLite databases.

mod compare;
mod database;
mod pair;
mod table;

use binoc_sdk::Plugin;

/// Return the plugin with its comparator.
pub fn plugin() -> Plugin {
    Plugin::new("binoc-sqlite", env!("CARGO_PKG_VERSION")).comparator(compare::Sqlite)
}

binoc_sdk::export_plugin!(plugin);

/// An empty module, so that Python can find the library. Binoc opens the library without importing it.
#[cfg(feature = "python")]
#[pyo3::pymodule]
mod _native {}
