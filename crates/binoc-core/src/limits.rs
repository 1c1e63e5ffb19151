//! The limits of a comparison.

/// The limits of a comparison; [`CompareOptions`](binoc_sdk::CompareOptions) has the limits of comparators.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest number of files in a snapshot.
    pub entries: usize,
    /// The largest depth of nested directories.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 2_000_000, depth: 200 }
    }
}
