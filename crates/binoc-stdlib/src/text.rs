//! Comparison of text by lines.

use std::fs::File;
use std::io::Read;

use binoc_sdk::{
    Comparator, ComparatorInfo, CompareRequest, Error, Example, Fact, Node, Outcome, Result, Side, show,
};

use crate::align::{Interner, align, digest};

/// Extensions of text files in any encoding; files with other extensions are text only if they are UTF-8.
const EXTENSIONS: [&str; 14] =
    ["txt", "md", "rst", "log", "json", "jsonl", "xml", "html", "yaml", "yml", "toml", "ini", "sql", "tex"];
const BOM: &[u8] = b"\xef\xbb\xbf";
/// The largest number of lines in an example.
const LINES: usize = 3;

pub(crate) struct Text;

impl Comparator for Text {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("text").with_any()
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let extension =
            request.path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        let any_encoding = EXTENSIONS.contains(&extension.as_str());
        for side in [&request.left, &request.right] {
            if !is_text(side, any_encoding)? {
                return Ok(Outcome::skip());
            }
        }
        let (left, right) = match (load(&request.left, request)?, load(&request.right, request)?) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Outcome::skip_because(reason)),
        };
        let utf8 = std::str::from_utf8(&left).is_ok() && std::str::from_utf8(&right).is_ok();
        if left.contains(&0) || right.contains(&0) || !(utf8 || any_encoding) {
            return Ok(Outcome::skip());
        }
        let mut node = Node::new("changed", "text", "");
        for fact in encoding_facts(&left, &right) {
            node.push("encoding", fact);
        }
        if !utf8 {
            node.push("encoding", not_utf8());
        }
        for fact in line_facts(&left, &right, request.options.examples) {
            node.push("content", fact);
        }
        Ok(Outcome::changed(node))
    }
}

/// Return the bytes of a file, or the reason why it is skipped as too large.
pub(crate) fn load(side: &Side, request: &CompareRequest) -> Result<Result<Vec<u8>, String>> {
    let limit = request.options.max_bytes;
    let mut data = Vec::new();
    // Check the size while reading: the file may have grown since it was listed.
    let file = File::open(&side.local).map_err(|error| Error::io(&side.local, error))?;
    file.take(limit + 1).read_to_end(&mut data).map_err(|error| Error::io(&side.local, error))?;
    let small = data.len() as u64 <= limit;
    Ok(if small { Ok(data) } else { Err(format!("larger than {}", show::plural(limit, "byte"))) })
}

/// Return whether a file begins like text; a large binary file is not read completely.
fn is_text(side: &Side, any_encoding: bool) -> Result<bool> {
    let mut head = Vec::new();
    let file = File::open(&side.local).map_err(|error| Error::io(&side.local, error))?;
    file.take(8192).read_to_end(&mut head).map_err(|error| Error::io(&side.local, error))?;
    // The last character may be incomplete.
    let utf8 = std::str::from_utf8(&head).map_or_else(|error| error.error_len().is_none(), |_| true);
    Ok(!head.contains(&0) && (utf8 || any_encoding))
}

pub(crate) fn not_utf8() -> Fact {
    Fact::new("encoding.unknown", "not UTF-8: compared byte by byte")
}

/// Return facts about byte order marks and line endings.
pub(crate) fn encoding_facts(left: &[u8], right: &[u8]) -> Vec<Fact> {
    let mut facts = Vec::new();
    match (left.starts_with(BOM), right.starts_with(BOM)) {
        (false, true) => facts.push(Fact::new("encoding.bom-added", "byte order mark added")),
        (true, false) => facts.push(Fact::new("encoding.bom-removed", "byte order mark removed")),
        _ => {}
    }
    let (old, new) = (ending(left), ending(right));
    if let (Some(old), Some(new)) = (old, new)
        && old != new
    {
        let text = format!("line endings changed from {old} to {new}");
        facts.push(Fact::new("encoding.line-endings", text));
    }
    facts
}

fn ending(data: &[u8]) -> Option<&'static str> {
    let crlf = data.windows(2).filter(|pair| pair == b"\r\n").count();
    let lf = data.iter().filter(|byte| **byte == b'\n').count() - crlf;
    match (crlf, lf) {
        (0, 0) => None,
        (0, _) => Some("LF"),
        (_, 0) => Some("CRLF"),
        _ => Some("mixed"),
    }
}

pub(crate) fn strip_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(BOM).unwrap_or(data)
}

fn lines(data: &[u8]) -> Vec<&[u8]> {
    let lines = strip_bom(data).split_inclusive(|byte| *byte == b'\n');
    let without_ending = |line| match <[u8]>::strip_suffix(line, b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    };
    lines.map(without_ending).collect()
}

fn line_facts(left: &[u8], right: &[u8], examples: usize) -> Vec<Fact> {
    let (old_lines, new_lines) = (lines(left), lines(right));
    let mut interner = Interner::default();
    let mut ids =
        |lines: &[&[u8]]| -> Vec<u32> { lines.iter().map(|line| interner.id(digest([*line]))).collect() };
    let (old_ids, new_ids) = (ids(&old_lines), ids(&new_lines));
    let mut pairs = align(&old_ids, &new_ids);
    pairs.push((old_lines.len(), new_lines.len()));
    let (mut old_start, mut new_start) = (0, 0);
    let (mut removed, mut added, mut places, mut shown) = (0, 0, 0, Vec::new());
    for (old_end, new_end) in pairs {
        let (old, new) = (&old_lines[old_start..old_end], &new_lines[new_start..new_end]);
        if !old.is_empty() || !new.is_empty() {
            (removed, added, places) = (removed + old.len() as u64, added + new.len() as u64, places + 1);
            if shown.len() < examples {
                let at = match old.is_empty() {
                    true => format!("new line {}", new_start + 1),
                    false => format!("line {}", old_start + 1),
                };
                shown.push(example(at, old, new));
            }
        }
        (old_start, new_start) = (old_end + 1, new_end + 1);
    }
    let mut facts = Vec::new();
    if removed > 0 {
        facts.push(Fact::counted("lines.removed", removed, "line", "removed"));
    }
    if added > 0 {
        facts.push(Fact::counted("lines.added", added, "line", "added"));
    }
    if places > 0 {
        let text = format!("changed in {}", show::plural(places, "place"));
        facts.push(Fact::new("places.changed", text).with_count(places).with_examples(shown));
    }
    let newline = |data: &[u8]| data.last() == Some(&b'\n');
    if newline(left) != newline(right) {
        let state = if newline(right) { "added" } else { "removed" };
        let text = format!("line ending at the end of the file {state}");
        facts.push(Fact::new("lines.final-newline", text));
    }
    facts
}

fn example(at: String, old: &[&[u8]], new: &[&[u8]]) -> Example {
    let text = |lines: &[&[u8]]| {
        let mut text = show::bytes(&lines[..lines.len().min(LINES)].join(&b'\n'));
        if lines.len() > LINES {
            text.push_str("\n…");
        }
        text
    };
    let (before, after) = show::clip_pair(&text(old), &text(new));
    let mut example = Example::default().with_at(at);
    example.old = (!old.is_empty()).then_some(before);
    example.new = (!new.is_empty()).then_some(after);
    example
}
