//! Says when the rows of a table were only put in another order, and by which column they are sorted now.
//!
//! A model for plugin authors: one comparator, one renderer, `export_plugin!`, and nothing else than the SDK.
//! The comparator is asked before Binoc's own and leaves everything to it that is more than a new order.

use std::fs;

use binoc_sdk::{
    Changeset, Comparator, ComparatorInfo, CompareRequest, Error, Example, Fact, Node, Outcome, Plugin,
    Renderer, RendererInfo, Result, Side,
};

/// What this library contributes.
pub fn plugin() -> Plugin {
    Plugin::new("row-reorder", env!("CARGO_PKG_VERSION")).comparator(RowOrder).renderer(Paths)
}

binoc_sdk::export_plugin!(plugin);

struct RowOrder;

impl Comparator for RowOrder {
    fn describe(&self) -> ComparatorInfo {
        ComparatorInfo::new("row-order").with_extensions(["csv", "tsv"])
    }

    fn compare(&self, request: &CompareRequest) -> Result<Outcome> {
        let (left, right, limit) = (&request.left, &request.right, request.options.max_bytes);
        // Another size is more than another order; a large one is left to a comparator that can do with less.
        if left.bytes != right.bytes || left.bytes > limit {
            return Ok(Outcome::skip());
        }
        let (Some(left), Some(right)) = (read(left)?, read(right)?) else {
            return Ok(Outcome::skip_because("not UTF-8"));
        };
        let (Some(old), Some(new)) = (rows(&left), rows(&right)) else { return Ok(Outcome::skip()) };
        if old[0] != new[0] || sorted(&old[1..]) != sorted(&new[1..]) {
            return Ok(Outcome::skip());
        }
        let mut node = Node::new("changed", "table", "");
        node.push("order", Fact::new("rows.reordered", "the same rows in another order"));
        let delimiter = if request.path.ends_with(".tsv") { '\t' } else { ',' };
        let before = sorted_by(&old, delimiter);
        let columns = sorted_by(&new, delimiter).into_iter().filter(|name| !before.contains(name));
        let examples: Vec<_> = columns.map(Example::value).collect();
        if !examples.is_empty() {
            node.push("order", Fact::new("rows.sorted", "now sorted by column").with_examples(examples));
        }
        Ok(Outcome::changed(node))
    }
}

/// Read a file; `None` if it is not UTF-8.
fn read(side: &Side) -> Result<Option<String>> {
    let data = fs::read(&side.local).map_err(|error| Error::io(&side.local, error))?;
    Ok(String::from_utf8(data).ok())
}

/// The lines, unless quotes may hide line breaks in a cell or there is no row to move.
fn rows(text: &str) -> Option<Vec<&str>> {
    let rows: Vec<&str> = text.lines().collect();
    (rows.len() > 2 && !text.contains('"')).then_some(rows)
}

fn sorted<'a>(rows: &[&'a str]) -> Vec<&'a str> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

/// The columns whose cells are in ascending order, as text.
fn sorted_by<'a>(rows: &[&'a str], delimiter: char) -> Vec<&'a str> {
    let cell = |row: &'a str, column| row.split(delimiter).nth(column);
    let ascending = |(column, _): &(usize, &str)| rows[1..].is_sorted_by_key(|row| cell(row, *column));
    rows[0].split(delimiter).enumerate().filter(ascending).map(|(_, name)| name).collect()
}

/// One line for each change: the action, a tab, the path. Easy to cut and grep.
struct Paths;

impl Renderer for Paths {
    fn describe(&self) -> RendererInfo {
        RendererInfo::new("paths", "paths")
    }

    fn render(&self, changeset: &Changeset) -> Result<String> {
        let line = |node: &Node| format!("{}\t{}\n", node.action, node.path.replace(['\n', '\t'], " "));
        Ok(changeset.changes.iter().map(line).collect())
    }
}
