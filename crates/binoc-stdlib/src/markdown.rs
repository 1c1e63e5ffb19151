//! The Markdown renderer. All text from the data is in code spans, so that it cannot add markup.

use std::collections::BTreeMap;

use binoc_sdk::{Changeset, Example, Fact, Node, Renderer, RendererInfo, Result, show};

pub(crate) struct Markdown;

impl Renderer for Markdown {
    fn describe(&self) -> RendererInfo {
        RendererInfo::new("markdown", "md")
    }

    fn render(&self, changeset: &Changeset) -> Result<String> {
        let mut out = format!("# Changes from {} to {}\n\n", code(&changeset.from), code(&changeset.to));
        out.push_str(&match (changeset.is_changed(), changeset.is_incomplete()) {
            (true, _) => total(&changeset.changes),
            (false, false) => "No changes.\n".into(),
            (false, true) => "No changes in what could be compared.\n".into(),
        });
        if changeset.is_changed() {
            out.push('\n');
        }
        for node in &changeset.changes {
            write_node(&mut out, node, 0);
        }
        if !changeset.diagnostics.is_empty() {
            out.push_str("\n## Findings\n\n");
        }
        for finding in &changeset.diagnostics {
            let path = finding.path.as_deref().filter(|path| !path.is_empty());
            let path = path.map_or_else(String::new, |path| format!("{}: ", code(path)));
            out.push_str(&format!("- {}: {path}{}\n", finding.severity, prose(&finding.message)));
        }
        Ok(out)
    }
}

fn total(nodes: &[Node]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for node in nodes {
        *counts.entry(&node.action).or_default() += 1;
    }
    let mut parts = Vec::new();
    for action in ["changed", "renamed", "removed", "added"] {
        parts.extend(counts.remove(action).map(|count| (action, count)));
    }
    parts.extend(counts);
    let parts: Vec<String> = parts
        .iter()
        .map(|(action, count)| format!("{} {}", show::plural(*count, "file"), prose(action)))
        .collect();
    format!("{}.\n", parts.join(", "))
}

fn write_node(out: &mut String, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    let source = node.source.as_ref().map_or_else(String::new, |source| format!("{} → ", code(source)));
    let mut about = Vec::new();
    if node.item_type != "file" {
        about.push(prose(&node.item_type));
    }
    match (node.bytes_before, node.bytes_after) {
        (Some(old), Some(new)) if old != new => about.push(format!("{old} → {}", show::plural(new, "byte"))),
        (Some(bytes), _) | (None, Some(bytes)) => about.push(show::plural(bytes, "byte")),
        (None, None) => {}
    }
    about.extend(node.similarity.map(|percent| format!("{percent} % alike")));
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    out.push_str(&format!("{indent}- {} {source}{}{about}\n", prose(&node.action), code(&node.path)));
    for fact in &node.facts {
        write_fact(out, fact, depth + 1);
    }
    for child in &node.children {
        write_node(out, child, depth + 1);
    }
}

fn write_fact(out: &mut String, fact: &Fact, depth: usize) {
    let indent = "  ".repeat(depth);
    let text = prose(&fact.text);
    let count = fact.count.unwrap_or(fact.examples.len() as u64);
    if let ([example], true) = (&fact.examples[..], count <= 1) {
        out.push_str(&format!("{indent}- {text}: {}\n", example_text(example)));
        return;
    }
    out.push_str(&format!("{indent}- {text}\n"));
    for example in &fact.examples {
        out.push_str(&format!("{indent}  - {}\n", example_text(example)));
    }
    let more = count.saturating_sub(fact.examples.len() as u64);
    if more > 0 && !fact.examples.is_empty() {
        out.push_str(&format!("{indent}  - and {more} more\n"));
    }
}

fn example_text(example: &Example) -> String {
    let mut place = Vec::new();
    place.extend(example.at.as_deref().map(prose));
    place.extend(example.key.as_deref().map(|key| format!("key {}", code(key))));
    place.extend(example.column.as_deref().map(|column| format!("column {}", code(column))));
    let what = match (&example.value, &example.old, &example.new) {
        (Some(value), ..) => code(value),
        (None, Some(old), Some(new)) => format!("{} → {}", code(old), code(new)),
        (None, Some(old), None) => format!("{} removed", code(old)),
        (None, None, Some(new)) => format!("{} added", code(new)),
        (None, None, None) => String::new(),
    };
    match (place.is_empty(), what.is_empty()) {
        (true, _) => what,
        (_, true) => place.join(", "),
        _ => format!("{}: {what}", place.join(", ")),
    }
}

/// Return data as a code span without line breaks and invisible characters.
fn code(data: &str) -> String {
    if data.is_empty() {
        return "*(empty)*".into();
    }
    let mut text = String::with_capacity(data.len());
    for c in data.chars() {
        match c {
            // Show control characters as their Unicode symbols, so that a newline is visible.
            '\0'..='\x1f' => text.extend(char::from_u32(0x2400 + c as u32)),
            '\x7f' => text.push('\u{2421}'),
            // Escape invisible characters and those that change the direction of the text.
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => text.push_str(&format!("<U+{:04X}>", c as u32)),
            _ => text.push(c),
        }
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // Markdown removes one space at both ends. Without spaces, a backtick at an end would join the fence.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Return a message as Markdown: text in backticks as code spans, the rest escaped.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            out.push_str(&code(part));
            continue;
        }
        for c in part.chars() {
            match c {
                '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!' => {
                    out.extend(['\\', c]);
                }
                c if c.is_control() => out.push(' '),
                c => out.push(c),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stays_in_its_code_span() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("x\n# heading"), "`x␊# heading`");
        assert_eq!(code("a\u{202e}b"), "`a<U+202E>b`");
        assert_eq!(code(""), "*(empty)*");
        assert_eq!(code(" x"), "`  x `");
    }

    #[test]
    fn prose_outside_code_spans_is_escaped() {
        assert_eq!(prose("no `a*b` in <b>"), "no `a*b` in \\<b\\>");
        assert_eq!(prose("one ` open\n# x"), "one `  open␊# x `");
    }
}
