//! The Markdown renderer. All text from the data is in code spans, so that it cannot add markup.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use binoc_sdk::{Changeset, Example, Fact, Node, Renderer, RendererInfo, Result, Shape, show};

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
        let directories: BTreeMap<&str, &str> = changeset
            .changes
            .iter()
            .filter(|node| node.item_type == "directory")
            .filter_map(|node| Some((node.source.as_deref()?, node.path.as_str())))
            .collect();
        for node in &changeset.changes {
            write_node(&mut out, node, 0, is_moved_with(&directories, node));
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

/// Return whether the older path of a changed file follows from a renamed directory.
fn is_moved_with(directories: &BTreeMap<&str, &str>, node: &Node) -> bool {
    let Some(source) = node.source.as_deref().filter(|_| node.action == "changed") else { return false };
    let parents = source.match_indices('/').map(|(end, _)| (&source[..end], &source[end..]));
    let moved = parents.rev().any(|(parent, rest)| {
        directories.get(parent).is_some_and(|to| node.path.strip_prefix(to) == Some(rest))
    });
    moved || directories.get(".").is_some_and(|to| node.path.strip_prefix(to) == Some(&format!("/{source}")))
}

fn total(nodes: &[Node]) -> String {
    const ACTIONS: [&str; 4] = ["changed", "renamed", "removed", "added"];
    let mut counts: BTreeMap<(usize, &str, &str), u64> = BTreeMap::new();
    for node in nodes {
        let action = node.action.as_str();
        let place = ACTIONS.iter().position(|known| *known == action).unwrap_or(ACTIONS.len());
        let noun = if node.item_type == "directory" { "directory" } else { "file" };
        *counts.entry((place, action, noun)).or_default() += 1;
    }
    let part = |((_, action, noun), count)| format!("{} {}", show::plural(count, noun), prose(action));
    let parts: Vec<String> = counts.into_iter().map(part).collect();
    format!("{}.\n", parts.join(", "))
}

fn write_node(out: &mut String, node: &Node, depth: usize, is_moved: bool) {
    let indent = "  ".repeat(depth);
    let path = code(&node.path);
    let names = match &node.source {
        Some(source) if node.action == "added" => {
            let edits = if node.similarity.is_some() { " with edits" } else { "" };
            format!("{path}, a copy of {}{edits}", code(source))
        }
        Some(source) if !is_moved => format!("{} → {path}", code(source)),
        _ => path,
    };
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
    out.push_str(&format!("{indent}- {} {names}{about}\n", prose(&node.action)));
    if let Some(shape) = node.shape.as_ref().and_then(shape_text) {
        out.push_str(&format!("{indent}  - {shape}\n"));
    }
    for fact in &node.facts {
        write_fact(out, fact, depth + 1);
    }
    for child in &node.children {
        write_node(out, child, depth + 1, false);
    }
}

/// Return the numbers of rows and columns, before and after if they differ; `None` if none is known.
fn shape_text(shape: &Shape) -> Option<String> {
    let side = |rows: Option<u64>, columns: Option<u64>| {
        let parts = [
            rows.map(|count| show::plural(count, "row")),
            columns.map(|count| show::plural(count, "column")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" × "))
    };
    let (before, after) =
        (side(shape.rows_before, shape.columns_before), side(shape.rows_after, shape.columns_after));
    match (before, after) {
        (Some(before), Some(after)) if before != after => Some(format!("{before} → {after}")),
        (before, after) => before.or(after),
    }
}

/// Write the columns with the most occurrences, as many as there are examples, in the order of the table.
fn write_columns(out: &mut String, fact: &Fact, indent: &str) {
    let mut largest: Vec<_> = fact.by_column.iter().enumerate().collect();
    largest.sort_by_key(|(place, column)| (Reverse(column.count), *place));
    largest.truncate(fact.examples.len());
    if largest.is_empty() {
        return;
    }
    largest.sort_by_key(|(place, _)| *place);
    let columns: Vec<String> =
        largest.iter().map(|(_, column)| format!("{}: {}", code(&column.column), column.count)).collect();
    let more = (fact.by_column.len() - largest.len()) as u64;
    let more = match more {
        0 => String::new(),
        1 => ", and 1 more column".into(),
        _ => format!(", and {more} more columns"),
    };
    out.push_str(&format!("{indent}  - by column: {}{more}\n", columns.join(", ")));
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
    write_columns(out, fact, &indent);
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
    use binoc_sdk::ColumnCount;

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
    fn shape_omits_what_is_unknown() {
        let text = |before, after| shape_text(&Shape::new(before, after));
        assert_eq!(text(Some((4, 3)), Some((5, 3))).unwrap(), "4 rows × 3 columns → 5 rows × 3 columns");
        assert_eq!(text(Some((1, 1)), Some((1, 1))).unwrap(), "1 row × 1 column");
        assert_eq!(text(None, Some((0, 2))).unwrap(), "0 rows × 2 columns");
        let mut rows_only = Shape::default();
        (rows_only.rows_before, rows_only.rows_after) = (Some(4), Some(5));
        assert_eq!(shape_text(&rows_only).unwrap(), "4 rows → 5 rows");
        assert_eq!(shape_text(&Shape::default()), None);
    }

    #[test]
    fn columns_with_the_most_cells_are_listed_in_the_order_of_the_table() {
        let write = |counts: &[(&str, u64)], examples: usize| {
            let columns = counts.iter().map(|(name, count)| ColumnCount::new(*name, *count));
            let examples = (0..examples).map(|_| Example::change("1", "2"));
            let count = counts.iter().map(|(_, count)| count).sum();
            let fact = Fact::counted("cells.changed", count, "cell", "changed");
            let mut out = String::new();
            write_fact(&mut out, &fact.with_columns(columns).with_examples(examples), 0);
            out.lines().find(|line| line.contains("by column")).map(|line| line.trim().to_owned())
        };
        assert_eq!(
            write(&[("a`b", 1), ("c", 9), ("d", 5)], 2).unwrap(),
            "- by column: `c`: 9, `d`: 5, and 1 more column"
        );
        assert_eq!(write(&[("a`b", 2), ("c", 2)], 4).unwrap(), "- by column: ``a`b``: 2, `c`: 2");
        assert_eq!(write(&[("a", 3)], 0), None);
        assert_eq!(write(&[("a", 1)], 1), None, "the only example names the column");
    }

    #[test]
    fn source_of_a_file_is_omitted_if_it_follows_from_a_renamed_directory() {
        let node = |action: &str, kind: &str, from: &str, to: &str| {
            let mut node = Node::new(action, kind, to);
            node.source = Some(from.into());
            node
        };
        let mut changeset = Changeset::new("a", "b");
        changeset.changes = vec![
            node("renamed", "directory", "d", "e"),
            node("changed", "table", "d/s/x", "e/s/x"),
            node("changed", "table", "f/x", "e/x"),
        ];
        let report = Markdown.render(&changeset).unwrap();
        assert!(report.contains("2 files changed, 1 directory renamed."), "{report}");
        assert!(report.contains("- renamed `d` → `e` (directory)\n- changed `e/s/x` (table)\n"), "{report}");
        assert!(report.contains("- changed `f/x` → `e/x` (table)\n"), "{report}");
    }

    #[test]
    fn prose_outside_code_spans_is_escaped() {
        assert_eq!(prose("no `a*b` in <b>"), "no `a*b` in \\<b\\>");
        assert_eq!(prose("one ` open\n# x"), "one `  open␊# x `");
    }
}
