//! Names that differ only in a year, a date or a version.

/// Words before a number that make it a version or a year.
const VERSION: [&str; 6] = ["v", "ver", "version", "rev", "release", "fy"];
/// The names of months, which are tokens next to a year.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The characters between the parts of a date.
const SEPARATORS: [char; 4] = ['-', '_', '.', ' '];

/// Return the path with each year, date and version replaced by the same character, and the replaced texts.
pub(crate) fn split(path: &str) -> (String, Vec<&str>) {
    let (mut pattern, mut tokens, mut start) = (String::with_capacity(path.len()), Vec::new(), 0);
    while start < path.len() {
        let rest = &path[start..];
        match token(&path[..start], rest) {
            0 => {
                let length = if rest.as_bytes()[0].is_ascii_digit() {
                    digits(rest)
                } else {
                    rest.chars().next().map_or(1, char::len_utf8)
                };
                pattern.push_str(&rest[..length]);
                start += length;
            }
            length => {
                // A file name cannot contain this character.
                pattern.push('\0');
                tokens.push(&rest[..length]);
                start += length;
            }
        }
    }
    (pattern, tokens)
}

/// Return the length of the year, date or version at the start of `rest`; 0 if there is none.
fn token(before: &str, rest: &str) -> usize {
    let month = month(rest);
    if month > 0 && !before.ends_with(char::is_alphabetic) {
        let year = rest[month..].strip_prefix(SEPARATORS).unwrap_or(&rest[month..]);
        let has_year = is_year(&year[..digits(year)]);
        return if has_year { rest.len() - year.len() + digits(year) } else { 0 };
    }
    let length = digits(rest);
    if length == 0 {
        return 0;
    }
    let last_word = |text: &str| {
        let length = text.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
        text[text.len() - length..].to_ascii_lowercase()
    };
    let word = last_word(before);
    let spaced = last_word(before.trim_end_matches(SEPARATORS));
    if VERSION.contains(&word.as_str()) || VERSION[1..].contains(&spaced.as_str()) {
        return numbers(rest, &['.'], |_| true);
    }
    let date = numbers(rest, &['-', '_', '.'], |number| number.len() <= 2);
    let has_year = |number: &str| is_year(number) || is_compact_date(number);
    if has_year(&rest[..length]) {
        return quarter_or_month(rest, date);
    }
    // A day and a month before the year.
    let day_first = numbers(rest, &['-', '_', '.'], |number| number.len() == 2 || is_year(number));
    if length == 2 && day_first == 10 && is_year(&rest[6..10]) {
        return day_first;
    }
    // Dotted numbers are a version, except before the extension of a file such as `part.1.csv`.
    let version = numbers(rest, &['.'], |_| true);
    if rest[..version].contains('.') { version } else { 0 }
}

/// Return the length of numbers that are joined by one of `separators` and for which `fits` is true after the first.
fn numbers(text: &str, separators: &[char], fits: impl Fn(&str) -> bool) -> usize {
    let mut length = digits(text);
    while let Some(next) = text[length..].strip_prefix(separators) {
        let more = digits(next);
        if more == 0 || !fits(&next[..more]) || next[more..].starts_with(|c: char| c.is_alphabetic()) {
            break;
        }
        length += 1 + more;
    }
    length
}

/// Return the length of the name of a month, such as `Sep` or `september`; 0 if there is none.
fn month(text: &str) -> usize {
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = text[..length].to_ascii_lowercase();
    let is_month = word == "sept" || MONTHS.iter().any(|name| word == *name || word == name[..3]);
    if is_month { length } else { 0 }
}

/// Return the length of a date with a quarter or month after it, such as `2025Q3`, `2025-q3` or `2025-Jan`.
fn quarter_or_month(text: &str, date: usize) -> usize {
    let rest = &text[date..];
    let sign = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    if month(sign) > 0 {
        return date + (rest.len() - sign.len()) + month(sign);
    }
    let is_quarter = sign.len() >= 2
        && sign.as_bytes()[0].eq_ignore_ascii_case(&b'q')
        && (b'1'..=b'4').contains(&sign.as_bytes()[1])
        && !sign[2..].starts_with(|c: char| c.is_alphanumeric());
    if is_quarter { date + (rest.len() - sign.len()) + 2 } else { date }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn is_year(number: &str) -> bool {
    number.len() == 4 && (number.starts_with("19") || number.starts_with("20"))
}

/// Return whether it is `YYYYMM` or `YYYYMMDD`.
fn is_compact_date(number: &str) -> bool {
    let part = |range: std::ops::Range<usize>, largest: u32| {
        number[range].parse().is_ok_and(|value: u32| (1..=largest).contains(&value))
    };
    match number.len() {
        6 => is_year(&number[..4]) && part(4..6, 12),
        8 => is_year(&number[..4]) && part(4..6, 12) && part(6..8, 31),
        _ => false,
    }
}

/// Check that the pattern and the texts of any path are the path.
pub(crate) fn fuzz(path: &str) {
    let (pattern, tokens) = split(path);
    let mut tokens = tokens.into_iter();
    // The path of a file cannot contain a zero byte.
    let pieces: Vec<&str> = pattern.split('\0').collect();
    assert_eq!(tokens.len() + 1, pieces.len());
    let joined: String = pieces.into_iter().flat_map(|piece| [piece, tokens.next().unwrap_or("")]).collect();
    assert_eq!(joined, path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_a_year_date_or_version_have_the_same_pattern() {
        for (old, new) in [
            ("survey_2022.csv", "survey_2023.csv"),
            ("data_2025-12-18", "data_2026-04-30"),
            ("data_2025-12/x", "data_2026-04-30/x"),
            ("x20251218.csv", "x20260430.csv"),
            ("x-18.12.2025.csv", "x-30.04.2026.csv"),
            ("a v1.csv", "a v2.1.csv"),
            ("a-1.2.3.tar", "a-1.10.0.tar"),
            ("release 3/x.csv", "release 4/x.csv"),
            ("NPI_March_2026.csv", "NPI_April_2026.csv"),
            ("x-Sep2025.csv", "x-may2026.csv"),
            ("x_2025_jan.csv", "x_2026_December.csv"),
            ("budget FY25.csv", "budget FY26.csv"),
            ("gdp_2025Q3.csv", "gdp_2025Q4.csv"),
            ("gdp-2025-q3.csv", "gdp-2026-q1.csv"),
            ("2024/s_2024.csv", "2025/s_2025.csv"),
            ("é2024", "é2025"),
        ] {
            assert_eq!(split(old).0, split(new).0, "{old} {new}");
            assert!(!split(old).1.is_empty(), "{old}");
        }
    }

    #[test]
    fn other_numbers_are_not_tokens() {
        for name in [
            "part1.csv",
            "part-01.csv",
            "t00005",
            "id_12345678.csv",
            "q1.csv",
            "x.1.csv",
            "3d.csv",
            "1024px",
            "may.csv",
            "march_1.csv",
            "marching_2.csv",
        ] {
            assert_eq!(split(name), (name.to_owned(), vec![]));
        }
        assert_ne!(split("survey_2022.csv").0, split("survey_2023.txt").0);
        assert_ne!(split("a_2022.csv").0, split("b_2023.csv").0);
    }
}
