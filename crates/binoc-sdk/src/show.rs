//! Data as text for [`Example`](crate::Example): bounded, and never two different values alike.

use std::fmt::Write;

/// The longest text an example shows, in characters.
pub const LONGEST: usize = 120;

/// Return a count and its noun: `1 row`, `2 rows`, `0 rows`; also `2 entries` and `2 indexes`.
pub fn plural(count: u64, noun: &str) -> String {
    let many = match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{count} {}", if count == 1 { noun } else { &many })
}

/// Return bytes as text; what is not UTF-8 becomes `\xNN`.
pub fn bytes(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len());
    for chunk in data.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Return a text, cut to [`LONGEST`] characters.
pub fn clip(text: &str) -> String {
    window(text, 0)
}

/// Return two different texts, cut to the part where they begin to differ, so that they still differ.
pub fn clip_pair(old: &str, new: &str) -> (String, String) {
    let shared = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    // A little of what they share, as context.
    let start = if shared + 1 < LONGEST { 0 } else { shared - LONGEST / 4 };
    (window(old, start), window(new, start))
}

fn window(text: &str, start: usize) -> String {
    let mut rest = text.chars().skip(start);
    let mut shown: String = rest.by_ref().take(LONGEST).collect();
    if rest.next().is_some() {
        shown.push('…');
    }
    if start > 0 {
        shown.insert(0, '…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_counted_in_english() {
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(plural(2, "entry"), "2 entries");
        assert_eq!(plural(0, "index"), "0 indexes");
        assert_eq!(plural(3, "key"), "3 keys");
    }

    #[test]
    fn long_values_that_differ_late_still_differ() {
        let (old, new) = (format!("{}x", "a".repeat(500)), format!("{}y", "a".repeat(500)));
        let (old, new) = clip_pair(&old, &new);
        assert_ne!(old, new);
        assert!(old.starts_with('…') && old.chars().count() <= LONGEST + 2);
    }

    #[test]
    fn every_pair_that_differs_is_shown_as_different() {
        for shared in 0..300 {
            let old = "é".repeat(shared);
            let (a, b) = clip_pair(&old, &format!("{old}!"));
            assert_ne!(a, b, "{shared} shared characters");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_visible() {
        assert_eq!(bytes(b"caf\xe9"), "caf\\xE9");
    }
}
