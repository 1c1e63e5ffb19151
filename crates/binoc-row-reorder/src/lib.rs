//! An example plugin: reports that the rows of a table were only reordered, and by which columns they are now sorted.
//!
//! It has one comparator and one renderer, and depends only on `binoc-sdk`. Binoc calls the comparator before its own
//! comparators. The comparator skips tables with any other change.

use std::fs;

use binoc_sdk::{
    Changeset, Comparator, ComparatorInfo, CompareRequest, Error, Example, Fact, Node, Outcome, Plugin,
    Renderer, RendererInfo, Result, Side,
};

/// Return the comparator and the renderer of this library.
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
        // If the size changed, the content changed. Skip large files, because this comparator reads both into memory.
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

/// Return the lines; `None` if there are fewer than two rows, or quotes, which can contain line breaks.
fn rows(text: &str) -> Option<Vec<&str>> {
    let rows: Vec<&str> = text.lines().collect();
    (rows.len() > 2 && !text.contains('"')).then_some(rows)
}

fn sorted<'a>(rows: &[&'a str]) -> Vec<&'a str> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

/// Return the names of the columns whose cells are in ascending order.
fn sorted_by<'a>(rows: &[&'a str], delimiter: char) -> Vec<&'a str> {
    let cell = |row: &'a str, column| row.split(delimiter).nth(column);
    let ascending = |(column, _): &(usize, &str)| rows[1..].is_sorted_by_key(|row| cell(row, *column));
    rows[0].split(delimiter).enumerate().filter(ascending).map(|(_, name)| name).collect()
}

/// A renderer that writes one line for each change: the action, a tab, and the path.
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
