//! The limits of a comparison.

/// The limits of a comparison; [`CompareOptions`](binoc_sdk::CompareOptions) has the limits of comparators.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest number of files in a snapshot.
    pub entries: usize,
    /// The largest depth of nested directories.
    pub depth: usize,
    /// The size of the largest file in the search for renames with edits, in bytes.
    pub similar_bytes: u64,
    /// The largest number of bytes that this search reads.
    pub similar_total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 2_000_000, depth: 200, similar_bytes: 16 << 20, similar_total: 512 << 20 }
    }
}
