//! Functions that format data for an [`Example`](crate::Example). The text is bounded, and different values stay
//! different.

use std::fmt::Write;

/// The length of the longest text in an example, in characters.
pub const LONGEST: usize = 120;

/// Return a count with its noun in the singular or plural, such as `1 row`, `2 rows` or `2 entries`.
pub fn plural(count: u64, noun: &str) -> String {
    let many = match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{count} {}", if count == 1 { noun } else { &many })
}

/// Return bytes as text; each byte that is not UTF-8 becomes `\xNN`.
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

/// Return a text cut to [`LONGEST`] characters.
pub fn clip(text: &str) -> String {
    window(text, 0)
}

/// Return two different texts, cut to the part where they first differ.
pub fn clip_pair(old: &str, new: &str) -> (String, String) {
    let shared = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    // Keep a part of the shared text as context.
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
    fn plural_of_english_nouns() {
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(plural(2, "entry"), "2 entries");
        assert_eq!(plural(0, "index"), "0 indexes");
        assert_eq!(plural(3, "key"), "3 keys");
    }

    #[test]
    fn long_values_with_a_late_difference_stay_different() {
        let (old, new) = (format!("{}x", "a".repeat(500)), format!("{}y", "a".repeat(500)));
        let (old, new) = clip_pair(&old, &new);
        assert_ne!(old, new);
        assert!(old.starts_with('…') && old.chars().count() <= LONGEST + 2);
    }

    #[test]
    fn different_values_stay_different() {
        for shared in 0..300 {
            let old = "é".repeat(shared);
            let (a, b) = clip_pair(&old, &format!("{old}!"));
            assert_ne!(a, b, "{shared} shared characters");
        }
    }

    #[test]
    fn invalid_utf8_is_escaped() {
        assert_eq!(bytes(b"caf\xe9"), "caf\\xE9");
    }
}
