//! Properties of the parsers that hold for any bytes: functions for fuzzers and for the tests, which panic otherwise.

/// Check the parts of two files, which are divided in proportion to the first byte.
pub fn parts(data: &[u8]) {
    let (first, data) = data.split_first().unwrap_or((&0, &[]));
    let (old, new) = data.split_at(data.len() * usize::from(*first) / 255);
    crate::print::fuzz(old, new);
}

/// Check the years, dates and versions in a path.
pub fn names(data: &[u8]) {
    crate::tokens::fuzz(&String::from_utf8_lossy(data).replace('\0', ""));
}
