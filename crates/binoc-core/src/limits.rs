//! The limits of a comparison.

/// What a comparison may spend, beyond [`CompareOptions`](binoc_sdk::CompareOptions).
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most files of one snapshot.
    pub entries: usize,
    /// The deepest directory.
    pub depth: usize,
    /// The largest file that is searched for a rename with edits.
    pub similar_bytes: u64,
    /// The most bytes read in that search.
    pub similar_total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 2_000_000, depth: 200, similar_bytes: 16 << 20, similar_total: 512 << 20 }
    }
}
